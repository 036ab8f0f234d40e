"""The processes of a benchmark (the platform, the supervisor, the bare loop), and what the kernel says of them."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import struct
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from arrivals import BEAT, Arrival

PATIENCE = 60.0  # seconds until what does not happen has failed
TOKEN = "t" * 64


def clean_environment() -> Dict[str, str]:
    """None of the caller's settings reaches what is measured."""
    kept = ("PATH", "HOME", "LANG", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
    return {name: os.environ[name] for name in kept if name in os.environ}


class Process:
    """A program that runs until its `with` ends; its output is kept for when it fails."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        number, name = tempfile.mkstemp(prefix=Path(command[0]).name, suffix=".log", dir=folder)
        self._log = Path(name)
        self._was_killed = False
        with open(number, "wb") as log:
            self.started = time.monotonic_ns()
            self._process = subprocess.Popen(
                command, cwd=folder, env=clean_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self._take_precedence()

    def _take_precedence(self) -> None:
        """Linux may share out CPU by session first (CONFIG_SCHED_AUTOGROUP): then niceness counts within a session
        alone, and that of the session against others'. So each program has a session of its own, as nice."""
        try:
            (self._proc() / "autogroup").write_text(str(os.getpriority(os.PRIO_PROCESS, self._process.pid)))
        except OSError:  # there is no such thing here, it is not allowed, or the program has ended
            pass

    def __enter__(self):
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        self._process.terminate()
        try:
            code = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if failure is None and code not in (0, -signal.SIGTERM, -signal.SIGKILL if self._was_killed else 0):
            raise RuntimeError(f"{self._process.args[0]} ended with {code}:\n{self.log()}")

    def check(self) -> None:
        """Raises when it has ended by itself."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._process.args[0]} ended with {self._process.returncode}:\n{self.log()}")

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]

    def cpu_ns(self) -> int:
        """CPU time of all its threads, those that have ended included."""
        return time.clock_gettime_ns((~self._process.pid << 3) | 2)  # CPUCLOCK_SCHED of a process, as in glibc

    def switches(self) -> int:
        """How often its threads have gone to sleep, and so had to be woken."""
        return sum(self._status(task, "voluntary_ctxt_switches") for task in self._tasks())

    def threads(self) -> int:
        return len(self._tasks())

    def cpu_ns_of_threads(self) -> Dict[str, int]:
        """CPU time of each thread that is there, by its number and name."""
        found = {}
        for task in self._tasks():
            try:
                name = f"{task.name} {(task / 'comm').read_text().strip()}"
                found[name] = int((task / "schedstat").read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                pass
        return found

    def resident_kib(self) -> int:
        """VmRSS: all that is in memory, shared libraries whole."""
        return self._status(self._proc(), "VmRSS")

    def proportional_kib(self) -> int:
        """PSS: what is shared with other processes counts by its share."""
        text = (self._proc() / "smaps_rollup").read_text()
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))

    def descriptors(self) -> int:
        return len(os.listdir(self._proc() / "fd"))

    def kill(self) -> None:
        """At once, so that it can say goodbye to nobody."""
        self._was_killed = True
        self._process.kill()
        self._process.wait()

    def _proc(self) -> Path:
        return Path(f"/proc/{self._process.pid}")

    def _tasks(self) -> List[Path]:
        return list((self._proc() / "task").iterdir())

    @staticmethod
    def _status(folder: Path, name: str) -> int:
        try:
            text = (folder / "status").read_text()
        except FileNotFoundError:  # a thread that has just ended
            return 0
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name + ":"))


class Platform(Process):
    """bench-platform: answers, and records what arrives."""

    def __init__(self, tools: Path, folder: Path, https: bool = False, options: Sequence[str] = ()) -> None:
        self.ca_file: Optional[Path] = None
        if https:
            (folder / "certificates").mkdir(exist_ok=True)
            options = [*options, f"--https-dir={folder / 'certificates'}"]
            self.ca_file = folder / "certificates" / "ca.pem"
        super().__init__([str(tools / "bench-platform"), *options], folder)
        end = time.monotonic() + PATIENCE
        while not self.log().endswith("\n"):
            self.check()
            if time.monotonic() > end:
                raise TimeoutError("the platform does not start")
            time.sleep(0.005)
        self.url = self.log().split()[0]
        self.port = self.url.rsplit(":", 1)[1]

    def count(self) -> int:
        return int(self._get("/count"))

    def arrivals(self, since: int = 0, until: int = 1 << 63) -> List[Arrival]:
        record = struct.iter_unpack("<qii", self._get("/arrivals"))
        return [Arrival(*fields) for fields in record if since <= fields[0] <= until]

    def first_beat_of(self, process: Process) -> int:
        """Waits for it. Returns its time."""
        end = time.monotonic() + PATIENCE
        seen = -1
        while True:
            if (count := self.count()) != seen:
                seen = count
                beats = [arrival for arrival in self.arrivals(process.started) if arrival.kind == BEAT]
                if beats:
                    return beats[0].nanoseconds
            process.check()
            if time.monotonic() > end:
                raise TimeoutError(f"no beat within {PATIENCE:.0f} s:\n{process.log()}")
            time.sleep(0.01)

    def _get(self, target: str) -> bytes:
        context = ssl.create_default_context(cafile=str(self.ca_file)) if self.ca_file else None
        with urllib.request.urlopen(self.url + target, timeout=PATIENCE, context=context) as answer:
            return answer.read()


def workspace_folder(folder: Path, number: int) -> Path:
    """That of ws-NUMBER, with a token in it; made where it is not there."""
    home = folder / "workspaces" / f"ws-{number}"
    if not home.is_dir():
        home.mkdir(parents=True)
        (home / ".auth_token").write_text(TOKEN)
    return home


class Supervisor(Process):
    """A workspace-supervisor with its own folders, all else but the intervals and `settings` as by default."""

    def __init__(self, binary: Path, platform: Platform, folder: Path, workspaces: int, interval: float,
                 settings: Sequence[str], state: Path) -> None:
        self.control_socket = state / "control.sock"
        lines = [
            f'workspace.platform-url = "{platform.url}"',
            f'workspace.state-dir = "{state}"',
            f"heartbeat.interval = {round(interval * 1000)}ms",
            f"delegation.interval = {round(interval * 1000)}ms",
            'control.http = "127.0.0.1:0"',
            *settings,
        ]
        if platform.ca_file:
            lines.append(f'platform.ca-file = "{platform.ca_file}"')
        if workspaces == 1:
            home = workspace_folder(folder, 0)
            lines += [
                'workspace.id = "ws-0"',
                f'workspace.configs-dir = "{home}"',
                f'workspace.results-file = "{home / "results.jsonl"}"',
            ]
        else:
            homes = (f'  ws-{n} {{ configs-dir = "{workspace_folder(folder, n)}" }}' for n in range(workspaces))
            lines += ["workspaces {", *homes, "}"]
        file = folder / "caf-application.conf"
        file.write_text("\n".join(lines) + "\n")
        super().__init__([str(binary), f"--config-file={file}"], folder)


class BareLoop(Process):
    """The same requests by the simplest program: the limit."""

    def __init__(self, tools: Path, platform: Platform, folder: Path, workspaces: int, interval: float) -> None:
        super().__init__(
            [str(tools / "bare-loop"), platform.port, str(workspaces), str(round(interval * 1000)), TOKEN], folder)


class Bench:
    """What all measurements need: where the programs are, and a folder that is removed in the end."""

    def __init__(self, supervisor: Path, tools: Path) -> None:
        self.binary = supervisor.resolve()
        self.tools = tools.resolve()
        # In memory where possible: how busy the disk is with what others write is not what is asked.
        memory = "/dev/shm" if "TMPDIR" not in os.environ and os.path.isdir("/dev/shm") else None
        self.folder = Path(tempfile.mkdtemp(prefix="supervisor-bench-", dir=memory))

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def platform(self, *options: str, https: bool = False) -> Platform:
        return Platform(self.tools, self.folder, https, options)

    def supervisor(self, platform: Platform, workspaces: int = 1, interval: float = 30, settings: Sequence[str] = (),
                   fresh: bool = False) -> Supervisor:
        """@param fresh with a state directory that nobody has had, in place of the one that all others share."""
        state = Path(tempfile.mkdtemp(prefix="state-", dir=self.folder)) if fresh else self.folder / "state"
        return Supervisor(self.binary, platform, self.folder, workspaces, interval, settings, state)

    def bare_loop(self, platform: Platform, workspaces: int, interval: float) -> BareLoop:
        return BareLoop(self.tools, platform, self.folder, workspaces, interval)

"""The supervisor and the platform as processes, for tests."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, TypeVar

BUILD = Path(os.environ.get("SUPERVISOR_BUILD") or Path(__file__).resolve().parents[2] / "build")
# How long anything is waited for: far longer than it takes, for a machine that is busy.
PATIENCE = 30.0

Result = TypeVar("Result")


def wait_until(condition: Callable[[], Result], what: "str | Callable[[], str]" = "", patience: float = PATIENCE) -> Result:
    """The condition's first value that is true."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited in vain for {what() if callable(what) else what or condition}; last: {value!r}")
        time.sleep(0.01)


def listens(path: str) -> bool:
    """Whether somebody listens at the socket: its file is there a moment before."""
    with socket.socket(socket.AF_UNIX) as attempt:
        return attempt.connect_ex(path) == 0


def field_of(pid: int, name: str) -> str:
    """Of /proc/PID/status; "" when there is no such process."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(name + ":"):
                return line.split(":", 1)[1].strip()
    except (FileNotFoundError, ProcessLookupError):
        pass
    return ""


def state_of(pid: int) -> str:
    """"R", "S", "T", "Z", ..., "" when there is no such process."""
    return field_of(pid, "State")[:1]


# What sanitizers and coverage read.
INSTRUMENTS = ("ASAN_", "LSAN_", "TSAN_", "UBSAN_", "LLVM_PROFILE_")

_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    _libc.prctl(pr_set_pdeathsig, signal.SIGKILL)


def clean_environment(**more: str) -> Dict[str, str]:
    """None of the caller's settings reaches what is tested, but those for how it was built."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    kept.update({name: value for name, value in os.environ.items() if name.startswith(INSTRUMENTS)})
    kept.update(more)
    return kept


class Platform:
    """The test platform; `ask` and `order` speak with its /_admin/."""

    def __init__(self, folder: Path, workspace: str = "ws-1", token: str = "a-token", many: int = 0) -> None:
        """`many`: so many more, ws-0 with the token token-0 and so on."""
        self.token_file = folder / ".auth_token"
        self._process = subprocess.Popen(
            [str(BUILD / "test-platform"), "--die-with-parent", f"--workspaces={many}",
             f"--workspace={workspace}:Agent::{token}:{self.token_file}"],
            stdout=subprocess.PIPE, text=True, env=clean_environment())
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split()[-1]
        self._admin = self._process.stdout.readline().split()[-1]

    def ask(self, what: str) -> Any:
        with urllib.request.urlopen(f"{self._admin}/_admin/{what}", timeout=PATIENCE) as answer:
            return json.load(answer)

    def order(self, what: str, **body: Any) -> Any:
        request = urllib.request.Request(f"{self._admin}/_admin/{what}", json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def clear_faults(self) -> None:
        with urllib.request.urlopen(urllib.request.Request(f"{self._admin}/_admin/fault", method="DELETE"),
                                    timeout=PATIENCE):
            pass

    def beats(self) -> List[Dict[str, Any]]:
        return list(self.ask("beats"))

    def complete(self, delegation: str, status: str = "completed", workspace: str = "ws-1", **more: str) -> None:
        """A delegation of the workspace has this result."""
        row = {"id": f"row-{delegation}", "type": "delegation", "delegation_id": delegation, "source_id": workspace,
               "target_id": "other", "summary": f"summary of {delegation}", "status": status,
               "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **more}
        self.order("delegations", workspace=workspace, rows=[row])

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class SupervisorProcess:
    """A workspace-supervisor that can be ended and started again at the same socket."""

    def __init__(self, folder: Path, platform: Platform, *options: str, workspace: str = "ws-1") -> None:
        self.folder = folder
        self.socket = str(folder / "control.sock")
        self._log = folder / "supervisor.log"
        self._process: Optional[subprocess.Popen[bytes]] = None
        self.command = [
            str(BUILD / "workspace-supervisor"), f"--workspace.id={workspace}",
            f"--workspace.platform-url={platform.url}", f"--workspace.configs-dir={folder}",
            f"--workspace.results-file={folder / 'results.jsonl'}", f"--control.socket={self.socket}",
            "--control.http=", "--heartbeat.interval=1h", "--delegation.interval=1h", *options]

    def start(self) -> None:
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(self.command, cwd=self.folder, stderr=log, env=clean_environment(),
                                             preexec_fn=_die_with_parent)
        wait_until(self._answers, "the supervisor's socket; its log: " + self.log())

    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self.log()
        return listens(self.socket)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

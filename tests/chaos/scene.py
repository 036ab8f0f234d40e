"""The processes of a run and how they are started again: the platform, the supervisor under its container runtime, the
agent; and all that is counted about them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from os import path

import figures
from disk import Disk
from harness import Daemon, Platform, make_folder, wait_for
from plan import INTERVAL, TTL
from record import Excuses, Record
from switches import Switches

HERE = path.dirname(path.abspath(__file__))
CLIENT = path.join(HERE, "..", "..", "clients", "python")
MAIN, OTHER, ADDED = "chaos-main", "chaos-other", "chaos-added"
WORKSPACES = (MAIN, OTHER, ADDED)  # those that are there from the begin to the end; the agent attaches to the first
HOSTS = ("platform.test", "other.test")
LOOK_UP_BOUND = len(HOSTS)  # one look-up for each name: actors/http/resolver.cpp
# A thread that has told what it found may end a moment later, when the next one has begun: more of them are too many
# once they have been there for so long (seconds).
TOO_MANY_AFTER = 2.0
# How long an end with SIGTERM may take (seconds; its 5 s and what a machine may take from it that is busy), and how long
# the script waits before it kills.
STOP_LIMIT, STOP_PATIENCE = 15.0, 30.0
# Of a start without descriptors: exit_gave_up of app/configuration/exit_code.hpp, and what the loader of programs ends with.
CANNOT_START = (70, 127)


class Supervisor(Daemon):
    """With the faults preloaded, and started again whenever it ends."""

    def __init__(self, scene, arguments):
        port = scene.platform.url.rsplit(":", 1)[1]
        other = path.join(scene.disk.folder, "other")
        os.makedirs(other, exist_ok=True)
        super().__init__(
            arguments.build,
            scene.platform,
            scene.disk.folder,
            MAIN,
            beside=scene.folder,
            workspace__platform_url=json.dumps(f"http://{HOSTS[0]}:{port}"),
            heartbeat__interval=f"{INTERVAL:g}s",
            heartbeat__timeout="3s",
            heartbeat__retry_min="200ms",
            heartbeat__reconnect_after="3",
            heartbeat__liveness_ttl=f"{TTL:g}s",
            delegation__interval="500ms",
            delegation__timeout="3s",
            delegation__backlog="87600h",
            notifier__cooldown="500ms",
            notifier__timeout="60s",
            notifier__max_age="8760h",
            agent__grace="3s",
            control__socket=json.dumps(path.join(scene.folder, "control.sock")),
            control__http='"127.0.0.1:0"',
        )
        self.port = port
        self.out = path.dirname(self.results)
        self.socket = path.join(scene.folder, "control.sock")
        self.failing_while = path.join(scene.folder, "failing")
        self.environment = {
            "LD_PRELOAD": f"{path.join(arguments.tools, 'tests/crash/libfaults.so')}:"
            f"{path.join(arguments.tools, 'tests/chaos/libclock_and_names.so')}",
            "FAULTS_FOLDER": self.kept,
            "FAULTS_WHILE": self.failing_while,
            "CHAOS_SWITCHES": scene.switches.path,
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }
        with open(self.config, "a", encoding="utf-8") as file:
            file.write(
                f'workspaces.{OTHER} {{ configs-dir = "{other}", '
                f'results-file = "{path.join(self.out, OTHER + ".jsonl")}" }}\n'
            )
        self.lives = 0
        self.is_stopped = False
        self.limited_until = float("-inf")  # its memory
        self.few_descriptors_until = float("-inf")

    def begin(self):
        self.launch(self.environment)
        self.lives += 1
        self.is_stopped = False
        self.limited_until = self.few_descriptors_until = float("-inf")

    @property
    def pid(self):
        return self.process.pid


class Journal:
    """What the agent has read of a workspace's results, as Tally wants it."""

    def __init__(self, journal, workspace):
        self.path, self.workspace = journal, workspace
        self.torn = 0

    def seen(self):
        self.torn = 0
        found = Counter()
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                lines = file.read().split("\n")[:-1]
        except FileNotFoundError:
            return found
        for line in lines:
            try:
                result = json.loads(line)
                if result["source_id"] == self.workspace:
                    found[int(result["summary"][5:])] += 1
            except (ValueError, KeyError):
                self.torn += 1
        return found


class Scene:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = make_folder()
        self.disk = Disk(path.join(self.folder, "disk"))
        self.switches = Switches(path.join(self.folder, "switches"))
        self.tokens = {workspace: f"first-secret-of-{workspace}" for workspace in WORKSPACES}
        self.secrets = set(self.tokens.values())
        self.rows = {workspace: {} for workspace in WORKSPACES}
        self.record, self.excuses = Record(), Excuses()
        self.problems = []
        self.ends = Counter()
        self.longest_stop = 0.0
        self.most_threads = 0
        self.most_look_up_threads = 0  # of those that were too many
        self.too_many_since = None
        self.platform = Platform(arguments.tools)
        self.admin = self.platform.connection.port
        self.platform_is_stopped = self.platform_is_killed = False
        self.away = set()  # for which reasons the platform is
        for workspace in WORKSPACES:
            self.add_to_platform(workspace)
        self.supervisor = Supervisor(self, arguments)
        self.journal = path.join(self.folder, "journal")
        self.peace = path.join(self.folder, "peace")
        self.agent = None
        self.down = None  # the excuse while the supervisor is

    # -- the platform

    def platform_answers(self):
        """Whether its admin calls do: one that is away answers these."""
        return not self.platform_is_stopped and not self.platform_is_killed

    def add_to_platform(self, workspace):
        token = self.tokens[workspace]
        self.platform.call("POST", "workspace", {"id": workspace, "name": workspace, "token": token})

    def kill_platform(self):
        """Ends it with all that it knows but the record: nothing arrives after that was read."""
        self.platform.call("POST", "listening", {"listening": False})
        self.platform.call("POST", "close-connections", {})
        self.platform.call("DELETE", "fault")
        self.record.read(self.platform)
        self.platform.process.kill()
        self.platform.process.wait()
        self.platform.connection.close()
        self.platform_is_killed = True

    def restart_platform(self):
        workspaces = [f"--workspace={workspace}:{workspace}::{token}" for workspace, token in self.tokens.items()]
        self.platform = Platform(
            self.arguments.tools, f"--port={self.supervisor.port}", f"--admin-port={self.admin}", *workspaces
        )
        self.platform_is_killed = False
        self.record.next_platform()
        self.listen()
        for workspace in self.rows:
            self.list_rows(workspace)

    def listen(self):
        """As it is away or not."""
        self.platform.call("POST", "listening", {"listening": not self.away})
        if self.away:
            self.platform.call("POST", "close-connections", {})

    def list_rows(self, workspace):
        self.platform.list_delegations(workspace, list(reversed(self.rows[workspace].values())))

    # -- the supervisor

    def start_supervisor(self):
        # What the former process had under way ended with it; before the next one counts its own.
        self.switches.look_ups = 0
        self.too_many_since = None
        self.supervisor.begin()
        now = time.monotonic()
        self.excuses.unsettled.append((now, now))
        if self.down:
            self.down.end, self.down = now, None

    def supervisor_goes_down(self):
        self.down = self.down or self.excuses.begin(time.monotonic(), "the supervisor was down")

    def kill_supervisor(self):
        self.note_its_end()
        self.supervisor_goes_down()
        self.supervisor.kill()

    def terminate_supervisor(self):
        """SIGTERM has it end with 0 in time."""
        self.note_its_end()
        if self.supervisor.ended():
            return
        self.resume_supervisor()
        # Nobody can take a signal in the first milliseconds of a process.
        wait_for(
            lambda: self.supervisor.ended() or figures.expects(self.supervisor.pid, signal.SIGTERM), "its signals taken"
        )
        if self.note_its_end():
            return
        self.supervisor_goes_down()
        begin = time.monotonic()
        self.supervisor.process.send_signal(signal.SIGTERM)
        try:
            status = self.supervisor.process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            self.supervisor.kill()
            self.problems.append(f"SIGTERM did not end it in {STOP_PATIENCE:g} s")
            return
        took = time.monotonic() - begin
        self.longest_stop = max(self.longest_stop, took)
        if status != 0 and begin < self.supervisor.limited_until:
            self.ends[f"{status} for want of memory, after SIGTERM"] += 1
        elif status != 0:
            self.problems.append(f"after SIGTERM it ended with {status}")
        if took > STOP_LIMIT:
            self.problems.append(f"after SIGTERM it took {took:.1f} s to end")

    def note_its_end(self):
        """Counts an end that nobody ordered. True: there was one."""
        if not self.supervisor.ended() or self.down:
            return False
        self.supervisor_goes_down()
        status = self.supervisor.process.returncode
        if time.monotonic() < self.supervisor.limited_until:
            self.ends[f"{status} for want of memory"] += 1
        elif status in CANNOT_START and time.monotonic() < self.supervisor.few_descriptors_until:
            self.ends[f"{status} for want of descriptors"] += 1
        else:
            self.ends[f"{status} unexpected"] += 1
            self.problems.append(f"it ended by itself with {status}")
        return True

    def stop_supervisor(self):
        """SIGSTOP."""
        self.supervisor.process.send_signal(signal.SIGSTOP)
        self.supervisor.is_stopped = True

    def resume_supervisor(self):
        if not self.supervisor.ended():
            self.supervisor.process.send_signal(signal.SIGCONT)
        self.supervisor.is_stopped = False

    def look_at_threads(self):
        """How many there are, and how many of them look names up."""
        try:
            names = figures.threads(self.supervisor.pid)
        except OSError:
            return
        self.most_threads = max(self.most_threads, names.total())
        if names["look-up"] <= LOOK_UP_BOUND or self.supervisor.is_stopped:
            self.too_many_since = None
            return
        now = time.monotonic()
        self.too_many_since = self.too_many_since or now
        if now - self.too_many_since > TOO_MANY_AFTER:
            self.most_look_up_threads = max(self.most_look_up_threads, names["look-up"])

    # -- the agent

    def start_agent(self):
        environment = {
            **os.environ,
            "PYTHONPATH": CLIENT,
            "PLATFORM_URL": self.platform.url,
            "WORKSPACE_ID": MAIN,
            "WORKSPACE_SUPERVISOR_SOCKET": self.supervisor.socket,
        }
        with open(path.join(self.folder, "agent-log"), "ab") as log:
            self.agent = subprocess.Popen(
                [sys.executable, "-B", path.join(HERE, "agent.py"), self.supervisor.out, self.journal, self.peace],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    # -- the end

    def figures(self):
        return figures.Figures.least(self.supervisor.pid, (self.supervisor.state, path.join(self.disk.folder, "configs")))

    def close(self, keep):
        for process in (self.agent, self.supervisor.process, self.platform.process):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        if keep:
            subprocess.run(["cp", "-a", self.disk.folder, self.folder + "/disk-kept"], check=False)
        self.disk.close()

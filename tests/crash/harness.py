"""What the crash tests share: the test platform and the daemon as processes, an agent that takes the results file
away, and the count of what arrived how often."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timezone

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
from unix_http import UnixConnection  # noqa: E402

PATIENCE = 60.0  # seconds until a scenario that does not end has failed


class Platform:
    """test-platform as a process of its own: it outlives the daemons that are killed."""

    def __init__(self, build, *options):
        self.process = subprocess.Popen(
            [os.path.join(build, "test-platform"), "--die-with-parent", *options], stdout=subprocess.PIPE, text=True
        )
        self.url = self.process.stdout.readline().split()[-1]
        admin = self.process.stdout.readline().split()[-1]
        self.connection = http.client.HTTPConnection(admin.removeprefix("http://").split("/")[0], timeout=PATIENCE)

    def call(self, method, what, body=None):
        try:
            self.connection.request(method, "/_admin/" + what, None if body is None else json.dumps(body))
            answer = self.connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, ConnectionError):
            # The kept connection was closed meanwhile; what is asked here may be asked twice.
            self.connection.close()
            self.connection.request(method, "/_admin/" + what, None if body is None else json.dumps(body))
            answer = self.connection.getresponse()
            text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {what}: {answer.status} {text!r}")
        return json.loads(text)

    def add_workspace(self, workspace):
        self.call("POST", "workspace", {"id": workspace, "name": workspace, "token": "token-of-" + workspace})

    def remove_workspace(self, workspace):
        self.call("DELETE", "workspace?id=" + workspace)

    @staticmethod
    def finished_rows(workspace, tasks):
        """The rows of delegations with these numbers, every third failed."""
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return [
            {
                "id": f"row-{task:05}",
                "type": "delegation",
                "delegation_id": f"{task:05}-of-{workspace}",
                "source_id": workspace,
                "target_id": "helper",
                "summary": f"task-{task:05}",
                "status": "failed" if task % 3 == 2 else "completed",
                "error": "it broke" if task % 3 == 2 else "",
                "response_preview": "a preview",
                "created_at": now,
            }
            for task in tasks
        ]

    def finish_delegations(self, workspace, tasks):
        """Lists them in front of what is listed."""
        self.call("POST", "delegations", {"workspace": workspace, "rows": self.finished_rows(workspace, tasks)})

    def list_delegations(self, workspace, rows):
        """Replaces the list, which has the newest first."""
        self.call("POST", "delegations", {"workspace": workspace, "rows": rows, "replace": True})

    def beats(self, workspace):
        return self.call("GET", "state")["workspaces"][workspace]["beats"]

    def messages(self, workspace):
        return self.call("GET", "messages?workspace=" + workspace)

    def notifications(self, workspace):
        return self.call("GET", "notifications?workspace=" + workspace)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Agent:
    """Takes the results file away as agents do: renames it, reads it, deletes it."""

    def __init__(self, path):
        self.path = path
        self.lines = []

    def consume(self):
        taken = self.path + ".taken"
        try:
            os.rename(self.path, taken)
        except FileNotFoundError:
            return
        with open(taken, encoding="ascii") as file:
            self.lines += file.read().splitlines()
        os.unlink(taken)

    def seen(self):
        """How often each task was filed, what was not taken yet included. A line that is torn fails here."""
        try:
            with open(self.path, encoding="ascii") as file:
                # A last line without its end is being written.
                waiting = file.read().split("\n")[:-1]
        except FileNotFoundError:
            waiting = []
        return Counter(int(json.loads(line)["summary"][5:]) for line in self.lines + waiting if line)


class Daemon:
    """workspace-supervisor with one workspace, folders of its own and short intervals.

    beside: the folder for its configuration and log, where `folder` may be full.
    socket_beside: its control socket is there too, and not in its state directory as by default.
    """

    def __init__(self, build, platform, folder, workspace, beside=None, socket_beside=False, **more):
        beside = beside or folder
        self.binary = os.path.join(build, "workspace-supervisor")
        self.library = os.path.join(build, "tests", "crash", "libfaults.so")
        self.folder = folder
        self.workspace = workspace
        self.process = None
        self.log = os.path.join(beside, "log")
        self.kept = os.path.join(folder, "kept")  # where faults are counted
        for name in ("configs", "kept/out"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, "configs", ".auth_token"), "w", encoding="ascii") as file:
            file.write("token-of-" + workspace)
        self.results = os.path.join(self.kept, "out", "results.jsonl")
        self.state = os.path.join(self.kept, "state")
        values = {
            "workspace.id": json.dumps(workspace),
            "workspace.platform-url": json.dumps(platform.url),
            "workspace.configs-dir": json.dumps(os.path.join(folder, "configs")),
            "workspace.results-file": json.dumps(self.results),
            "workspace.state-dir": json.dumps(self.state),
            "heartbeat.interval": "100ms",
            "heartbeat.retry-min": "20ms",
            "delegation.interval": "30ms",
            "notifier.cooldown": "50ms",
            "notifier.max-per-hour": "100000",
            "control.http": '""',
        }
        # Beside the state a socket is served when the state cannot be used, too.
        self.socket = os.path.join(beside if socket_beside else self.state, "control.sock")
        if socket_beside:
            values["control.socket"] = json.dumps(self.socket)
        values.update({key.replace("__", ".").replace("_", "-"): value for key, value in more.items()})
        self.config = os.path.join(beside, "supervisor.conf")
        with open(self.config, "w", encoding="utf-8") as file:
            file.writelines(f"{key} = {value}\n" for key, value in values.items())

    def start(self, **faults):
        """Starts it; with faults (see faults.cpp) under the library that injects them."""
        environment = {}
        if faults:
            environment["LD_PRELOAD"] = self.library
            for name, value in faults.items():
                environment["FAULTS_" + name.upper()] = str(value)
        self.launch(environment)

    def launch(self, environment, before=None):
        """Starts it with this added to the environment. before: is called in its process, before it is what it is."""
        kept = ("PATH", "ASAN_", "TSAN_", "UBSAN_", "LLVM_PROFILE_")
        environment = {**{name: value for name, value in os.environ.items() if name.startswith(kept)}, **environment}
        if "LD_PRELOAD" in environment:
            # The sanitizer's library need not be the first that is loaded.
            environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "--config-file=" + self.config],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=before,
            )

    def ended(self):
        return self.process.poll() is not None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def hears(self, number):
        """Whether the signal comes to it, and not to the loader, whom it would end."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            blocked = next(line for line in status if line.startswith("SigBlk:"))
        return bool(int(blocked.split()[1], 16) >> (number - 1) & 1)

    def stop(self):
        """Stops it in order."""
        wait_for(lambda: self.ended() or self.hears(signal.SIGTERM), "it hears signals")
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError("it does not stop") from None
        if status != 0:
            raise RuntimeError(f"it ended with {status}")

    def has_recorded(self):
        """Whether it knows of nothing that is still to be told, and this is on disk. That the platform has the last
        notification does not mean it yet. False while nobody answers."""
        connection = UnixConnection(self.socket, PATIENCE)
        try:
            connection.request("GET", "/v1/stats")
            answer = connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, OSError):
            return False
        finally:
            connection.close()
        if answer.status != 200:
            return False
        stats = json.loads(text)
        pending = stats["workspaces"][self.workspace]["outbox"]["pending"]
        return stats["store"]["durable"] and not any(pending.values())

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()


class Tally:
    """How often each task was filed, named in a self-message and told to the user.

    agent: whoever has `seen` the lines of the results file.
    """

    TASK = re.compile(r"task-(\d+)")
    MORE = re.compile(r"and (\d+) more")

    def __init__(self, agent, messages, notifications):
        self.filed = agent.seen()
        self.notified = Counter(int(self.TASK.search(entry["message"]).group(1)) for entry in notifications)
        self.deliveries = Counter(entry["message_id"] for entry in messages)
        texts = {entry["message_id"]: entry["text"] for entry in messages}
        # One message delivered twice is known by its id; a task in two messages is another matter.
        self.woken = Counter(int(task) for text in texts.values() for task in self.TASK.findall(text))
        self.woken_unnamed = sum(int(more) for text in texts.values() for more in self.MORE.findall(text))
        self.texts_changed = sum(texts[entry["message_id"]] != entry["text"] for entry in messages)

    def is_complete(self, count):
        return (
            len(self.notified) == count
            and len(self.woken) + self.woken_unnamed >= count
            and len(self.filed) == count
        )

    def lost(self, count):
        return {
            "file": count - len(self.filed),
            "messages": max(0, count - len(self.woken) - self.woken_unnamed),
            "notifications": count - len(self.notified),
        }

    def duplicates(self):
        return {
            "file": self.filed.total() - len(self.filed),
            "messages": self.deliveries.total() - len(self.deliveries),
            "tasks in two messages": self.woken.total() - len(self.woken),
            "notifications": self.notified.total() - len(self.notified),
        }


def tally(platform, agent, workspace):
    return Tally(agent, platform.messages(workspace), platform.notifications(workspace))


def wait_for(condition, what, patience=PATIENCE, pause=0.01):
    """Waits until the condition holds. Returns its value."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {patience:.0f} s in vain for {what}")
        time.sleep(pause)


def make_folder():
    # In memory where possible: a killed process leaves the same behind, and the loops take a tenth of the time.
    return tempfile.mkdtemp(prefix="supervisor-crash-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)


def remove_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)

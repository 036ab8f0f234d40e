"""A platform, a supervisor with real agents, and what is seen of them from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from processes import BUILD, PATIENCE, Platform, clean_environment, listens, state_of, wait_until

AGENT = str(Path(__file__).with_name("agent.py"))
# Another user cannot always execute the interpreter that runs the tests.
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


def children_of(pid: int) -> List[int]:
    found: List[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def is_gone(pid: int) -> bool:
    return state_of(pid) in ("", "Z", "X")


class Scene:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.platform = Platform(folder)
        self.socket = str(folder / "control.sock")
        self._log = folder / "supervisor.log"
        self.process: Optional[subprocess.Popen[bytes]] = None
        self._others: List[subprocess.Popen[bytes]] = []

    # -- the supervisor

    def command(self, *options: str, agent: Optional[List[str]] = None) -> List[str]:
        """agent: its steps; None: no agent is launched."""
        launched = [] if agent is None else ["--", PYTHON, AGENT, str(self.folder), *agent]
        return [str(BUILD / "workspace-supervisor"), "--workspace.id=ws-1",
                f"--workspace.platform-url={self.platform.url}", f"--workspace.configs-dir={self.folder}",
                f"--workspace.results-file={self.folder / 'results.jsonl'}", f"--control.socket={self.socket}",
                "--control.http=", "--heartbeat.interval=200ms", "--delegation.interval=1h",
                "--supervisor.fault-injection=true", *options, *launched]

    def start(self, *options: str, agent: Optional[List[str]] = None, **how: Any) -> None:
        self.run(self.command(*options, agent=agent), **how)

    def run(self, command: List[str], **how: Any) -> None:
        how.setdefault("env", clean_environment(MINE="kept"))
        how.setdefault("stdin", subprocess.DEVNULL)
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, **{"stderr": log, **how})

    def run_in_pid_namespace(self, command: List[str]) -> int:
        """As in a container. @returns its process as seen from here. Skips the test where no namespace is to be had."""
        namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if os.geteuid() != 0:
            namespace += ["--user", "--map-root-user"]
        if subprocess.run([*namespace, "true"], check=False, capture_output=True).returncode != 0:
            pytest.skip("no PID namespace is to be had here")
        self.run([*namespace, *command])
        assert self.process is not None
        unshare = self.process.pid
        return wait_until(lambda: next(iter(children_of(unshare)), 0), "its child")

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_ended(self) -> int:
        assert self.process is not None
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError("has not ended: " + self.log()) from None

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.wait_ended()

    def end(self) -> None:
        for process in [*self._others, self.process]:
            if process is not None and process.poll() is None:
                process.kill()
            if process is not None:
                process.wait()
        (self.folder / "end-orphan").touch()
        (self.folder / "end-child").touch()
        self.platform.stop()

    def workspacectl(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(self._workspacectl(*words), capture_output=True, text=True, env=clean_environment(),
                              timeout=PATIENCE, check=False)

    def start_workspacectl(self, *words: str) -> "subprocess.Popen[str]":
        """For what takes as long as the test lets it."""
        return subprocess.Popen(self._workspacectl(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=clean_environment())

    def _workspacectl(self, *words: str) -> List[str]:
        return [str(BUILD / "workspacectl"), f"--socket={self.socket}", "--workspace=ws-1", *words]

    def stats(self) -> Dict[str, Any]:
        done = self.workspacectl("--json", "status")
        return dict(json.loads(done.stdout)) if done.stdout else {}

    def agent_stats(self) -> Dict[str, Any]:
        return dict(self.stats().get("agent", {}))

    def wait_running(self, pid: int) -> Dict[str, Any]:
        """What the supervisor says of its agent, once it knows it as this process: its process says so earlier."""

        def running() -> Optional[Dict[str, Any]]:
            agent = self.agent_stats()
            return agent if (agent.get("state"), agent.get("pid")) == ("running", pid) else None

        return wait_until(running, lambda: f"process {pid} in place of {self.agent_stats()}")

    # -- agents

    def start_agent(self, *steps: str) -> "subprocess.Popen[bytes]":
        """One that runs by itself."""
        wait_until(lambda: listens(self.socket), lambda: "the control socket; the log: " + self.log())
        environment = clean_environment(WORKSPACE_ID="ws-1", WORKSPACE_SUPERVISOR_SOCKET=self.socket)
        self._others.append(subprocess.Popen([PYTHON, AGENT, str(self.folder), *steps], env=environment))
        return self._others[-1]

    def told(self, name: str) -> List[Dict[str, Any]]:
        """What agents have told in this file."""
        path = self.folder / name
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def wait_told(self, name: str, count: int = 1) -> List[Dict[str, Any]]:
        return wait_until(lambda: (found := self.told(name)) if len(self.told(name)) >= count else None,
                          lambda: f"{count} in {name}; the log: {self.log()}")

    def wait_ready(self, count: int = 1) -> int:
        return int(self.wait_told("ready", count)[-1]["pid"])

    # -- what the platform sees

    def beats(self) -> List[Dict[str, Any]]:
        return [dict(beat["body"], time=beat["time"]) for beat in self.platform.beats()]

    def next_beat(self) -> Dict[str, Any]:
        before = len(self.beats())
        return wait_until(lambda: self.beats()[before:], lambda: "another beat; the log: " + self.log())[0]

    def wait_beat(self, what: str, condition: Any, after: Optional[int] = None) -> Dict[str, Any]:
        """The next beat from now on, or after so many, of which it is true."""
        before = len(self.beats()) if after is None else after
        return wait_until(lambda: next((beat for beat in self.beats()[before:] if condition(beat)), None),
                          lambda: f"a beat with {what}; the last: {self.beats()[-3:]}; the log: {self.log()}")

    def wait_wedged(self, text: str) -> Dict[str, Any]:
        return self.wait_beat(text, lambda beat: beat.get("runtime_state") == "wedged" and text in beat["sample_error"])

    def wait_healthy(self, after: Optional[int] = None) -> Dict[str, Any]:
        return self.wait_beat("a healthy runtime", lambda beat: "runtime_state" not in beat, after)

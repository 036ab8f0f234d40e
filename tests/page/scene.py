"""A supervisor with three workspaces on two platforms, as processes, with its HTTP port open."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
from processes import BUILD, PATIENCE, Platform, _die_with_parent, clean_environment, wait_until  # noqa: E402
from unix_http import UnixConnection  # noqa: E402

__all__ = ["BUILD", "Scene", "wait_until"]


def text_of(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


class Scene:
    """`workspaces` live on one platform, `doomed` alone on another, which can be taken away."""

    def __init__(self, folder: Path, workspaces: List[str], doomed: Optional[str] = None, *options: str,
                 interval: str = "1s") -> None:
        self.folder = folder
        self.socket = str(folder / "control.sock")
        self._platforms: List[Platform] = []
        lines = []
        for ids in (workspaces, [doomed] if doomed else []):
            if not ids:
                continue
            home = folder / f"platform-{len(self._platforms)}"
            home.mkdir()
            platform = Platform(home, workspace="unused")
            self._platforms.append(platform)
            for number, workspace in enumerate(ids):
                configs = home / f"configs-{number}"
                configs.mkdir()
                (configs / ".auth_token").write_text(f"token-of-{number}")
                platform.order("workspace", id=workspace, name=workspace, token=f"token-of-{number}")
                lines.append(f"  {text_of(workspace)} {{ configs-dir = {text_of(str(configs))}\n"
                             f"    platform-url = {text_of(platform.url)} }}\n")
        self.configuration = folder / "caf-application.conf"
        self.configuration.write_text(
            "workspaces {\n" + "".join(lines) + "}\n"
            f"workspace.state-dir = {text_of(str(folder / 'state'))}\n"
            f"control {{ socket = {text_of(self.socket)}\n http = \"127.0.0.1:0\" }}\n"
            f"heartbeat {{ interval = {interval}\n retry-min = 1s }}\n"
            "delegation.interval = 2s\nsupervisor.fault-injection = true\nlog.level = \"debug\"\n")
        self._options = list(options)
        self._process: Optional[subprocess.Popen[bytes]] = None
        self.port = 0
        self.start()

    @property
    def platform(self) -> Platform:
        return self._platforms[0]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def log(self) -> str:
        return (self.folder / "supervisor.log").read_text(errors="replace")

    def start(self) -> None:
        with open(self.folder / "supervisor.log", "wb") as log:
            self._process = subprocess.Popen(
                [str(BUILD / "workspace-supervisor"), f"--config-file={self.configuration}",
                 *([f"--control.http=127.0.0.1:{self.port}"] if self.port else []), *self._options],
                cwd=self.folder, stderr=log, env=clean_environment(), preexec_fn=_die_with_parent)
        process = self._process

        def port() -> Optional[str]:
            assert process.poll() is None, self.log()
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.log())
            return found.group(1) if found else None

        self.port = int(wait_until(port, "the HTTP port") or 0)

    def end(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def call(self, method: str, path: str, body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        connection = UnixConnection(self.socket, PATIENCE)
        connection.request(method, path, json.dumps(body) if body is not None else None,
                           {"Content-Type": "application/json"} if body is not None else {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status == 200, (method, path, answer.status, text)
        return dict(json.loads(text))

    def workspace(self, workspace: str) -> Dict[str, Any]:
        return self.call("GET", f"/v1/workspaces/{quote(workspace, safe='')}")

    def set_activity(self, workspace: str, tasks: int, task: str) -> None:
        self.call("PUT", f"/v1/workspaces/{quote(workspace, safe='')}/activity", {"active_tasks": tasks, "current_task": task})

    def attach(self, workspace: str) -> socket.socket:
        """An agent that is there for as long as the connection is open."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(self.socket)
        connection.sendall(f"GET /v1/workspaces/{quote(workspace, safe='')}/attach HTTP/1.1\r\nHost: localhost\r\n\r\n"
                           .encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        return connection

    def crash(self, workspace: str, actor: str) -> None:
        before = self.workspace(workspace)["actors"][actor]["restarts"]
        self.call("POST", "/v1/debug/crash", {"workspace": workspace, "actor": actor})
        wait_until(lambda: self.workspace(workspace)["actors"][actor]["restarts"] > before, f"a restart of {actor}")

    def take_platform_away(self) -> None:
        self._platforms[-1].stop()

    def stop(self) -> None:
        self.end()
        for platform in self._platforms:
            platform.stop()


def wait_for_history(scene: Scene, minutes: float) -> None:
    """Lets the beats be as they are in life, now fast, now slow, for pictures with a history in them."""
    end = time.monotonic() + 60 * minutes
    step = 0
    while time.monotonic() < end:
        step += 1
        if step % 7 == 0:
            scene.platform.order("fault", **{"class": "beat", "action": "answer", "delay_ms": 20 + step * 37 % 90, "times": 4})
        time.sleep(5)

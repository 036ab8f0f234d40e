"""A real Prometheus scrapes a real supervisor, with the rules of deploy/ in a hurry, and an alert fires."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest

from scene import Scene, wait_until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def start_prometheus(folder: Path) -> Tuple["subprocess.Popen[bytes]", int]:
    """With its port: another one when somebody else has taken it meanwhile."""
    for _ in range(5):
        port = free_port()
        with open(folder / "log", "wb") as log:
            running = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"], stdout=log, stderr=log)

        def is_ready() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5) as answer:
                    return bool(answer.status == 200)
            except (OSError, http.client.HTTPException):
                return False

        wait_until(lambda: running.poll() is not None or is_ready(), "prometheus")
        if running.poll() is None:
            return running, port
        if "address already in use" not in (folder / "log").read_text():
            break
    raise AssertionError((folder / "log").read_text())


@pytest.mark.skipif(not shutil.which("prometheus"), reason="there is no prometheus")
def test_a_dead_platform_raises_an_alert(tmp_path: Path, make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(["inbox-agent", "research-agent"], "builder-agent")
    wait_until(lambda: scene.workspace("builder-agent")["status"] == "online", "its first beat")

    folder = tmp_path / "prometheus"
    folder.mkdir()
    rules = (DEPLOY / "prometheus/alerts.yml").read_text()
    (folder / "alerts.yml").write_text(re.sub(r"\bfor: \w+", "for: 0s", rules.replace("> 180", "> 10")))
    configuration = (DEPLOY / "prometheus/prometheus.yml").read_text()
    (folder / "prometheus.yml").write_text(
        configuration.replace("15s", "1s").replace("127.0.0.1:9640", f"127.0.0.1:{scene.port}"))
    running, port = start_prometheus(folder)

    def ask(what: str, **query: str) -> Any:
        try:
            address = f"http://127.0.0.1:{port}/api/v1/{what}?{urllib.parse.urlencode(query)}"
            with urllib.request.urlopen(address, timeout=5) as answer:
                return json.load(answer)["data"]
        except OSError:
            assert running.poll() is None, (folder / "log").read_text()
            return None

    def targets() -> Any:
        found = ask("targets")
        return found and [one for one in found["activeTargets"] if one["health"] == "up"]

    def firing(name: str) -> Any:
        found = ask("alerts")
        return found and [one for one in found["alerts"] if one["labels"]["alertname"] == name and one["state"] == "firing"]

    def whom(name: str) -> List[str]:
        return [one["labels"].get("workspace") for one in firing(name) or []]

    try:
        up = wait_until(targets, "the target to be up")
        assert [one["labels"]["job"] for one in up] == ["workspace-supervisor"] and not up[0]["lastError"]
        print("target:", json.dumps({key: up[0][key] for key in ("scrapeUrl", "health", "lastScrapeDuration")}))
        # A target is up a moment before its samples can be asked for.
        wait_until(lambda: (ask("query", query="workspace_supervisor_workspaces") or {}).get("result"), "a sample")
        scene.take_platform_away()
        wait_until(lambda: "builder-agent" in whom("WorkspaceNoBeat"), "the alert")
        # On a machine that is busy the others' beats may come late, too; they do come.
        wait_until(lambda: whom("WorkspaceNoBeat") == ["builder-agent"], "the alert of one alone")
        print("alert:", json.dumps(firing("WorkspaceNoBeat")))
        print("all:", [(one["labels"]["alertname"], one["labels"].get("workspace"), one["state"]) for one in ask("alerts")["alerts"]])
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()

"""A real Prometheus scrapes a real supervisor, with the rules of deploy/ in a hurry, and an alert fires."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Callable

import pytest

from scene import Scene, wait_until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.skipif(not shutil.which("prometheus"), reason="there is no prometheus")
def test_a_dead_platform_raises_an_alert(tmp_path: Path, make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(["inbox-agent", "research-agent"], "builder-agent")
    wait_until(lambda: scene.workspace("builder-agent")["status"] == "online", "its first beat")

    folder = tmp_path / "prometheus"
    folder.mkdir()
    rules = (DEPLOY / "prometheus/alerts.yml").read_text()
    (folder / "alerts.yml").write_text(re.sub(r"\bfor: \w+", "for: 0s", rules.replace("> 180", "> 3")))
    configuration = (DEPLOY / "prometheus/prometheus.yml").read_text()
    (folder / "prometheus.yml").write_text(
        configuration.replace("15s", "1s").replace("127.0.0.1:9640", f"127.0.0.1:{scene.port}"))
    port = free_port()
    with open(folder / "log", "wb") as log:
        running = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"], stdout=log, stderr=log)

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

    try:
        up = wait_until(targets, "the target to be up")
        assert [one["labels"]["job"] for one in up] == ["workspace-supervisor"] and not up[0]["lastError"]
        print("target:", json.dumps({key: up[0][key] for key in ("scrapeUrl", "health", "lastScrapeDuration")}))
        # A target is up a moment before its samples can be asked for.
        wait_until(lambda: (ask("query", query="workspace_supervisor_workspaces") or {}).get("result"), "a sample")
        scene.take_platform_away()
        alerts = wait_until(lambda: firing("WorkspaceNoBeat"), "the alert")
        assert [one["labels"].get("workspace") for one in alerts] == ["builder-agent"]
        print("alert:", json.dumps(alerts[0]))
        print("all:", [(one["labels"]["alertname"], one["labels"].get("workspace"), one["state"]) for one in ask("alerts")["alerts"]])
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()

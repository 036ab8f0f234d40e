"""Every metric that the dashboard and the rules name is in a real scrape, with every label that they ask for."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Set

import pytest

from scene import Scene, wait_until

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NAME = re.compile(r"workspace_supervisor_[a-z0-9_]+")
SELECTOR = re.compile(r"(workspace_supervisor_[a-z0-9_]+)\{([^}]*)\}")
OF_A_SCRAPE = {"job", "instance", "le"}


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key in ("expr", "query") and isinstance(one, str):
                yield one
            else:
                yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def dashboard() -> str:
    return "\n".join(texts(json.loads((DEPLOY / "grafana/workspace-supervisor.json").read_text())))


def rules() -> str:
    lines = (DEPLOY / "prometheus/alerts.yml").read_text().splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("#", "summary", "description", "runbook")))


def scraped(text: str) -> Dict[str, Set[str]]:
    """The labels of each metric."""
    found: Dict[str, Set[str]] = {}
    for line in text.splitlines():
        match = re.match(r"([a-z0-9_]+)(?:\{(.*)\})? ", line)
        if match and not line.startswith("#"):
            found.setdefault(match.group(1), set()).update(re.findall(r'(\w+)="', match.group(2) or ""))
    return found


@pytest.fixture
def metrics(make_scene: Callable[..., Scene]) -> Dict[str, Set[str]]:
    scene = make_scene(["ws-1"])
    wait_until(lambda: scene.workspace("ws-1")["status"] == "online", "a beat")
    with urllib.request.urlopen(scene.address + "metrics") as answer:
        return scraped(answer.read().decode())


@pytest.mark.parametrize("text", [dashboard(), rules()], ids=["dashboard", "rules"])
def test_names_and_labels_exist(metrics: Dict[str, Set[str]], text: str) -> None:
    names = set(NAME.findall(text))
    assert len(names) > 8
    assert names - set(metrics) == set()
    for name, selector in SELECTOR.findall(text):
        assert set(re.findall(r"(\w+)\s*(?:=|!)", selector)) - OF_A_SCRAPE - metrics[name] == set(), name


def test_each_alert_has_its_place_in_the_manual() -> None:
    manual = (DEPLOY.parent / "docs/operations.md").read_text()
    alerts = re.findall(r"alert: (\w+)", (DEPLOY / "prometheus/alerts.yml").read_text())
    assert len(alerts) > 8
    assert alerts == re.findall(r"^### (Workspace\w+)", manual, re.M)
    runbooks = re.findall(r'runbook: "docs/operations.md#(\w+)"', (DEPLOY / "prometheus/alerts.yml").read_text())
    assert runbooks == [alert.lower() for alert in alerts]


def test_panels_have_places_of_their_own() -> None:
    panels = json.loads((DEPLOY / "grafana/workspace-supervisor.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: Set[Any] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells

"""docs/events.md and the sources name the same events, in the same levels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Set

ROOT = Path(__file__).resolve().parents[2]
NAME = r"[a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*"
EMITTED = re.compile(r"(?:make_event\(|emit\(self,|\bemit\(|\btell\(self,)\s*([^\";]*?),\s*\"(" + NAME + r")\"", re.S)


def in_sources() -> Dict[str, Set[str]]:
    """The levels, as written there, of each event."""
    found: Dict[str, Set[str]] = {}
    for folder in ("actors", "app"):
        for path in sorted((ROOT / folder).rglob("*.cpp")):
            for level, name in EMITTED.findall(path.read_text()):
                found.setdefault(name, set()).update(re.findall(r"log_level::(\w+)", level) or {"by failures"})
    return found


def in_manual() -> Dict[str, str]:
    rows = re.findall(r"^\| `(" + NAME + r")` \| ([a-z ]+) \|", (ROOT / "docs/events.md").read_text(), re.M)
    assert len({name for name, _ in rows}) == len(rows)
    return dict(rows)


def test_the_same_names() -> None:
    assert len(in_sources()) > 25
    assert set(in_sources()) == set(in_manual())


def test_the_same_levels() -> None:
    for name, levels in in_sources().items():
        expected = {"warning", "debug"} if levels == {"by failures"} else levels
        assert set(in_manual()[name].split(" or ")) == expected, name

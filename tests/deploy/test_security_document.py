"""Each test that docs/security.md names is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Set

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([a-z_0-9]+\.[a-z_0-9]+|test_[a-z_0-9]+(?:\.py)?)`")


def there() -> Set[str]:
    found: Set[str] = set()
    for path in (ROOT / "tests").rglob("*.cpp"):
        cases = re.findall(r"^TEST(?:_F|_P)?\((\w+),\s+(\w+)\)", path.read_text(), re.M)
        found.update(f"{suite}.{name}" for suite, name in cases)
    for path in (ROOT / "tests").rglob("test_*.py"):
        found.add(path.name)
        found.update(re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.M))
    return found


def test_every_test_that_is_named_is_there() -> None:
    named = {name for name in NAMED.findall((ROOT / "docs" / "security.md").read_text())
             if not name.startswith(("control.", "agent.", "workspaces."))}
    assert len(named) > 40
    assert named - there() == set()

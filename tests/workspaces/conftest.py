from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from hosting import Host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.end()

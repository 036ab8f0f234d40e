from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from launched import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.end()

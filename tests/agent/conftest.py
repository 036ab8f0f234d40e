from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from launched import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.end()


@pytest.fixture
def open_scene() -> Iterator[Scene]:
    """In a folder that any user may enter: pytest closes its own to others, whenever it begins."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        made = Scene(Path(folder))
        yield made
        made.end()

"""Fixtures that tests in several folders take, by importing them."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from processes import Platform


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    running = Platform(tmp_path)
    yield running
    running.stop()

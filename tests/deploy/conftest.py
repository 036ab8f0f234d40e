from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "page"))
from scene import Scene  # noqa: E402


@pytest.fixture
def make_scene(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    made: List[Scene] = []

    def make(*arguments: object, **options: object) -> Scene:
        made.append(Scene(tmp_path, *arguments, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for scene in made:
        scene.stop()

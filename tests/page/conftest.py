from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from chromium import Chromium
from scene import Scene


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    running = Chromium(tmp_path_factory.mktemp("chromium"))
    yield running
    running.stop()


@pytest.fixture
def make_scene(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    made: List[Scene] = []

    def make(*arguments: object, **options: object) -> Scene:
        made.append(Scene(tmp_path, *arguments, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for scene in made:
        scene.stop()

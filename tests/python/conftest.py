from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from processes import Platform, SupervisorProcess


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    running = Platform(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def make_supervisor(tmp_path: Path, platform: Platform) -> Iterator[Callable[..., SupervisorProcess]]:
    """Makes supervisors, not started yet: options as on their command line."""
    made: List[SupervisorProcess] = []

    def make(*options: str) -> SupervisorProcess:
        made.append(SupervisorProcess(tmp_path, platform, *options))
        return made[-1]

    yield make
    for supervisor in made:
        supervisor.stop()


@pytest.fixture
def supervisor(make_supervisor: Callable[..., SupervisorProcess]) -> SupervisorProcess:
    """One that runs, with intervals of an hour: what happens in a test happens because of it."""
    made = make_supervisor("--supervisor.fault-injection=true")
    made.start()
    return made

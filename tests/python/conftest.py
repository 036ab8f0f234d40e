from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from processes import Platform, SupervisorProcess, wait_until
from workspace_supervisor import Supervisor


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
    """One that runs and has done its first beat and poll, with intervals of an hour: what happens in a test
    happens because of it."""
    made = make_supervisor("--supervisor.fault-injection=true", "--supervisor.max-restarts=1000")
    made.start()
    client = Supervisor(made.socket, workspace_id="ws-1")

    def has_begun() -> bool:
        workspace = client.workspace()
        return workspace["status"] == "online" and workspace["delegations"]["polls"] > 0

    wait_until(has_begun, "the first beat and poll")
    return made

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

from fake_supervisor import FakeSupervisor
from fixtures import platform  # noqa: F401
from processes import PATIENCE, Platform, SupervisorProcess, wait_until
from workspace_supervisor import HeartbeatLoop, Supervisor


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


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[HeartbeatLoop]:
    made = HeartbeatLoop("http://platform", "ws-1", socket_path=str(tmp_path / "control.sock"))
    yield made
    asyncio.run(made.stop())


@pytest.fixture
def own_patience() -> None:
    """For tests of how long stop() takes: it takes what it does for an agent."""


@pytest.fixture(autouse=True)
def patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """stop() hands everything over, however busy the machine is: what it has told is asked for right after it."""
    if "own_patience" not in request.fixturenames:
        monkeypatch.setattr("workspace_supervisor._sender._LAST_CALL_TIMEOUT", PATIENCE)
        monkeypatch.setattr("workspace_supervisor.heartbeat._STOP_PATIENCE", PATIENCE)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakeSupervisor]]:
    """Makes a stand-in at the same socket, which is asked again soon, and not because it was slow."""
    monkeypatch.setattr("workspace_supervisor._sender._FIRST_RETRY", 0.001)
    monkeypatch.setattr("workspace_supervisor._sender._LAST_RETRY", 0.01)
    monkeypatch.setattr("workspace_supervisor._sender._CALL_TIMEOUT", PATIENCE)
    made: List[FakeSupervisor] = []

    def make(behaviour: Callable[[str, dict], object]) -> FakeSupervisor:
        made.append(FakeSupervisor(tmp_path / "control.sock", behaviour))
        return made[-1]

    yield make
    for supervisor in made:
        supervisor.end()

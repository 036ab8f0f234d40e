"""workspace_supervisor.Supervisor: each call, against the real supervisor."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from processes import Platform, SupervisorProcess, wait_until
from workspace_supervisor import Supervisor, SupervisorError, SupervisorUnavailable


@pytest.fixture
def client(supervisor: SupervisorProcess) -> Supervisor:
    return Supervisor(supervisor.socket, workspace_id="ws-1")


def last_beat(platform: Platform) -> dict:
    beats = platform.beats()
    return beats[-1]["body"] if beats else {}


def test_health_says_healthy(client: Supervisor) -> None:
    assert client.health()


def test_ready_after_the_first_beat(client: Supervisor) -> None:
    wait_until(lambda: client.ready()["ready"], "readiness")


def test_not_ready_is_an_answer_and_no_error(platform: Platform, make_supervisor) -> None:
    platform.order("fault", action="status", status=500)
    process = make_supervisor()
    process.start()
    assert client_of(process).ready()["ready"] is False


def client_of(process: SupervisorProcess) -> Supervisor:
    return Supervisor(process.socket, workspace_id="ws-1")


def test_metrics_is_text(client: Supervisor) -> None:
    assert "workspace_supervisor_heartbeats_total" in client.metrics()


def test_stats_has_the_workspace(client: Supervisor) -> None:
    assert "heartbeat" in client.stats()["workspaces"]["ws-1"]["actors"]


def test_workspaces_lists_it(client: Supervisor) -> None:
    assert [workspace["id"] for workspace in client.workspaces()] == ["ws-1"]


def test_activity_arrives_and_what_is_none_stays(client: Supervisor) -> None:
    client.set_activity(3, "the task")
    client.set_activity(active_tasks=4)
    activity = client.workspace()["activity"]
    assert (activity["active_tasks"], activity["current_task"]) == (4, "the task")


def test_outcomes_reach_the_platform(client: Supervisor, platform: Platform) -> None:
    client.record_outcomes(successes=3, errors=1, sample_error="it broke")
    client.beat()
    beat = last_beat(platform)
    assert (beat["error_rate"], beat["sample_error"]) == (0.25, "it broke")


def test_a_wedged_runtime_reaches_the_platform(client: Supervisor, platform: Platform) -> None:
    client.set_runtime_state("wedged", "the SDK hangs")
    wait_until(lambda: last_beat(platform).get("runtime_state") == "wedged", "a beat that says wedged")
    client.set_runtime_state("")
    wait_until(lambda: not last_beat(platform).get("runtime_state"), "a healthy beat")


def test_metadata_reaches_the_platform(client: Supervisor, platform: Platform) -> None:
    client.set_runtime_metadata({"model": "m-1", "ü": [1, 2]})
    client.beat()
    assert last_beat(platform)["runtime_metadata"] == {"model": "m-1", "ü": [1, 2]}


def test_a_token_is_saved_and_used(client: Supervisor, platform: Platform) -> None:
    platform.order("token", workspace="ws-1", token="another-token")
    client.set_token("another-token")
    assert client.beat()["beat"]["delivered"]
    assert platform.token_file.read_text().strip() == "another-token"


def test_results_page_by_page(client: Supervisor, platform: Platform) -> None:
    client.beat()  # no poll is under way then that would be taken for the one after them
    platform.complete("d-1")
    platform.complete("d-2", "failed", error="no")
    client.beat()
    first = client.results(limit=1)
    second = client.results(after=first[0]["seq"])
    assert sorted(result["delegation_id"] for result in first + second) == ["d-1", "d-2"]


def test_crash_lets_an_actor_restart(client: Supervisor) -> None:
    client.crash("activity")
    wait_until(lambda: client.workspace()["actors"]["activity"]["restarts"] == 1, "the restart")


def test_events_tell_what_happens(client: Supervisor) -> None:
    async def follow() -> str:
        async for event in client.events():
            if event.data.get("actor") == "parent-name":
                return event.name
            # The stream is open: from now on nothing is missed.
        return "the stream ended"

    async def all_of_it() -> str:
        following = asyncio.ensure_future(follow())
        while not following.done():
            client.crash("parent-name")
            await asyncio.wait([following], timeout=0.5)
        return following.result()

    assert asyncio.run(asyncio.wait_for(all_of_it(), 30)).startswith("actor.")


def test_events_end_with_the_supervisor(client: Supervisor, supervisor: SupervisorProcess) -> None:
    async def follow() -> None:
        ended = None
        async for _ in client.events():
            ended = ended or asyncio.get_running_loop().run_in_executor(None, supervisor.stop)
            assert ended

    async def provoke() -> None:
        following = asyncio.ensure_future(follow())
        while not following.done():
            try:
                client.crash("parent-name")
            except SupervisorError:
                pass  # it is stopping
            await asyncio.wait([following], timeout=0.2)
        following.result()

    asyncio.run(asyncio.wait_for(provoke(), 30))


def test_a_refusal_has_code_message_and_status(client: Supervisor) -> None:
    with pytest.raises(SupervisorError) as caught:
        client.workspace("ws-2")
    assert (caught.value.code, caught.value.status) == ("not_found", 404)
    assert caught.value.message


def test_an_id_is_encoded(client: Supervisor) -> None:
    with pytest.raises(SupervisorError) as caught:
        client.workspace("../stats?x=1#é")
    assert caught.value.code == "not_found"


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(SupervisorUnavailable) as caught:
        Supervisor(str(tmp_path / "none.sock")).stats()
    assert caught.value.code == "unreachable"
    assert "none.sock" in caught.value.message


def test_no_answer_is_a_timeout(tmp_path: Path) -> None:
    path = str(tmp_path / "silent.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        with pytest.raises(SupervisorUnavailable) as caught:
            Supervisor(path, timeout=0.05).stats()
    assert caught.value.code == "timeout"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", b"\x00\x01nonsense\r\n\r\n",
                                    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"])
def test_another_answer_is_an_error_of_ours(tmp_path: Path, answer: bytes) -> None:
    path = str(tmp_path / "strange.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        with pytest.raises(SupervisorUnavailable):
            Supervisor(path).stats()
        serving.join()


def test_no_workspace_is_a_mistake_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKSPACE_ID", raising=False)
    with pytest.raises(ValueError):
        Supervisor("/nowhere").beat()


def test_the_environment_says_where_and_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSPACE_SUPERVISOR_SOCKET", "/run/it.sock")
    monkeypatch.setenv("WORKSPACE_ID", "ws-9")
    assert (Supervisor().socket_path, Supervisor().workspace_id) == ("/run/it.sock", "ws-9")
    monkeypatch.delenv("WORKSPACE_SUPERVISOR_SOCKET")
    monkeypatch.setenv("CONFIGS_DIR", "/etc/agent")
    assert Supervisor().socket_path == "/etc/agent/.supervisor/control.sock"

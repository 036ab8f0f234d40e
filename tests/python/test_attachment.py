"""The client's attachment, by which the supervisor sees that the agent lives: against the real supervisor, and
against a stand-in for what the real one does rarely."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Iterator, List

import pytest

import workspace_supervisor
from processes import BUILD, SupervisorProcess, clean_environment, wait_until
from workspace_supervisor import HeartbeatLoop, Supervisor, SupervisorError, SupervisorUnavailable

# An agent that forks when it is told to; its child does nothing and lives on.
AGENT = """
import os, sys, time
from workspace_supervisor import HeartbeatLoop

loop = HeartbeatLoop("http://platform", "ws-1", socket_path=sys.argv[1])
loop.start()
loop.active_tasks = 1
sys.stdin.readline()
print(os.fork(), flush=True)
time.sleep(3600)
"""

AgentProcess = "subprocess.Popen[str]"


def client_of(supervisor: SupervisorProcess) -> Supervisor:
    return Supervisor(supervisor.socket, workspace_id="ws-1")


def agent(supervisor: SupervisorProcess) -> dict:
    return client_of(supervisor).workspace()["agent"]


def is_attached(supervisor: SupervisorProcess, pid: int) -> bool:
    seen = agent(supervisor)
    return seen["state"] == "attached" and seen.get("pid") == pid


@pytest.fixture
def run_agent() -> Iterator[Callable[[SupervisorProcess], AgentProcess]]:
    """Agents as processes; what they leave behind ends with the test."""
    made: List[subprocess.Popen] = []

    def run(supervisor: SupervisorProcess) -> subprocess.Popen:
        client = str(Path(workspace_supervisor.__file__).resolve().parents[1])
        made.append(subprocess.Popen(
            [sys.executable, "-B", "-c", AGENT, supervisor.socket], env=clean_environment(PYTHONPATH=client),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True))
        return made[-1]

    yield run
    for process in made:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()


# -- from start() to stop()


def test_the_supervisor_sees_the_agent_from_its_start(loop: HeartbeatLoop, supervisor: SupervisorProcess) -> None:
    assert agent(supervisor)["attachments"] == 0
    loop.start()
    wait_until(lambda: is_attached(supervisor, os.getpid()), "the attachment")
    assert agent(supervisor)["attachments"] == 1
    shown = subprocess.run([str(BUILD / "workspacectl"), "status", "--workspace=ws-1", f"--socket={supervisor.socket}"],
                           env=clean_environment(), stdout=subprocess.PIPE, text=True, check=True).stdout
    assert f"attached, process {os.getpid()}, 1 attachment\n" in shown, shown


def test_an_agent_that_does_not_start_does_not_attach(loop: HeartbeatLoop, fake) -> None:
    supervisor = fake(lambda target, body: 200)
    loop.active_tasks = 1
    time.sleep(0.1)
    assert supervisor.attach_requests == 0


def test_stop_is_a_goodbye(loop: HeartbeatLoop, supervisor: SupervisorProcess) -> None:
    loop.start()
    wait_until(lambda: is_attached(supervisor, os.getpid()), "the attachment")
    asyncio.run(loop.stop())
    wait_until(lambda: agent(supervisor)["attachments"] == 0, "its end")
    assert agent(supervisor)["state"] not in ("attached", "gone")


def test_the_goodbye_comes_after_everything_else(loop: HeartbeatLoop, fake) -> None:
    supervisor = fake(lambda target, body: 200)
    supervisor.attach = 200
    loop.start()
    wait_until(lambda: supervisor.attached, "the attachment")
    loop.record_error("the last")
    loop.active_tasks = 3
    asyncio.run(loop.stop())
    wait_until(lambda: "end" in supervisor.calls(), "the end")
    assert supervisor.calls()[-3:] == ["activity", "detach", "end"]
    assert supervisor.outcomes("errors") == 1


def test_a_goodbye_waits_for_an_attachment_that_is_being_made(loop: HeartbeatLoop, fake) -> None:
    supervisor = fake(lambda target, body: 200)
    supervisor.attach = 200
    for number, delay in enumerate([0, 0, 0, 0.01, 0.1, 0.3], 1):
        supervisor.attach_delay = delay
        loop.start()
        wait_until(lambda: supervisor.attach_requests == number, "the request")
        asyncio.run(loop.stop())
        wait_until(lambda: supervisor.calls().count("end") == number, "the end")
        assert supervisor.calls()[-2:] == ["detach", "end"]


def test_start_after_stop_attaches_again(loop: HeartbeatLoop, supervisor: SupervisorProcess) -> None:
    for _ in range(3):
        loop.start()
        wait_until(lambda: is_attached(supervisor, os.getpid()), "the attachment")
        asyncio.run(loop.stop())
        wait_until(lambda: agent(supervisor)["attachments"] == 0, "its end")


# -- the agent dies


def test_an_agent_that_is_killed_is_gone(supervisor: SupervisorProcess, run_agent) -> None:
    process = run_agent(supervisor)
    wait_until(lambda: is_attached(supervisor, process.pid), "the attachment")
    process.kill()
    wait_until(lambda: agent(supervisor)["state"] == "gone", "its end")
    assert agent(supervisor)["attachments"] == 0
    successor = run_agent(supervisor)
    wait_until(lambda: is_attached(supervisor, successor.pid), "the next attachment")


def test_a_forked_child_does_not_keep_its_parent_alive(supervisor: SupervisorProcess, run_agent) -> None:
    process = run_agent(supervisor)
    wait_until(lambda: is_attached(supervisor, process.pid), "the attachment")
    process.stdin.write("fork\n")
    process.stdin.flush()
    said = sorted(int(process.stdout.readline()) for _ in range(2))
    assert said[0] == 0 and said[1] > 0
    assert is_attached(supervisor, process.pid)
    process.kill()
    wait_until(lambda: agent(supervisor)["state"] == "gone", "the parent's end")
    os.kill(said[1], 0)  # the child lives


def test_a_forked_child_has_no_copy(loop: HeartbeatLoop, fake, tmp_path: Path) -> None:
    supervisor = fake(lambda target, body: 200)
    supervisor.attach = 200
    loop.start()
    attachment = Supervisor(str(tmp_path / "control.sock"), workspace_id="ws-1").attach()
    wait_until(lambda: len(supervisor.attached) == 2, "both attachments")
    descriptors = [attachment.fileno(), loop._sender._presence.fileno()]  # type: ignore[union-attr]
    child = os.fork()
    if child == 0:
        status = 1
        try:
            copies = [descriptor for descriptor in descriptors if is_open(descriptor)]
            attachment.close()  # says nothing: it is none of the child's
            asyncio.run(loop.stop())
            status = 7 if attachment.ended and not copies else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 7 << 8
    assert not attachment.ended
    assert len(supervisor.attached) == 2
    assert "detach" not in supervisor.calls()
    attachment.close()
    wait_until(lambda: "detach" in supervisor.calls(), "the goodbye")


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
        return True
    except OSError:
        return False


# -- the supervisor dies


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_supervisor_that_starts_anew_sees_the_agent_again(loop: HeartbeatLoop, make_supervisor, how: str) -> None:
    supervisor = make_supervisor()
    supervisor.start()
    loop.start()
    for number in range(1, 4):
        loop.active_tasks = number
        wait_until(lambda: client_of(supervisor).workspace()["activity"]["active_tasks"] == number, "the number")
        wait_until(lambda: is_attached(supervisor, os.getpid()), "the attachment")
        getattr(supervisor, how)()
        supervisor.start()
        wait_until(lambda: is_attached(supervisor, os.getpid()), "the attachment after the restart")
        wait_until(lambda: client_of(supervisor).workspace()["activity"]["active_tasks"] == number, "it told again")


def test_the_state_is_told_again_with_each_attachment(loop: HeartbeatLoop, fake) -> None:
    supervisor = fake(lambda target, body: 200)
    supervisor.attach = 200
    loop.start()
    loop.active_tasks = 2
    for told in range(2, 6):
        wait_until(lambda: supervisor.attached, "the attachment")
        supervisor.end_attachments()
        wait_until(lambda: supervisor.attach_requests == told, "the next one")
        wait_until(lambda: supervisor.calls().count("activity") >= told, "the state")
    states = [body for target, body in supervisor.taken if target.endswith("/activity")]
    assert states[-4:] == [{"active_tasks": 2, "current_task": ""}] * 4


def test_a_silent_attachment_has_ended(loop: HeartbeatLoop, fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workspace_supervisor._presence.STREAM_SILENCE", 0.1)
    supervisor = fake(lambda target, body: 200)
    supervisor.attach = 200
    loop.start()
    wait_until(lambda: supervisor.attach_requests >= 3, "new attachments")


def test_what_comes_is_thrown_away(loop: HeartbeatLoop, fake) -> None:
    supervisor = fake(lambda target, body: 200)
    supervisor.attach = 200
    loop.start()
    wait_until(lambda: supervisor.attached, "the attachment")
    for _ in range(200):
        supervisor.attached[0].sendall(b": still here\n\n" * 5000)
    loop.active_tasks = 1
    wait_until(lambda: ("/v1/workspaces/ws-1/activity", {"active_tasks": 1, "current_task": ""}) in supervisor.taken)
    assert supervisor.attach_requests == 1
    assert loop._sender._presence._stream._answer == b""  # type: ignore[union-attr]


@pytest.mark.parametrize("status", [404, 503])
def test_a_refused_attachment_harms_nothing_else(loop: HeartbeatLoop, fake, status: int,
                                                 caplog: pytest.LogCaptureFixture) -> None:
    supervisor = fake(lambda target, body: 200)
    supervisor.attach = status
    with caplog.at_level(logging.INFO, "workspace_supervisor"):
        loop.start()
        wait_until(lambda: supervisor.attach_requests >= 4, "further attempts")
        loop.active_tasks = 1
        wait_until(lambda: supervisor.taken and supervisor.taken[-1][1].get("active_tasks") == 1)
        assert len([record for record in caplog.records if "does not see" in record.message]) == 1
        supervisor.attach = 200
        wait_until(lambda: supervisor.attached, "the attachment")
        wait_until(lambda: [record for record in caplog.records if "sees" in record.message], "a word about it")


@pytest.mark.usefixtures("own_patience")
def test_an_attachment_without_an_answer_holds_nothing_up(loop: HeartbeatLoop, fake,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workspace_supervisor._presence._ANSWER_TIMEOUT", 3600.0)
    supervisor = fake(lambda target, body: 200)
    supervisor.attach = 0
    loop.start()
    for number in range(1, 20):
        loop.active_tasks = number
        wait_until(lambda: supervisor.taken and supervisor.taken[-1][1]["active_tasks"] == number)
    begin = time.monotonic()
    asyncio.run(loop.stop())
    assert time.monotonic() - begin < 15  # it would be as long as an attachment may take, 45 s
    assert supervisor.attach_requests == 1


def test_more_attachments_than_there_may_be(loop: HeartbeatLoop, supervisor: SupervisorProcess,
                                            caplog: pytest.LogCaptureFixture) -> None:
    client = client_of(supervisor)
    attachments = [client.attach() for _ in range(4)]
    with pytest.raises(SupervisorError) as caught:
        client.attach()
    assert caught.value.status == 503
    loop.start()
    loop.current_task = "told all the same"
    wait_until(lambda: client.workspace()["activity"]["current_task"] == "told all the same")
    for attachment in attachments:
        attachment.close()
    wait_until(lambda: is_attached(supervisor, os.getpid()) and agent(supervisor)["attachments"] == 1)
    assert len([record for record in caplog.records if "does not see" in record.message]) <= 1


# -- a sign of life


def test_progress_is_taken(loop: HeartbeatLoop, supervisor: SupervisorProcess,
                           caplog: pytest.LogCaptureFixture) -> None:
    client_of(supervisor).progress()
    client_of(supervisor).progress("a third")
    loop.start()
    loop.active_tasks = 1
    loop.progress("half of it")
    loop.progress()
    asyncio.run(loop.stop())
    assert [record for record in caplog.records if "refuses" in record.message] == []
    assert not loop._take()


def test_the_last_note_is_told_after_the_activity(loop: HeartbeatLoop, fake) -> None:
    supervisor = fake(lambda target, body: 200)
    loop.progress("one")
    loop.progress("two")
    loop.progress()
    loop.start()
    wait_until(lambda: "progress" in supervisor.calls(), "the sign of life")
    assert supervisor.calls() == ["activity", "progress"]
    assert supervisor.taken[-1][1] == {"note": "two"}
    loop.progress()
    wait_until(lambda: supervisor.taken[-1][1] == {}, "one without a note")


def test_progress_that_failed_is_told_again(loop: HeartbeatLoop, fake) -> None:
    answers: List[object] = [503, "close", 503]
    supervisor = fake(lambda target, body: answers.pop() if answers and target.endswith("/progress") else 200)
    loop.progress("half of it")
    loop.start()
    wait_until(lambda: "progress" in supervisor.calls(), "the sign of life")
    assert supervisor.taken[-1][1] == {"note": "half of it"}
    assert len([target for target, _ in supervisor.asked if target.endswith("/progress")]) == 4


@pytest.mark.parametrize("status", [400, 404])
def test_progress_that_is_refused_is_dropped(loop: HeartbeatLoop, fake, status: int,
                                             caplog: pytest.LogCaptureFixture) -> None:
    supervisor = fake(lambda target, body: status if target.endswith("/progress") else 200)
    loop.start()
    for number in range(1, 4):
        loop.progress("half of it")
        wait_until(lambda: len([t for t, _ in supervisor.asked if t.endswith("/progress")]) == number)
    loop.active_tasks = 1
    wait_until(lambda: supervisor.taken and supervisor.taken[-1][1].get("active_tasks") == 1)
    assert len([target for target, _ in supervisor.asked if target.endswith("/progress")]) == 3
    assert len([record for record in caplog.records if "/progress" in record.message]) == 1


# -- Supervisor


def test_attach_until_the_block_ends(supervisor: SupervisorProcess) -> None:
    with client_of(supervisor).attach() as attachment:
        wait_until(lambda: is_attached(supervisor, os.getpid()), "the attachment")
        assert attachment.fileno() >= 0
        assert not attachment.ended
    assert attachment.ended
    assert attachment.fileno() == -1
    attachment.close()
    wait_until(lambda: agent(supervisor)["attachments"] == 0, "its end")
    assert agent(supervisor)["state"] not in ("attached", "gone")


def test_detach_ends_all_attachments_of_the_process(supervisor: SupervisorProcess) -> None:
    client = client_of(supervisor)
    attachments = [client.attach(), client.attach()]
    wait_until(lambda: agent(supervisor)["attachments"] == 2, "both")
    client.detach()
    wait_until(lambda: all(attachment.ended for attachment in attachments), "their end")
    assert agent(supervisor)["state"] not in ("attached", "gone")
    for attachment in attachments:
        attachment.close()


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_an_attachment_ends_with_the_supervisor(supervisor: SupervisorProcess, how: str) -> None:
    attachment = client_of(supervisor).attach()
    getattr(supervisor, how)()
    wait_until(lambda: attachment.ended, "its end")
    attachment.close()


def test_an_attachment_is_read(fake, tmp_path: Path) -> None:
    supervisor = fake(lambda target, body: 200)
    supervisor.attach = 200
    with Supervisor(str(tmp_path / "control.sock"), workspace_id="ws-1").attach() as attachment:
        wait_until(lambda: supervisor.attached, "the attachment")
        for _ in range(200):
            supervisor.attached[0].sendall(b": still here\n\n" * 5000)
        assert not attachment.ended
    assert supervisor.calls()[0] == "detach"


def test_an_attachment_that_is_not_to_be_had(supervisor: SupervisorProcess, tmp_path: Path) -> None:
    with pytest.raises(SupervisorError) as caught:
        client_of(supervisor).attach("ws-2")
    assert (caught.value.code, caught.value.status) == ("not_found", 404)
    with pytest.raises(SupervisorUnavailable) as unavailable:
        Supervisor(str(tmp_path / "none.sock"), workspace_id="ws-1").attach()
    assert unavailable.value.code == "unreachable"


def test_attach_waits_no_longer_than_its_timeout(fake, tmp_path: Path) -> None:
    fake(lambda target, body: 200).attach = 0
    with pytest.raises(SupervisorUnavailable) as caught:
        Supervisor(str(tmp_path / "control.sock"), workspace_id="ws-1", timeout=0.05).attach()
    assert caught.value.code == "timeout"


@pytest.mark.parametrize("call", ["agent_start", "agent_stop", "agent_restart"])
def test_an_agent_that_was_not_launched_is_not_the_supervisors_to_end(supervisor: SupervisorProcess,
                                                                      call: str) -> None:
    with pytest.raises(SupervisorError) as caught:
        getattr(client_of(supervisor), call)()
    assert caught.value.status == 409

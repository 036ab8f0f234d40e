"""workspace_supervisor.HeartbeatLoop, the drop-in, against the real supervisor."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import threading
import time
from pathlib import Path

import pytest

from processes import Platform, SupervisorProcess, wait_until
from workspace_supervisor import HeartbeatLoop, Supervisor


def activity(supervisor: SupervisorProcess) -> dict:
    return Supervisor(supervisor.socket, workspace_id="ws-1").workspace()["activity"]


def keep_window(platform: Platform) -> None:
    """No beat is delivered: what was recorded stays in the supervisor's window, to be counted."""
    platform.order("fault", action="status", status=500, **{"class": "beat"})


def test_it_begins_like_the_class_it_replaces() -> None:
    before = time.time()
    made = HeartbeatLoop("http://platform", "ws-1")
    assert (made.active_tasks, made.current_task, made.sample_error) == (0, "", "")
    assert (made.error_count, made.request_count, made.error_rate) == (0, 0, 0.0)
    assert before <= made.start_time <= time.time()


def test_it_reads_back_what_was_said() -> None:
    made = HeartbeatLoop("http://platform", "ws-1")
    made.active_tasks += 2
    made.current_task = "x"
    made.record_error("bad")
    made.record_success()
    assert (made.active_tasks, made.current_task, made.sample_error) == (2, "x", "bad")
    assert (made.error_count, made.request_count, made.error_rate) == (1, 2, 0.5)


def test_activity_reaches_the_platform(loop: HeartbeatLoop, supervisor: SupervisorProcess,
                                       platform: Platform) -> None:
    loop.start()
    loop.active_tasks = 2
    loop.current_task = "reading"
    # As a rule in one beat; in two, where the second word came late.
    told = (2, "reading")
    wait_until(lambda: told in [(b["body"]["active_tasks"], b["body"]["current_task"]) for b in platform.beats()])


def test_what_was_said_before_the_start_is_told(loop: HeartbeatLoop, supervisor: SupervisorProcess) -> None:
    loop.current_task = "early"
    loop.start()
    wait_until(lambda: activity(supervisor)["current_task"] == "early")


def test_outcomes_are_counted_exactly(loop: HeartbeatLoop, platform: Platform, make_supervisor) -> None:
    keep_window(platform)
    supervisor = make_supervisor()
    supervisor.start()
    loop.start()
    threads = [threading.Thread(target=lambda: [loop.record_success() for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        loop.record_error("one of many")
        time.sleep(0.001)
    for thread in threads:
        thread.join()
    loop.record_error("the last")
    asyncio.run(loop.stop())
    window = activity(supervisor)
    assert (window["requests"], window["errors"], window["sample_error"]) == (2101, 101, "the last")


@pytest.mark.parametrize("order", ["errors first", "requests first"])
def test_counts_may_be_assigned(loop: HeartbeatLoop, platform: Platform, make_supervisor, order: str) -> None:
    keep_window(platform)
    supervisor = make_supervisor()
    supervisor.start()
    if order == "errors first":
        loop.error_count += 1
        loop.request_count += 1
    else:
        loop.request_count += 1
        loop.error_count += 1
    loop.request_count += 3
    loop.sample_error = "assigned"
    loop.start()
    asyncio.run(loop.stop())
    window = activity(supervisor)
    assert (window["requests"], window["errors"], window["sample_error"]) == (4, 1, "assigned")


def test_counts_set_back_take_nothing_away(loop: HeartbeatLoop, platform: Platform, make_supervisor) -> None:
    keep_window(platform)
    supervisor = make_supervisor()
    supervisor.start()
    loop.record_error("x")
    loop.error_count = loop.request_count = 0
    loop.record_success()
    loop.start()
    asyncio.run(loop.stop())
    assert (loop.request_count, activity(supervisor)["requests"], activity(supervisor)["errors"]) == (1, 2, 1)


def test_a_supervisor_that_comes_late_is_told_everything(loop: HeartbeatLoop, platform: Platform,
                                                         make_supervisor) -> None:
    keep_window(platform)
    loop.start()
    for number in range(1000):
        loop.active_tasks = number
        loop.record_error(f"error {number}")
        loop.record_success()
    supervisor = make_supervisor()
    supervisor.start()
    wait_until(lambda: activity(supervisor)["active_tasks"] == 999)
    window = activity(supervisor)
    assert (window["requests"], window["errors"], window["sample_error"]) == (2000, 1000, "error 999")


def test_a_supervisor_that_starts_anew_is_told_the_state_again(loop: HeartbeatLoop, make_supervisor) -> None:
    supervisor = make_supervisor()
    supervisor.start()
    loop.start()
    loop.active_tasks = 1
    loop.current_task = "goes on"
    wait_until(lambda: activity(supervisor)["current_task"] == "goes on")
    supervisor.kill()
    supervisor.start()
    # The agent says nothing: the client has noticed by itself.
    wait_until(lambda: activity(supervisor)["current_task"] == "goes on")


def test_what_is_said_while_the_supervisor_is_away_arrives(loop: HeartbeatLoop, platform: Platform,
                                                           make_supervisor) -> None:
    keep_window(platform)
    supervisor = make_supervisor()
    supervisor.start()
    loop.start()
    loop.current_task = "before"
    wait_until(lambda: activity(supervisor)["current_task"] == "before")
    supervisor.kill()
    loop.record_error("while it was away")
    loop.current_task = "after"
    supervisor.start()
    wait_until(lambda: activity(supervisor)["current_task"] == "after")
    window = activity(supervisor)
    assert (window["requests"], window["errors"], window["sample_error"]) == (1, 1, "while it was away")


def test_crashing_actors_lose_no_outcome(loop: HeartbeatLoop, platform: Platform, make_supervisor) -> None:
    keep_window(platform)
    supervisor = make_supervisor("--supervisor.fault-injection=true", "--supervisor.max-restarts=1000")
    supervisor.start()
    loop.start()
    client = Supervisor(supervisor.socket, workspace_id="ws-1")
    for _ in range(5):
        loop.record_error("x")
        wait_until(lambda: activity(supervisor)["errors"] == loop.error_count)
        client.crash("activity")
    loop.record_error("the last")
    wait_until(lambda: activity(supervisor)["errors"] >= 6)


def test_beats_go_on_while_the_agent_blocks_its_event_loop(loop: HeartbeatLoop, platform: Platform,
                                                           make_supervisor) -> None:
    supervisor = make_supervisor("--heartbeat.interval=500ms")
    supervisor.start()

    async def agent() -> None:
        loop.start()
        loop.active_tasks += 1
        loop.current_task = "a tool that blocks"
        before = len(platform.beats())
        # This blocks: no other task of the loop runs meanwhile.
        wait_until(lambda: [beat["body"]["current_task"] for beat in platform.beats()[before:]].count(
            "a tool that blocks") >= 4, "beats that say the task")
        loop.active_tasks -= 1

    asyncio.run(agent())


def test_many_changes_make_few_beats_and_the_last_wins(loop: HeartbeatLoop, supervisor: SupervisorProcess,
                                                       platform: Platform) -> None:
    loop.start()
    begin = time.monotonic()
    for number in range(1, 41):
        loop.active_tasks = number
        time.sleep(0.05)
    wait_until(lambda: platform.beats()[-1]["body"]["active_tasks"] == 40)
    seconds = time.monotonic() - begin
    assert len(platform.beats()) <= 1 + 1 + seconds + 1


@pytest.mark.parametrize("state", ["nobody", "silent", "closing", "nonsense"])
@pytest.mark.usefixtures("own_patience")
def test_the_agent_never_notices(loop: HeartbeatLoop, tmp_path: Path, state: str) -> None:
    """Whatever is at the other end: nothing raises, nothing blocks."""
    listening = socket.socket(socket.AF_UNIX)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            if state == "silent":
                ended.wait()
            elif state == "nonsense":
                connection.sendall(b"\xff\xfe\r\n\r\n")
            connection.close()

    serving = threading.Thread(target=serve, daemon=True)
    if state != "nobody":
        listening.bind(str(tmp_path / "control.sock"))
        listening.listen()
        serving.start()
    loop.start()
    for number in range(10000):
        loop.active_tasks = number
        loop.record_error("x")
    asyncio.run(loop.stop())
    ended.set()
    listening.close()


def test_strange_values_do_no_harm(loop: HeartbeatLoop, platform: Platform, make_supervisor) -> None:
    keep_window(platform)
    supervisor = make_supervisor()
    supervisor.start()
    loop.start()
    loop.active_tasks = -5
    loop.current_task = None  # type: ignore[assignment]
    loop.record_error(ValueError("no string"))  # type: ignore[arg-type]
    loop.record_error("\ud800 \0 ü " + "x" * 1000000)
    loop.error_count = "many"  # type: ignore[assignment]
    asyncio.run(loop.stop())
    window = activity(supervisor)
    assert (window["active_tasks"], window["current_task"], window["errors"]) == (0, "", 2)
    assert window["sample_error"].startswith("? \0 ü xxx")


def test_it_can_start_and_stop_again_and_twice(loop: HeartbeatLoop, supervisor: SupervisorProcess) -> None:
    async def twice() -> None:
        for text in ("one", "two"):
            loop.start()
            loop.start()
            loop.current_task = text
            await loop.stop()
            await loop.stop()
            assert activity(supervisor)["current_task"] == text

    asyncio.run(twice())


def test_no_thread_stays(loop: HeartbeatLoop, supervisor: SupervisorProcess) -> None:
    before = threading.active_count()
    loop.start()
    asyncio.run(loop.stop())
    assert threading.active_count() == before


def test_a_forked_child_is_not_blocked_and_tells_nothing(loop: HeartbeatLoop, supervisor: SupervisorProcess) -> None:
    loop.start()
    loop.current_task = "of the parent"
    wait_until(lambda: activity(supervisor)["current_task"] == "of the parent")
    with loop._lock:
        child = os.fork()
        if child == 0:
            loop.current_task = "of the child"
            os._exit(7 if loop.current_task == "of the child" else 1)
    assert os.waitpid(child, 0)[1] == 7 << 8
    loop.active_tasks = 1
    wait_until(lambda: activity(supervisor)["active_tasks"] == 1)
    assert activity(supervisor)["current_task"] == "of the parent"


def test_counts_stay_exact_whatever_fails_on_the_way(loop: HeartbeatLoop, fake) -> None:
    chance = random.Random(7)
    supervisor = fake(lambda target, body: chance.choice([200, 200, 503, 404, 403, "close"]))
    loop.start()
    for number in range(300):
        loop.record_success()
        loop.record_error(f"error {number}")
        loop.active_tasks = number
        time.sleep(0.002)
    loop.current_task = "the end"
    wait_until(lambda: any(body.get("current_task") == "the end" for _, body in supervisor.taken))
    assert (supervisor.outcomes("successes"), supervisor.outcomes("errors")) == (300, 300)
    texts = [body["sample_error"] for _, body in supervisor.taken if "sample_error" in body]
    assert texts[-1] == "error 299"
    assert [int(text.split()[1]) for text in texts] == sorted(int(text.split()[1]) for text in texts)


def test_outcomes_go_before_the_change_that_follows_them(loop: HeartbeatLoop, fake) -> None:
    supervisor = fake(lambda target, body: 200)
    loop.record_error("x")
    loop.current_task = "y"
    loop.start()
    wait_until(lambda: len(supervisor.taken) == 2)
    assert [target.rpartition("/")[2] for target, _ in supervisor.taken] == ["outcomes", "activity"]


def test_outcomes_are_not_told_again_after_a_time_out(loop: HeartbeatLoop, fake,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = fake(lambda target, body: "silence" if target.endswith("/outcomes") else 200)
    monkeypatch.setattr("workspace_supervisor._sender._CALL_TIMEOUT", 0.2)

    def asked() -> "list[str]":
        return [target for target, _ in supervisor.asked if target.endswith("/outcomes")]

    loop.record_error("x")
    loop.start()
    wait_until(asked)
    wait_until(lambda: any(target.endswith("/activity") for target, _ in supervisor.taken))
    assert asked() == ["/v1/workspaces/ws-1/outcomes"]


def test_what_is_refused_for_good_does_not_hold_up_the_rest(loop: HeartbeatLoop, fake) -> None:
    supervisor = fake(lambda target, body: 400 if target.endswith("/outcomes") else 200)
    loop.record_error("x")
    loop.start()
    wait_until(lambda: any(target.endswith("/activity") for target, _ in supervisor.taken))
    assert len(supervisor.asked) == 2


def test_a_supervisor_that_keeps_no_connection_is_not_told_for_ever(loop: HeartbeatLoop, fake,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workspace_supervisor._sender._TELL_ANEW_GAP", 3600.0)
    supervisor = fake(lambda target, body: 200)
    supervisor.keeps_open = False
    loop.current_task = "x"
    loop.start()
    wait_until(lambda: len(supervisor.taken) == 2, "the state, and the state again")
    time.sleep(0.5)
    loop.current_task = "y"
    wait_until(lambda: supervisor.taken[-1][1]["current_task"] == "y")
    assert len(supervisor.taken) == 3

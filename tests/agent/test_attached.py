"""An agent that runs by itself and attaches: when it counts as there, and what the platform hears of it."""

from __future__ import annotations

import os
import re
import signal

from launched import Scene
from processes import state_of, wait_until

GRACE = "--agent.grace=300ms"


def test_its_uptime_is_told_and_its_process_known(scene: Scene) -> None:
    scene.start()
    agent = scene.start_agent("attach", "forever")
    scene.wait_ready()
    wait_until(lambda: scene.agent_stats().get("state") == "attached", "it is attached")
    assert scene.agent_stats()["pid"] == agent.pid
    assert not any("runtime_state" in beat for beat in scene.beats())
    assert scene.stop() == 0


def test_one_that_never_attached_is_not_judged(scene: Scene) -> None:
    scene.start(GRACE)
    agent = scene.start_agent("task=without an attachment", "exit=0")
    assert agent.wait() == 0
    scene.wait_beat("its task", lambda beat: beat["active_tasks"] == 1)
    assert scene.agent_stats()["state"] == "none"
    assert not any("runtime_state" in beat for beat in scene.beats())
    assert scene.stop() == 0


def test_one_that_is_killed_is_gone_and_its_task_taken_back(scene: Scene) -> None:
    scene.start(GRACE)
    agent = scene.start_agent("attach", "task=to be lost", "forever")
    scene.wait_ready()
    scene.wait_beat("its task", lambda beat: beat["active_tasks"] == 1)
    agent.kill()
    told = scene.wait_wedged(f"agent process {agent.pid} is gone")
    assert (told["active_tasks"], told["current_task"]) == (0, "")
    assert scene.agent_stats()["state"] == "gone"
    scene.start_agent("attach", "task=of the next one", "forever")
    back = scene.wait_healthy()
    assert back["uptime_seconds"] < 30
    scene.wait_beat("the next one's task", lambda beat: beat["current_task"] == "of the next one")
    assert scene.stop() == 0


def test_one_whose_child_keeps_the_connection_is_gone_all_the_same(scene: Scene) -> None:
    scene.start(GRACE)
    agent = scene.start_agent("attach", "hand_down", "forever")
    scene.wait_ready()
    wait_until(lambda: scene.agent_stats().get("attachments") == 1, "it is attached")
    agent.kill()
    agent.wait()
    scene.wait_wedged(f"agent process {agent.pid} is gone")
    assert scene.agent_stats()["attachments"] == 0
    assert scene.stop() == 0


def test_one_that_closes_its_connection_but_lives_is_gone_too(scene: Scene) -> None:
    scene.start(GRACE)
    agent = scene.start_agent("attach", "task=half done", "wait=go", "close", "wait=again", "attach",
                              "task=half done", "forever")
    wait_until(lambda: scene.agent_stats().get("state") == "attached", "it is attached")
    (scene.folder / "go").touch()
    told = scene.wait_wedged(f"agent process {agent.pid} has closed its connection")
    assert told["active_tasks"] == 0
    (scene.folder / "again").touch()
    scene.wait_healthy()
    scene.wait_beat("its task", lambda beat: beat["active_tasks"] == 1)
    assert scene.stop() == 0


def test_one_that_says_goodbye_is_not_gone(scene: Scene) -> None:
    scene.start(GRACE)
    agent = scene.start_agent("attach", "task=the last one", "wait=go", "detach", "exit=0")
    scene.wait_beat("its task", lambda beat: beat["active_tasks"] == 1)
    (scene.folder / "go").touch()
    assert agent.wait() == 0
    scene.wait_beat("no task", lambda beat: beat["active_tasks"] == 0)
    assert scene.agent_stats()["state"] == "none"
    for _ in range(4):  # longer than the grace
        assert "runtime_state" not in scene.next_beat()
    assert scene.stop() == 0


def test_any_of_several_attachments_is_enough(scene: Scene) -> None:
    scene.start(GRACE)
    first = scene.start_agent("attach", "forever")
    scene.wait_ready()
    second = scene.start_agent("attach", "forever")
    scene.wait_ready(2)
    wait_until(lambda: scene.agent_stats().get("attachments") == 2, "both are attached")
    first.kill()
    wait_until(lambda: scene.agent_stats().get("attachments") == 1, "one is left")
    for _ in range(4):
        assert "runtime_state" not in scene.next_beat()
    second.kill()
    scene.wait_wedged("is gone")
    assert scene.stop() == 0


def test_no_more_than_four_attach(scene: Scene) -> None:
    scene.start()
    for _ in range(4):
        scene.start_agent("attach", "forever")
    wait_until(lambda: scene.agent_stats().get("attachments") == 4,
               lambda: f"four attachments in {scene.agent_stats()}; the log: {scene.log()}")
    assert scene.start_agent("attach", "exit=0").wait() == 1
    assert scene.agent_stats()["attachments"] == 4
    assert scene.stop() == 0


def test_one_that_is_suspended_is_stopped_and_comes_back_with_its_task(scene: Scene) -> None:
    scene.start(GRACE)
    agent = scene.start_agent("attach", "task=to be continued", "forever")
    scene.wait_ready()
    scene.wait_beat("its task", lambda beat: beat["active_tasks"] == 1)
    agent.send_signal(signal.SIGSTOP)
    told = scene.wait_wedged(f"agent process {agent.pid} is stopped")
    assert (told["active_tasks"], told["current_task"]) == (0, "")
    assert scene.agent_stats()["state"] == "suspended"
    agent.send_signal(signal.SIGCONT)
    back = scene.wait_healthy()
    assert (back["active_tasks"], back["current_task"]) == (1, "to be continued")
    assert scene.stop() == 0


def test_one_in_another_container_is_watched_by_its_connection(scene: Scene) -> None:
    """Its process has no number there: what it does cannot be seen, only that it has gone."""
    supervisor = scene.run_in_pid_namespace(scene.command(GRACE))
    agent = scene.start_agent("attach", "task=to be lost", "forever")
    scene.wait_ready()
    wait_until(lambda: scene.agent_stats().get("state") == "attached", "it is attached")
    scene.wait_beat("its task", lambda beat: beat["active_tasks"] == 1)
    agent.send_signal(signal.SIGSTOP)
    for _ in range(8):
        assert "runtime_state" not in scene.next_beat()
    agent.kill()
    told = scene.wait_wedged("the agent's connection has ended")
    assert (told["active_tasks"], told["current_task"]) == (0, "")
    os.kill(supervisor, signal.SIGTERM)
    assert scene.wait_ended() == 0


def test_a_launched_one_that_is_suspended_is_told_of_too(scene: Scene) -> None:
    scene.start(GRACE, agent=["forever"])
    pid = scene.wait_ready()
    os.kill(pid, signal.SIGSTOP)
    scene.wait_wedged(f"agent process {pid} is stopped")
    os.kill(pid, signal.SIGCONT)
    scene.wait_healthy()
    assert state_of(pid) in ("S", "R")
    assert scene.stop() == 0


# -- the first beat


def test_the_first_beat_waits_for_an_agent_that_is_expected(scene: Scene) -> None:
    scene.start("--agent.expected=true", "--agent.start-timeout=1h")
    wait_until(lambda: scene.stats().get("agent", {}).get("state") == "waiting", "it is waited for")
    assert scene.beats() == []
    scene.start_agent("attach", "forever")
    assert "runtime_state" not in scene.next_beat()
    assert all("runtime_state" not in beat for beat in scene.beats())
    assert scene.stop() == 0


def test_an_expected_agent_that_does_not_come_is_told_of(scene: Scene) -> None:
    scene.start("--agent.expected=true", "--agent.start-timeout=500ms")
    first = wait_until(scene.beats, "the first beat")[0]
    assert (first["runtime_state"], first["sample_error"]) == ("wedged", "agent has not attached")
    scene.start_agent("attach", "forever")
    scene.wait_healthy()
    assert scene.stop() == 0


def test_the_first_beat_waits_through_crashes(scene: Scene) -> None:
    scene.start("--agent.expected=true", "--agent.start-timeout=1h")
    for actor in ("heartbeat", "agent", "activity"):
        wait_until(lambda: scene.workspacectl("crash", actor).returncode == 0, f"{actor} crashes")
    wait_until(lambda: sum(one["restarts"] for one in scene.stats()["actors"].values()) == 3, "all run again")
    assert scene.beats() == []
    scene.start_agent("attach", "forever")
    assert "runtime_state" not in scene.next_beat()
    assert scene.stop() == 0


# -- its tasks


def test_a_task_without_progress_is_told_of_until_the_next_sign_of_life(scene: Scene) -> None:
    scene.start("--agent.task-stale-after=5s")
    scene.start_agent("attach", "progress=begun", "task=dig a hole", "wait=go", "progress=half", "forever")
    told = scene.wait_wedged("no progress for ")
    found = re.search(r"no progress for (\d+) s: dig a hole \(last: begun\)", told["sample_error"])
    assert found and int(found[1]) >= 5, told
    assert told["active_tasks"] == 1, "it is not taken back: the agent may still be at it"
    before = len(scene.beats())
    (scene.folder / "go").touch()
    scene.wait_healthy(before)  # for as long as a task may go without progress
    scene.wait_wedged("(last: half)")
    assert scene.workspacectl("task", "--done").returncode == 0
    scene.wait_healthy()
    assert scene.stop() == 0


def test_attachments_and_trouble_survive_a_crash_of_every_actor(scene: Scene) -> None:
    scene.start(GRACE, "--supervisor.max-restarts=100")
    agent = scene.start_agent("attach", "forever")
    scene.wait_ready()
    wait_until(lambda: scene.agent_stats().get("attachments") == 1, "it is attached")
    for actor in ("agent", "activity", "heartbeat", "supervisor"):
        assert scene.workspacectl("crash", actor).returncode == 0
        wait_until(lambda: scene.stats()["actors"][actor]["state"] == "running", f"{actor} runs")
    assert scene.agent_stats()["state"] == "attached"
    agent.kill()
    scene.wait_wedged("is gone")
    for actor in ("agent", "activity", "heartbeat", "supervisor"):
        assert scene.workspacectl("crash", actor).returncode == 0
    scene.wait_wedged("is gone")
    scene.start_agent("attach", "forever")
    scene.wait_healthy()
    assert scene.stop() == 0

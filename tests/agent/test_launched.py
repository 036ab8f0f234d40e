"""The agent's process, launched by the supervisor: how it starts, how it ends, what becomes of both."""

from __future__ import annotations

import os
import pty
import resource
import signal
import subprocess

import pytest

from launched import AGENT, PYTHON, Scene, children_of, is_gone
from processes import BUILD, PATIENCE, clean_environment, field_of, state_of, wait_until

KEEP_ON = ("--supervisor.max-restarts=1000", "--supervisor.backoff-min=1ms", "--supervisor.backoff-max=1ms")


def is_root() -> bool:
    return os.geteuid() == 0


# -- how it starts


def test_starts_with_what_an_entry_point_gives(scene: Scene) -> None:
    read_end, write_end = os.pipe()  # one more descriptor, that is not handed on
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lower = min(soft, hard - 1, 1000)
    log = (scene.folder / "output").open("ab")
    scene.start(agent=["print=on standard output", "forever"], stdout=log, pass_fds=(write_end,),
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (lower, hard)))
    os.close(read_end), os.close(write_end)
    pid = scene.wait_ready()
    found = scene.told("starts")[0]
    assert scene.process is not None
    assert found["pid"] == pid and found["parent"] == scene.process.pid
    assert found["group"] == pid, "a process group of its own"
    assert found["descriptors"][:3] == [0, 1, 2] and len(found["descriptors"]) == 4, "and that of the listing"
    assert found["blocked"] == 0
    assert found["open_files"] == lower
    assert found["environment"] == {"WORKSPACE_ID": "ws-1", "PLATFORM_URL": scene.platform.url,
                                    "WORKSPACE_SUPERVISOR_SOCKET": scene.socket, "MINE": "kept"}
    assert "on standard output" in (scene.folder / "output").read_text()
    agent = scene.wait_running(pid)
    assert (agent["restarts"], agent["launched"]) == (0, True)
    assert scene.stop() == 0
    assert is_gone(pid)


def test_signals_are_as_they_were_for_us(scene: Scene) -> None:
    look = ["sh", "-c", "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status"]
    libc_own = 1 << 31 | 1 << 32  # signals 32 and 33, which it may take over from whatever they were

    def sets(text: bytes) -> "list[tuple[bytes, int]]":
        return [(name, int(bits, 16) & ~libc_own) for name, bits in (line.split(b":") for line in text.splitlines())]

    without = subprocess.run(look, capture_output=True, check=True).stdout
    with (scene.folder / "output").open("wb") as output:
        scene.run([*scene.command(), "--", *look], stdout=output)
        assert scene.wait_ended() == 0
    found = sets((scene.folder / "output").read_bytes())
    assert found == sets(without) and len(found) == 3


def test_a_command_from_the_configuration_is_the_same(scene: Scene) -> None:
    words = ", ".join(f'"{word}"' for word in (PYTHON, AGENT, str(scene.folder), "forever"))
    scene.start(f"--agent.command=[{words}]")
    pid = scene.wait_ready()
    assert scene.stop() == 0
    assert is_gone(pid)


def test_a_command_that_is_not_there_ends_it_with_127(scene: Scene) -> None:
    scene.run([*scene.command(), "--", "no-such-command"])
    assert scene.wait_ended() == 127
    assert "no-such-command: No such file or directory" in scene.log()


def test_a_command_that_cannot_be_executed_ends_it_with_126(scene: Scene) -> None:
    (scene.folder / "text").write_text("no program\n")
    scene.run([*scene.command(), "--", str(scene.folder / "text")])
    assert scene.wait_ended() == 126
    assert "Permission denied" in scene.log()


@pytest.mark.skipif(not is_root(), reason="only root can run a command as another user")
def test_runs_as_the_user_that_is_configured(open_scene: Scene) -> None:
    scene = open_scene
    state = scene.folder / "state"
    scene.socket = str(state / "control.sock")
    scene.start("--agent.user=65534:65534", f"--workspace.state-dir={state}",
                agent=["task=as somebody else", "attach", "forever"])
    scene.wait_ready()
    found = scene.told("starts")[0]
    assert (found["user"], found["groups"]) == (65534, [65534])
    scene.wait_beat("its task", lambda beat: beat["current_task"] == "as somebody else")
    assert scene.agent_stats()["attachments"] == 1
    assert (state / "results.db").stat().st_mode & 0o077 == 0
    assert scene.stop() == 0


@pytest.mark.skipif(is_root(), reason="root can run a command as another user")
def test_another_user_is_refused_to_who_is_not_root(scene: Scene) -> None:
    scene.start("--agent.user=0:0", agent=["forever"])
    assert scene.wait_ended() == 78


def test_has_the_terminal_in_the_foreground_and_ctrl_c_ends_both(scene: Scene) -> None:
    master, terminal = pty.openpty()

    def with_terminal() -> None:
        os.setsid()
        import fcntl
        import termios
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    scene.start(agent=["forever"], stdin=terminal, preexec_fn=with_terminal)
    os.close(terminal)
    pid = scene.wait_ready()
    assert scene.told("starts")[0]["foreground"] == pid
    os.write(master, b"\x03")
    assert scene.wait_ended() == 130
    assert is_gone(pid)
    os.close(master)


# -- how it ends


def test_status_0_ends_the_supervisor_with_0(scene: Scene) -> None:
    scene.start(agent=["exit=0"])
    assert scene.wait_ended() == 0
    assert len(scene.told("starts")) == 1


def test_status_0_is_restarted_where_it_always_is(scene: Scene) -> None:
    scene.start("--agent.restart=always", *KEEP_ON, agent=["exit=0"])
    scene.wait_told("starts", 3)
    assert scene.stop() == 0


@pytest.mark.parametrize("step, code, text", [
    ("exit=1", 1, "ended with status 1"),
    (f"die={int(signal.SIGSEGV)}", 139, "was ended by signal 11 (Segmentation fault)"),
    (f"die={int(signal.SIGKILL)}", 137, "was ended by signal 9 (Killed)"),
])
def test_an_end_that_is_not_restarted_is_ours_too(scene: Scene, step: str, code: int, text: str) -> None:
    scene.start("--agent.restart=never", agent=[step])
    assert scene.wait_ended() == code
    assert f"the agent {text}" in scene.log()
    assert len(scene.told("starts")) == 1


@pytest.mark.parametrize("number, text", [
    (signal.SIGSEGV, "was ended by signal 11 (Segmentation fault)"),
    (signal.SIGKILL, "was ended by signal 9 (Killed)"),
])
def test_an_agent_that_is_killed_is_back_before_the_platform_hears_of_it(
        scene: Scene, number: signal.Signals, text: str) -> None:
    scene.start(agent=["task=a task", "forever"])
    first = scene.wait_ready()
    scene.wait_beat("its task", lambda beat: beat["active_tasks"] == 1)
    os.kill(first, number)
    second = scene.wait_ready(2)
    assert second != first
    agent = scene.wait_running(second)
    assert (agent["restarts"], agent["last_exit"]) == (1, text)
    assert not any("runtime_state" in beat for beat in scene.beats())
    assert scene.stop() == 0


def test_its_task_is_taken_back_when_it_dies(scene: Scene) -> None:
    scene.start(*KEEP_ON, agent=["wait=go", "forever"])
    scene.wait_told("starts")
    assert scene.workspacectl("task", "--active=3", "of the first one").returncode == 0
    scene.wait_beat("the task", lambda beat: beat["active_tasks"] == 3)
    os.kill(scene.told("starts")[0]["pid"], signal.SIGKILL)
    scene.wait_beat("no task", lambda beat: beat["active_tasks"] == 0 and beat["current_task"] == "")
    assert scene.stop() == 0


def test_one_that_dies_at_once_is_told_and_given_up_with_its_code(scene: Scene) -> None:
    scene.start("--agent.grace=300ms", "--supervisor.max-restarts=4", "--supervisor.backoff-min=300ms",
                agent=["exit=7"])
    assert scene.wait_ended() == 7
    assert len(scene.told("starts")) == 5, "the first, and four restarts"
    told = [beat["sample_error"] for beat in scene.beats() if beat.get("runtime_state") == "wedged"]
    assert told and all(text.startswith("agent ended with status 7, restart ") for text in told), told
    assert any(" of 4 in " in text for text in told), told


def test_200_restarts_leave_nothing_behind(scene: Scene) -> None:
    """Descriptors, zombies, threads and crashes of the supervisor are as before."""
    command = [*scene.command("--agent.restart=always", *KEEP_ON), "--", "sh", "-c",
               f"echo x >> {scene.folder}/count; if [ -e {scene.folder}/last ]; then echo > {scene.folder}/settled;"
               " exec sleep 1000; fi"]
    scene.run(command)
    count = scene.folder / "count"
    assert scene.process is not None
    pid = scene.process.pid

    def holds() -> "tuple[int, int]":
        return len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))

    def has_begun() -> bool:
        stats = scene.stats()
        return bool(stats) and stats["status"] == "online" and stats["delegations"]["polls"] > 0

    wait_until(lambda: count.exists() and len(count.read_text()) >= 2 * 20, "20 starts")
    # What the first of everything leaves open is there by then.
    wait_until(has_begun, lambda: f"the first beat and poll: {scene.stats()}")
    scene.next_beat()
    before = holds()
    started = len(count.read_text()) // 2
    for more in range(20, 201, 20):
        wait_until(lambda: len(count.read_text()) >= 2 * (started + more), f"{more} more")
    (scene.folder / "last").touch()
    wait_until(lambda: (scene.folder / "settled").exists(), "the last one")
    wait_until(lambda: [state_of(child) for child in children_of(pid)] == ["S"], "one child, that sleeps")
    # While a child runs there is one descriptor for it; at the first look there may have been none.
    wait_until(lambda: holds() <= (before[0] + 1, before[1]), lambda: f"{before} descriptors and threads, not {holds()}")
    actors = scene.stats()["actors"]
    assert actors["agent"]["restarts"] == 0 and actors["agent"]["mailbox"] == 0
    assert scene.agent_stats()["restarts"] >= 219, "the first start was none"
    assert scene.stop() == 0


# -- how it is stopped


def test_is_waited_for_when_it_takes_its_time(scene: Scene) -> None:
    scene.start("--agent.stop-timeout=1h", agent=["end-when=may-end", "forever"])
    scene.wait_ready()
    assert scene.process is not None
    scene.process.send_signal(signal.SIGTERM)
    scene.wait_told("signals")
    scene.next_beat()  # while the agent ends, its workspace lives
    (scene.folder / "may-end").touch()
    assert scene.wait_ended() == 0
    assert "was ended by" not in scene.log()


def test_whoever_asks_again_has_it_told_again(scene: Scene) -> None:
    scene.start("--agent.stop-timeout=1h", agent=["end-when=may-end", "forever"])
    scene.wait_ready()
    assert scene.process is not None
    for times in (1, 2):
        scene.process.send_signal(signal.SIGTERM)
        scene.wait_told("signals", times)
    (scene.folder / "may-end").touch()
    assert scene.wait_ended() == 0


def test_is_killed_when_it_ignores_that_it_shall_end(scene: Scene) -> None:
    scene.start("--agent.stop-timeout=500ms", agent=[f"ignore={int(signal.SIGTERM)}", "forever"])
    pid = scene.wait_ready()
    assert scene.stop() == 0
    assert is_gone(pid)


def test_is_stopped_though_it_is_suspended(scene: Scene) -> None:
    scene.start("--agent.stop-timeout=30s", agent=["forever"])
    pid = scene.wait_ready()
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state_of(pid) == "T", "the agent is suspended")
    assert scene.stop() == 0
    assert is_gone(pid)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH])
def test_signals_are_passed_on(scene: Scene, number: signal.Signals) -> None:
    scene.start(agent=[f"hear={int(number)}", "forever"])
    scene.wait_ready()
    assert scene.process is not None
    scene.process.send_signal(number)
    assert scene.wait_told("signals")[0]["signal"] == number
    assert scene.stop() == 0


def test_dies_with_a_supervisor_that_is_killed(scene: Scene) -> None:
    scene.start(agent=["forever"])
    pid = scene.wait_ready()
    assert scene.process is not None
    scene.process.kill()
    wait_until(lambda: is_gone(pid), "the agent ends")


def test_an_operator_restarts_stops_and_starts_it(scene: Scene) -> None:
    scene.start("--agent.grace=300ms", agent=["forever"])
    first = scene.wait_ready()
    done = scene.workspacectl("agent", "restart")
    assert done.returncode == 0, done.stderr
    second = scene.wait_ready(2)
    assert done.stdout == f"The agent runs as process {second}.\n" and is_gone(first)
    assert scene.agent_stats()["restarts"] == 0, "those that nobody asked for are counted"

    assert scene.workspacectl("agent", "stop").returncode == 0
    assert is_gone(second) and scene.agent_stats()["state"] == "stopped"
    scene.wait_wedged("agent was stopped by an operator")
    assert scene.workspacectl("agent", "start").returncode == 0
    scene.wait_ready(3)
    scene.wait_healthy()
    assert len(scene.told("starts")) == 3
    assert scene.stop() == 0


def test_one_that_ignores_that_it_shall_restart_is_killed(scene: Scene) -> None:
    scene.start("--agent.stop-timeout=500ms", agent=[f"ignore={int(signal.SIGTERM)}", "forever"])
    first = scene.wait_ready()
    done = scene.workspacectl("agent", "restart")
    assert done.returncode == 0, done.stderr
    assert is_gone(first) and done.stdout == f"The agent runs as process {scene.wait_ready(2)}.\n"
    assert scene.agent_stats()["restarts"] == 0


def test_a_restart_whose_command_has_gone_ends_it_with_127(scene: Scene) -> None:
    command = scene.folder / "agent"
    command.write_text("#!/bin/sh\nexec sleep 1000\n")
    command.chmod(0o700)
    scene.run([*scene.command(), "--", str(command)])
    wait_until(lambda: scene.agent_stats().get("state") == "running", "the agent runs")
    command.unlink()
    scene.workspacectl("agent", "restart")
    assert scene.wait_ended() == 127
    assert "cannot be run" in scene.log() and "No such file" in scene.log()


def test_an_order_is_not_lost_with_its_actor(scene: Scene) -> None:
    scene.start("--agent.stop-timeout=1h", agent=["end-when=may-end", "forever"])
    first = scene.wait_ready()
    ordered = scene.start_workspacectl("agent", "restart")
    scene.wait_told("signals")
    assert scene.workspacectl("crash", "agent").returncode == 0
    scene.wait_told("signals", 2)  # what the first one was told it might not have heard
    (scene.folder / "may-end").touch()
    told, said = ordered.communicate(timeout=PATIENCE)
    assert ordered.returncode == 0, said
    # Asked once more of the successor: one that has started meanwhile is restarted too.
    second = int(told.split()[-1].rstrip("."))
    assert second != first and is_gone(first)
    scene.wait_running(second)
    assert scene.agent_stats()["restarts"] == 0


def test_of_two_orders_the_later_one_holds(scene: Scene) -> None:
    scene.start("--agent.stop-timeout=1h", agent=["end-when=may-end", "forever"])
    first = scene.wait_ready()
    stopping = scene.start_workspacectl("agent", "stop")
    scene.wait_told("signals")
    starting = scene.start_workspacectl("agent", "start")
    _, said = stopping.communicate(timeout=PATIENCE)
    assert stopping.returncode == 1 and "a later order came" in said
    (scene.folder / "may-end").touch()
    told, said = starting.communicate(timeout=PATIENCE)
    assert starting.returncode == 0, said
    second = scene.wait_ready(2)
    assert second != first and is_gone(first) and f"process {second}" in told
    assert scene.agent_stats()["restarts"] == 0
    assert scene.stop() == 0


def test_an_agent_that_is_not_launched_here_cannot_be_restarted(scene: Scene) -> None:
    scene.start()
    scene.next_beat()
    done = scene.workspacectl("agent", "restart")
    assert done.returncode == 1 and "agent.command is not set" in done.stderr


# -- its surroundings


def test_its_actor_crashes_and_the_successor_goes_on_with_the_same_process(scene: Scene) -> None:
    scene.start(agent=["forever"])
    pid = scene.wait_ready()
    for times in range(1, 4):
        assert scene.workspacectl("crash", "agent").returncode == 0
        wait_until(lambda: scene.stats()["actors"]["agent"]["restarts"] == times, "the actor is restarted")
    wait_until(lambda: scene.stats()["actors"]["agent"]["state"] == "running", "the actor runs")
    assert scene.wait_running(pid)["restarts"] == 0
    os.kill(pid, signal.SIGKILL)
    scene.wait_ready(2)
    assert scene.stop() == 0


def test_orphans_come_to_the_supervisor_and_are_reaped(scene: Scene) -> None:
    scene.start(agent=["orphan", "forever"])
    agent = scene.wait_ready()
    orphan = scene.told("orphans")[0]["pid"]
    os.kill(agent, signal.SIGKILL)
    scene.wait_ready(2)
    assert scene.process is not None
    supervisor = scene.process.pid
    wait_until(lambda: field_of(orphan, "PPid") == str(supervisor), "the orphan is the supervisor's")
    (scene.folder / "end-orphan").touch()
    wait_until(lambda: state_of(orphan) == "", "no zombie of it is left")
    assert scene.stop() == 0


def test_as_pid_1_it_reaps_and_hears(scene: Scene) -> None:
    supervisor = scene.run_in_pid_namespace(scene.command(agent=["orphan", "forever"]))
    scene.wait_ready()
    assert scene.told("starts")[0]["parent"] == 1
    (scene.folder / "end-orphan").touch()
    os.kill([child for child in children_of(supervisor)][0], signal.SIGKILL)
    scene.wait_ready(2)
    wait_until(lambda: not [child for child in children_of(supervisor) if state_of(child) == "Z"] and
               len(children_of(supervisor)) <= 3, "orphans are reaped")
    os.kill(supervisor, signal.SIGTERM)
    assert scene.wait_ended() == 0


def test_with_a_state_directory_that_is_locked_no_agent_is_launched(scene: Scene) -> None:
    scene.start(agent=["forever"])
    scene.wait_ready()
    second = subprocess.run(scene.command(agent=["forever"]), cwd=scene.folder, capture_output=True,
                            env=clean_environment(), check=False, timeout=60)
    assert second.returncode == 75
    assert len(scene.told("starts")) == 1
    assert scene.stop() == 0


def test_more_than_one_workspace_with_a_command_is_wrong(scene: Scene) -> None:
    (scene.folder / "other").mkdir()
    scene.start(f"--workspaces.other.configs-dir={scene.folder / 'other'}", agent=["forever"])
    assert scene.wait_ended() == 78
    assert "expected exactly one workspace with a command, found 2" in scene.log()
    assert (BUILD / "workspacectl").exists()

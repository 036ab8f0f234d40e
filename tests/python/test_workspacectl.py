"""workspacectl: each command against the real supervisor, and against none."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import socket
import sqlite3
import subprocess
import termios
import threading
import time
from pathlib import Path
from typing import Callable, Dict, Iterator, List

import pytest

from processes import BUILD, PATIENCE, Platform, SupervisorProcess, clean_environment, state_of, wait_until

PROGRAM = str(BUILD / "workspacectl")
Run = Callable[..., "subprocess.CompletedProcess[str]"]
_DOWN = b'{"error":{"code":"unavailable","message":"the root supervisor is down"}}'
ROOT_IS_DOWN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: %d\r\n\r\n%s" % (len(_DOWN), _DOWN)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs workspacectl at the test's socket."""

    def go(*arguments: str, stdin: str = "", environment: Dict[str, str] = {}) -> "subprocess.CompletedProcess[str]":
        whole = {"WORKSPACE_SUPERVISOR_SOCKET": str(tmp_path / "control.sock"), **environment}
        return subprocess.run([PROGRAM, *arguments], input=stdin, env=clean_environment(**whole), timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return go


@contextlib.contextmanager
def answering(tmp_path: Path, answer: bytes) -> Iterator[None]:
    """At the test's socket, one request gets this answer."""
    with socket.socket(socket.AF_UNIX) as strange:
        strange.bind(str(tmp_path / "control.sock"))
        strange.listen()

        def serve() -> None:
            client, _ = strange.accept()
            with client:
                client.recv(65536)
                client.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        yield
        serving.join()


def activity(run: Run) -> dict:
    return json.loads(run("status", "--workspace=ws-1", "--json").stdout)["activity"]


# -- status


def test_status_of_an_online_workspace(run: Run, supervisor: SupervisorProcess) -> None:
    shown = run("status")
    said = shown.stdout
    assert shown.returncode == 0
    assert said.startswith("workspace-supervisor ")
    assert [word in said for word in ("WORKSPACE", "ws-1", "online", "heartbeat", "delegation-poller")] == [True] * 5


def test_status_tells_scripts_that_it_is_not_online(run: Run, platform: Platform, make_supervisor) -> None:
    platform.order("fault", action="status", status=500)
    make_supervisor().start()
    for arguments in ([], ["--json"], ["--json", "--workspace=ws-1"], ["--workspace=ws-1"]):
        wait_until(lambda: "unreachable" in run("status", *arguments).stdout, "unreachable")
        assert run("status", *arguments).returncode == 3


def test_status_as_json_is_the_answer(run: Run, supervisor: SupervisorProcess) -> None:
    assert "ws-1" in json.loads(run("status", "--json").stdout)["workspaces"]


@contextlib.contextmanager
def watched(supervisor: SupervisorProcess, output: int) -> Iterator["subprocess.Popen[str]"]:
    """`status --watch` until the end of the block; for so long at most, so that what is read in vain ends."""
    with subprocess.Popen([PROGRAM, "status", "--watch=1"], stdout=output, text=True,
                          env=clean_environment(WORKSPACE_SUPERVISOR_SOCKET=supervisor.socket)) as watching:
        limit = threading.Timer(3 * PATIENCE, watching.kill)
        limit.start()
        try:
            yield watching
        finally:
            limit.cancel()
            watching.send_signal(signal.SIGINT)


def test_status_watched_goes_on_without_the_supervisor(supervisor: SupervisorProcess) -> None:
    with watched(supervisor, subprocess.PIPE) as watching:
        assert watching.stdout is not None
        lines = iter(watching.stdout)
        next(line for line in lines if line.startswith("ws-1"))
        supervisor.kill()
        next(line for line in lines if "No answer" in line)
        supervisor.start()
        next(line for line in lines if line.startswith("ws-1"))


def test_status_watched_at_a_terminal_is_drawn_anew(supervisor: SupervisorProcess) -> None:
    terminal, end = pty.openpty()
    try:
        with watched(supervisor, end):
            os.close(end)  # reading then ends with the program
            shown = ""
            while shown.count("\x1b[H\x1b[2J") < 2:
                shown += os.read(terminal, 65536).decode(errors="replace")
    finally:
        os.close(terminal)
    assert "ws-1" in shown


def test_health(run: Run, supervisor: SupervisorProcess) -> None:
    well = run("health")
    assert (well.returncode, well.stdout, well.stderr) == (0, "Healthy.\n", "")
    assert json.loads(run("health", "--json").stdout) == {"healthy": True}
    wait_until(lambda: run("health", "--ready").returncode == 0, "ready")
    assert run("health", "--ready").stdout == "Ready.\n"


def test_health_is_not_readiness(run: Run, platform: Platform, make_supervisor) -> None:
    platform.order("fault", action="status", status=500)
    make_supervisor().start()
    waiting = run("health", "--ready")
    assert waiting.returncode == 3 and re.fullmatch(r"Not ready\.\n  ws-1: .+\n", waiting.stdout)
    as_json = run("health", "--ready", "--json")
    assert as_json.returncode == 3 and list(json.loads(as_json.stdout)["workspaces"]) == ["ws-1"]
    assert run("health").returncode == 0


def test_many_workspaces_that_are_not_ready(run: Run, tmp_path: Path, platform: Platform, make_supervisor) -> None:
    platform.order("fault", action="status", status=500)
    folders = [tmp_path / f"w{number}" for number in range(102)]
    for folder in folders:
        folder.mkdir()
    make_supervisor(*(f"--workspaces.{folder.name}.configs-dir={folder}" for folder in folders)).start()
    shown = run("health", "--ready").stdout.splitlines()
    assert shown[0] == "Not ready." and len(shown) == 102 and shown[-1] == "  and 3 more"


def test_storage_in_trouble_is_no_readiness(run: Run, tmp_path: Path, supervisor: SupervisorProcess) -> None:
    supervisor.stop()
    database = next(tmp_path.rglob("results.db"))
    with contextlib.closing(sqlite3.connect(database)) as theirs, theirs:
        theirs.execute("pragma user_version = 77")
    supervisor.start()
    wait_until(lambda: re.search(r"^  results: .*newer version", run("health", "--ready").stdout, re.M), "its trouble")
    assert run("health", "--ready").returncode == 3


def test_health_of_a_supervisor_whose_root_is_gone(run: Run, tmp_path: Path) -> None:
    with answering(tmp_path, ROOT_IS_DOWN):
        unwell = run("health")
    assert (unwell.returncode, unwell.stdout) == (3, "Not healthy: the root supervisor is down\n")


def test_status_watched_ends_where_it_is_refused(run: Run, tmp_path: Path) -> None:
    with answering(tmp_path, ROOT_IS_DOWN):
        watched_in_vain = run("status", "--watch=1")
    assert (watched_in_vain.returncode, watched_in_vain.stdout) == (1, "")
    assert "the root supervisor is down" in watched_in_vain.stderr


def test_status_tells_of_the_agent(run: Run, make_supervisor) -> None:
    make_supervisor("--", "sleep", "1000").start()
    wait_until(lambda: "running, process " in run("status", "--workspace=ws-1").stdout, "a running agent")
    assert ", 0 restarts" in run("status", "--workspace=ws-1").stdout
    assert run("agent", "restart").stdout.startswith("The agent runs as process ")
    assert "; the last one " in run("status", "--workspace=ws-1").stdout
    assert run("agent", "stop").stdout.startswith("The agent is stopped")
    assert json.loads(run("agent", "stop", "--json").stdout)["running"] is False
    wait_until(lambda: "the platform is told: " in run("status", "--workspace=ws-1").stdout, "what the platform is told")


# -- what the agent says


def test_progress(run: Run, supervisor: SupervisorProcess) -> None:
    assert run("progress").stdout == "Noted: the task goes on.\n"
    assert run("progress", "half of the letters are sorted").returncode == 0


def test_task_and_done(run: Run, supervisor: SupervisorProcess) -> None:
    assert run("task", "sorting the mail").returncode == 0
    assert (activity(run)["active_tasks"], activity(run)["current_task"]) == (1, "sorting the mail")
    assert run("task", "three of them", "--active=3").returncode == 0
    assert activity(run)["active_tasks"] == 3
    assert run("task", "--done").returncode == 0
    assert (activity(run)["active_tasks"], activity(run)["current_task"]) == (0, "")


def test_a_task_that_looks_like_an_option(run: Run, supervisor: SupervisorProcess) -> None:
    assert run("task", "--", "--done").returncode == 0
    assert activity(run)["current_task"] == "--done"


def test_outcomes(run: Run, platform: Platform, make_supervisor) -> None:
    platform.order("fault", action="status", status=500, **{"class": "beat"})
    make_supervisor().start()
    assert run("outcome", "--success", "--count=3").returncode == 0
    assert run("outcome", "--error", "the tool failed").returncode == 0
    said = activity(run)
    assert (said["requests"], said["errors"], said["sample_error"]) == (4, 1, "the tool failed")


def test_wedge_and_unwedge(run: Run, supervisor: SupervisorProcess) -> None:
    assert run("wedge", "the SDK hangs").returncode == 0
    assert (activity(run)["runtime_state"], activity(run)["reason"]) == ("wedged", "the SDK hangs")
    assert "wedged: the SDK hangs" in run("status").stdout
    assert run("unwedge").returncode == 0
    assert activity(run)["runtime_state"] == ""


def test_text_of_others_cannot_steer_the_terminal(run: Run, supervisor: SupervisorProcess) -> None:
    run("task", "red \x1b[31m, \x07 bell, \u202e turned, \n line, \u009b31m")
    said = run("status").stdout
    assert r"red \x1b[31m, \x07 bell" in said
    assert not set("\x1b\x07\u202e\u009b") & set(said)


# -- what it shall do


def test_beat(run: Run, supervisor: SupervisorProcess) -> None:
    done = run("beat")
    assert done.returncode == 0
    assert "Beat delivered" in done.stdout and "0 new results" in done.stdout
    assert json.loads(run("beat", "--json").stdout)["beat"]["delivered"] is True


def test_a_beat_that_fails_is_told_and_has_a_code(run: Run, platform: Platform, supervisor: SupervisorProcess) -> None:
    platform.order("fault", action="status", status=500, **{"class": "beat"})
    failed = run("beat")
    assert failed.returncode == 3
    assert "Beat failed" in failed.stdout and "500" in failed.stdout


def test_results(run: Run, platform: Platform, supervisor: SupervisorProcess) -> None:
    assert run("results").stdout == "No results.\n"
    platform.complete("d-1")
    run("beat")
    platform.complete("d-2", "failed", error="it \x1b[2J broke")
    run("beat")
    said = run("results")
    assert "summary of d-1" in said.stdout and r"it \x1b[2J broke" in said.stdout
    first = json.loads(run("results", "--json", "--limit=1").stdout)["results"]
    assert [result["delegation_id"] for result in first] == ["d-1"]
    rest = run("results", f"--after={first[0]['seq']}").stdout
    assert "d-2" in rest and "d-1" not in rest
    assert f"--after={first[0]['seq']}" in run("results", "--limit=1").stdout


def test_token_set_reads_standard_input(run: Run, platform: Platform, supervisor: SupervisorProcess) -> None:
    platform.order("token", workspace="ws-1", token="another-token")
    done = run("token", "set", stdin="another-token\n")
    assert done.returncode == 0 and "another-token" not in done.stdout + done.stderr
    assert run("beat").returncode == 0
    assert platform.token_file.read_text().strip() == "another-token"


def test_token_set_without_a_token(run: Run, supervisor: SupervisorProcess) -> None:
    assert run("token", "set", stdin="\n").returncode == 2
    assert run("token", "set", "the-token").returncode == 2


def test_a_token_typed_at_a_terminal_is_not_shown(platform: Platform, supervisor: SupervisorProcess) -> None:
    ours, its = pty.openpty()
    environment = clean_environment(WORKSPACE_SUPERVISOR_SOCKET=supervisor.socket)
    with subprocess.Popen([PROGRAM, "token", "set"], env=environment, stdin=its, stdout=its, stderr=its) as typing:
        os.close(its)
        said = b""
        while b"Token:" not in said:
            said += os.read(ours, 1024)
        os.write(ours, b"typed-token\n")
        while True:
            try:
                said += os.read(ours, 1024)
            except OSError:
                break
    os.close(ours)
    assert typing.returncode == 0 and b"typed-token" not in said
    assert platform.token_file.read_text().strip() == "typed-token"


def test_a_terminal_shows_what_is_typed_again_after_an_interrupt() -> None:
    ours, its = pty.openpty()
    try:
        with subprocess.Popen([PROGRAM, "token", "set"], env=clean_environment(), stdin=its, stdout=its, stderr=its,
                              start_new_session=True) as typing:
            said = b""
            while b"Token:" not in said:
                said += os.read(ours, 1024)
            try:
                assert not termios.tcgetattr(its)[3] & termios.ECHO
                # ThreadSanitizer keeps a signal until the program calls something: just before the read that is never.
                wait_until(lambda: state_of(typing.pid) == "S", "that it reads")
                typing.send_signal(signal.SIGINT)
                assert typing.wait(PATIENCE) == -signal.SIGINT
            finally:
                typing.kill()
        assert termios.tcgetattr(its)[3] & termios.ECHO
    finally:
        os.close(ours)
        os.close(its)


@pytest.mark.parametrize("form", ["text", "json"])
def test_events(run: Run, supervisor: SupervisorProcess, form: str) -> None:
    environment = clean_environment(WORKSPACE_SUPERVISOR_SOCKET=supervisor.socket)
    arguments = [PROGRAM, "events", *(["--json"] if form == "json" else [])]
    said: List[str] = []
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        reading = threading.Thread(target=said.extend, args=(iter(following.stdout),))
        reading.start()

        def crash_is_told() -> bool:
            # Again and again: the first may come before the stream is open.
            run("crash", "parent-name")
            time.sleep(0.2)
            return any("actor.crashed" in line for line in said)

        try:
            wait_until(crash_is_told)
        finally:
            following.send_signal(signal.SIGINT)
            reading.join()
    crashed = next(line for line in said if "actor.crashed" in line)
    if form == "json":
        assert json.loads(crashed)["actor"] == "parent-name"
    else:
        assert " actor=parent-name" in crashed


def test_events_end_with_the_supervisor(supervisor: SupervisorProcess) -> None:
    environment = clean_environment(WORKSPACE_SUPERVISOR_SOCKET=supervisor.socket)
    with subprocess.Popen([PROGRAM, "events"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True) as following:
        supervisor.stop()
        try:
            # 69: it had not been connected yet.
            assert following.wait(PATIENCE) in (3, 69)
        finally:
            following.kill()


def test_crash(run: Run, supervisor: SupervisorProcess) -> None:
    for actor in ("activity", "store"):
        assert run("crash", actor).returncode == 0
    wait_until(lambda: json.loads(run("status", "--json", "--workspace=ws-1").stdout)["actors"]["activity"]["restarts"])
    wait_until(lambda: json.loads(run("status", "--json").stdout)["actors"]["store"]["restarts"])


# -- refusals and troubles


def test_what_the_supervisor_refuses_is_told(run: Run, supervisor: SupervisorProcess) -> None:
    refused = run("crash", "nobody")
    assert refused.returncode == 1
    assert "expected one of" in refused.stderr


def test_a_refusal_as_json(run: Run, supervisor: SupervisorProcess) -> None:
    refused = run("beat", "--workspace=ws-2", "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["error"]["code"] == "not_found"


def test_a_workspace_that_is_not_there(run: Run, supervisor: SupervisorProcess) -> None:
    for arguments in (["status"], ["task", "x"], ["results"]):
        assert run(*arguments, "--workspace", "../x y").returncode == 1


def test_the_environment_names_the_workspace(run: Run, supervisor: SupervisorProcess) -> None:
    assert run("task", "x", environment={"WORKSPACE_ID": "ws-2"}).returncode == 1
    assert run("task", "x", "--workspace=ws-1", environment={"WORKSPACE_ID": "ws-2"}).returncode == 0


def test_several_workspaces_and_none_named(run: Run, tmp_path: Path, platform: Platform, make_supervisor) -> None:
    (tmp_path / "two").mkdir()
    make_supervisor(f"--workspaces.ws-2.configs-dir={tmp_path / 'two'}").start()
    asked = run("task", "x")
    assert asked.returncode == 2
    assert "ws-1" in asked.stderr and "ws-2" in asked.stderr
    assert run("task", "of the second", "--workspace=ws-2").returncode == 0
    assert "of the second" in run("status").stdout


def test_a_workspace_comes_and_goes(run: Run, tmp_path: Path, platform: Platform, supervisor: SupervisorProcess) -> None:
    (tmp_path / "two").mkdir()
    wish = ("workspace", "add", "ws-2", f"--configs-dir={tmp_path / 'two'}/", f"--platform-url={platform.url}",
            f"--results-file={tmp_path / 'two' / 'results.jsonl'}")
    assert "ws-2 is kept alive from now on" in run(*wish).stdout
    assert "already, just so" in run(*wish).stdout
    assert json.loads(run(*wish, "--json").stdout)["results_file"] == str(tmp_path / "two" / "results.jsonl")
    refused = run("workspace", "add", "ws-3", f"--configs-dir={tmp_path}", "--platform-url=ftp://platform.example")
    assert refused.returncode == 1 and "http:// or https://" in refused.stderr, refused.stderr
    assert "not kept alive any more" in run("workspace", "remove", "ws-2").stdout
    assert run("workspace", "remove", "ws-2").returncode == 1


def test_reload_tells_what_it_has_taken_up(run: Run, supervisor: SupervisorProcess) -> None:
    assert run("reload").stdout == "Nothing has changed.\n"
    assert json.loads(run("reload", "--json").stdout)["taken_up"] == []


def test_many_workspaces_and_none_named(run: Run, tmp_path: Path, make_supervisor) -> None:
    folders = [tmp_path / str(number) for number in range(12)]
    for folder in folders:
        folder.mkdir()
    make_supervisor(*(f"--workspaces.w-{folder.name}.configs-dir={folder}" for folder in folders)).start()
    asked = run("task", "x")
    assert asked.returncode == 2 and " and 3 more" in asked.stderr, asked.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_somebody_else_is_not_let_in(tmp_path: Path, supervisor: SupervisorProcess) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp") and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    asked = subprocess.run([PROGRAM, "status", f"--socket={supervisor.socket}"], env=clean_environment(), text=True,
                           timeout=PATIENCE, stderr=subprocess.PIPE, preexec_fn=lambda: os.setuid(65534))
    assert asked.returncode == 69 and "Try as one of them" in asked.stderr, asked.stderr


@pytest.mark.parametrize("command", [("task", "x"), ("progress", "x"), ("beat",), ("results",), ("reload",), ("crash", "token")])
def test_the_answer_of_a_change_as_json(run: Run, supervisor: SupervisorProcess, command: "tuple[str, ...]") -> None:
    done = run(*command, "--json")
    assert done.returncode == 0
    assert isinstance(json.loads(done.stdout), dict)


def test_nobody_there(run: Run, tmp_path: Path) -> None:
    for arguments in (["status"], ["task", "x"], ["events"], ["beat", "--workspace=ws-1"]):
        failed = run(*arguments)
        assert failed.returncode == 69
        assert str(tmp_path / "control.sock") in failed.stderr and "Is workspace-supervisor running?" in failed.stderr


def test_a_socket_that_was_left_behind(run: Run, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    failed = run("status")
    assert failed.returncode == 69 and "nobody listens" in failed.stderr


def test_no_answer_in_time(run: Run, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "control.sock"))
        silent.listen()
        failed = run("status", "--timeout=1")
    assert failed.returncode == 69 and "did not answer" in failed.stderr


@pytest.mark.parametrize("answer, told", [
    (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not speak HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "ended before the answer did"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "too long"),
])
@pytest.mark.parametrize("command", ["status", "events"])
def test_what_answers_is_no_supervisor(run: Run, tmp_path: Path, command: str, answer: bytes, told: str) -> None:
    with answering(tmp_path, answer):
        failed = run(command)
    assert failed.returncode == 69 and "Is it the control socket" in failed.stderr
    # A stream may be of any length: this one just ends too early.
    assert told in failed.stderr or (command == "events" and "ended before" in failed.stderr)


def test_a_path_that_is_too_long(run: Run) -> None:
    failed = run("status", "--socket=/" + "x" * 200)
    assert failed.returncode == 69 and "107 bytes" in failed.stderr


def test_the_default_path(run: Run) -> None:
    failed = run("status", environment={"WORKSPACE_SUPERVISOR_SOCKET": "", "CONFIGS_DIR": "/nowhere"})
    assert "/nowhere/.supervisor/control.sock" in failed.stderr


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], ["task"], ["task", "x", "--done"], ["task", "x", "y"], ["status", "--done"], ["status", "--nonsense"],
    ["outcome"], ["outcome", "--error", "x", "--success"], ["wedge"], ["results", "--after", "-1"],
    ["results", "--limit=1001"], ["results", "--limit"], ["token"], ["token", "get"], ["crash"], ["status", "--json=1"],
])
def test_a_wrong_command_line(run: Run, arguments: "list[str]") -> None:
    failed = run(*arguments)
    assert failed.returncode == 2
    assert failed.stderr.startswith("workspacectl: ") and failed.stdout == ""


@pytest.mark.parametrize("arguments, meant", [
    (["staus"], "status"), (["status", "--jsno"], "--json"), (["results", "--limits=3"], "--limit"),
])
def test_a_misspelt_word_is_told_with_the_nearest(run: Run, arguments: "list[str]", meant: str) -> None:
    failed = run(*arguments)
    assert failed.returncode == 2
    assert f"did you mean {meant}?" in failed.stderr


def test_output_that_nobody_reads(run: Run, supervisor: SupervisorProcess) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environment = clean_environment(WORKSPACE_SUPERVISOR_SOCKET=supervisor.socket)
    try:
        done = subprocess.run([PROGRAM, "status"], env=environment, stdout=writing, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


def test_help_of_one_command(run: Run) -> None:
    said = run("task", "--help")
    assert said.returncode == 0
    assert said.stdout.startswith("workspacectl task") and "--done" in said.stdout and "--limit" not in said.stdout


def test_help_documents_commands_and_exit_codes(run: Run) -> None:
    said = run("--help")
    assert said.returncode == 0
    for word in ("status", "task", "outcome", "wedge", "unwedge", "beat", "results", "token set", "events", "crash",
                 "--json", "--workspace", "--socket", "Exit codes", "69"):
        assert word in said.stdout

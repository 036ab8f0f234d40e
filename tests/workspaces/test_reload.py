"""The configuration read again, by SIGHUP and over the control API."""

from __future__ import annotations

import signal
import subprocess
from typing import Any

import pytest

from hosting import Host, listening
from processes import BUILD, PATIENCE, clean_environment, wait_until


def hang_up(host: Host, awaited: str = "configuration.reloaded") -> str:
    """Sends SIGHUP. @returns what is logged from then on, when this has been."""
    before = len(host.log())
    host.signal(signal.SIGHUP)
    return host.wait_log(awaited, before)


def test_workspaces_of_the_file_come_go_and_change(host: Host) -> None:
    host.write_file("ws-1", "ws-2", "ws-3")
    host.start()
    for workspace in ("ws-1", "ws-2", "ws-3"):
        host.wait_beats(workspace)
    moved = f'ws-2 {{ configs-dir = "{host.home("ws-2")}", results-file = "{host.folder / "other.jsonl"}" }}'
    host.write_file("ws-1", moved, "ws-4")
    hang_up(host)
    assert host.workspaces() == dict.fromkeys(("main", "ws-1", "ws-2", "ws-4"), "configuration")
    beats_of_three = len(host.beats("ws-3"))
    for workspace in ("main", "ws-1", "ws-2", "ws-4"):
        host.wait_beats(workspace, 2)
    assert len(host.beats("ws-3")) == beats_of_three
    host.platform.complete("task-1", workspace="ws-2")
    wait_until(lambda: (host.folder / "other.jsonl").exists(), host.log)


def test_those_that_did_not_change_are_not_disturbed(host: Host) -> None:
    host.write_file("ws-1", "ws-2")
    host.start()
    host.wait_beats("ws-1")
    before = host.workspace("ws-1")["heartbeat"]["sent"]
    host.write_file("ws-1")
    hang_up(host)
    assert host.workspace("ws-1")["heartbeat"]["sent"] >= before


def test_a_file_with_an_error_changes_nothing_and_says_what_is_wrong(host: Host) -> None:
    host.write_file("ws-1")
    host.start()
    host.write_file("ws-2", heartbeat__intervall="5s")
    log = hang_up(host, "configuration.refused")
    assert "did you mean heartbeat.interval?" in log
    assert host.workspaces() == {"main": "configuration", "ws-1": "configuration"}
    answer = host.reload()
    assert answer.status == 400 and "heartbeat.intervall" in answer.error
    host.wait_beats("ws-1")


def test_what_waits_for_a_restart_is_named(host: Host) -> None:
    host.write_file("ws-1")
    host.start()
    host.write_file("ws-1", "ws-2", heartbeat__timeout="5s", notifier__cooldown="5s", log__level='"debug"')
    answer = host.reload()
    assert answer.status == 200, answer.text
    assert answer.json == {"taken_up": ["workspace ws-2 added", 'log.level = "debug"'],
                           "waiting": ["heartbeat.timeout", "notifier.cooldown"]}
    host.wait_log("configuration.waits")
    host.wait_log("notifier.cooldown is changed, and waits for a restart")
    host.wait_log(" debug beat.delivered")
    # It waits until it is put back, or the process started anew.
    assert host.reload().json == {"taken_up": [], "waiting": ["heartbeat.timeout", "notifier.cooldown"]}
    host.write_file("ws-1", "ws-2")
    assert host.reload().json == {"taken_up": ['log.level = "info"'], "waiting": []}
    host.restart()
    assert host.reload().json == {"taken_up": [], "waiting": []}


def test_the_main_workspace_waits_for_a_restart_and_goes_on(host: Host) -> None:
    host.write_file("ws-1")
    host.start()
    text = host.file.read_text()
    host.file.write_text(text.replace('workspace.id = "main"', 'workspace.id = "ws-1"').replace(
        "ws-1 {", "ws-2 {").replace('configs-dir = "' + str(host.folder / "ws-1"),
                                    'configs-dir = "' + str(host.home("ws-2"))))
    answer = host.reload()
    assert answer.status == 200, answer.text
    assert answer.json == {"taken_up": ["workspace ws-2 added"], "waiting": ["workspace.id"]}
    for workspace in ("main", "ws-1", "ws-2"):
        host.wait_beats(workspace)


def test_results_of_one_that_left_the_file_are_kept_for_when_it_is_back(host: Host) -> None:
    host.write_file("ws-1")
    host.start()
    host.platform.complete("task-1", workspace="ws-1")
    wait_until(lambda: len(host.lines("ws-1")) == 1, host.log)
    host.write_file()
    hang_up(host)
    host.write_file("ws-1")
    hang_up(host)
    host.platform.complete("task-2", workspace="ws-1")
    wait_until(lambda: len(host.lines("ws-1")) >= 2, host.log)
    assert [line["delegation_id"] for line in host.lines("ws-1")] == ["task-1", "task-2"]


def test_added_ones_stay_through_a_reload(host: Host) -> None:
    host.start()
    assert host.put("ws-1").status == 201
    host.write_file("ws-2")
    hang_up(host)
    assert host.workspaces() == {"main": "configuration", "ws-1": "control-api", "ws-2": "configuration"}


def test_what_an_added_one_has_the_file_cannot_give_to_another(host: Host) -> None:
    host.start()
    assert host.put("ws-1").status == 201
    host.write_file("ws-3", f'ws-2 {{ configs-dir = "{host.home("ws-1")}" }}')
    answer = host.reload()
    assert answer.status == 400 and "workspaces.ws-2" in answer.error and "which workspace 'ws-1' has" in answer.error
    assert "ws-3" not in host.workspaces()


@pytest.mark.parametrize("same", [True, False])
def test_the_file_takes_over_one_that_was_added(host: Host, same: bool) -> None:
    host.start()
    assert host.put("ws-1").status == 201
    host.wait_beats("ws-1")
    other = f'ws-1 {{ configs-dir = "{host.home("ws-1")}", results-file = "{host.folder / "other.jsonl"}" }}'
    host.write_file("ws-1" if same else other)
    answer = host.reload()
    assert answer.json["taken_up"] == ([] if same else ["workspace ws-1 changed"])
    host.wait_beats("ws-1")
    assert host.workspaces()["ws-1"] == "configuration"
    assert host.delete("ws-1").status == 409
    host.write_file()
    assert host.reload().json["taken_up"] == ["workspace ws-1 removed"]
    host.restart()
    assert "ws-1" not in host.workspaces()


def test_a_socket_of_the_file_comes_and_goes_with_its_workspace(host: Host) -> None:
    host.start()
    own = host.folder / "own.sock"
    host.write_file(f'ws-1 {{ configs-dir = "{host.home("ws-1")}", socket = "{own}" }}')
    assert host.reload().status == 200
    assert host.call("GET", "/v1/workspaces/ws-1", path=str(own)).status == 200
    host.write_file()
    assert host.reload().status == 200
    assert not own.exists()


def test_one_whose_socket_somebody_else_has_runs_without_it(host: Host) -> None:
    host.start()
    own = str(host.folder / "own.sock")
    host.write_file(f'ws-1 {{ configs-dir = "{host.home("ws-1")}", socket = "{own}" }}')
    with listening(own):
        assert host.reload().status == 200
        assert f"workspace=ws-1: control socket {own}: another process serves it" in host.wait_log("control.unavailable")
        host.wait_beats("ws-1")


def test_many_signals_at_once_end_with_the_file_as_it_is(host: Host) -> None:
    host.start()
    for count in range(1, 11):
        host.write_file(*(f"ws-{number}" for number in range(count)))
        host.signal(signal.SIGHUP)
    wait_until(lambda: len(host.workspaces()) == 11, host.log)


def test_a_crash_in_the_midst_of_it_loses_no_reload(host: Host) -> None:
    host.start()
    for count in range(1, 8):
        host.write_file(*(f"ws-{number}" for number in range(count)))
        host.signal(signal.SIGHUP)
        host.call("POST", "/v1/debug/crash", {"actor": "workspaces"})
        wait_until(lambda: len(host.workspaces()) == count + 1, host.log)


def test_workspacectl_tells_of_a_reload(host: Host) -> None:
    host.start()
    host.write_file("ws-1", heartbeat__timeout="5s")

    def reload() -> "subprocess.CompletedProcess[str]":
        return subprocess.run([str(BUILD / "workspacectl"), f"--socket={host.socket}", "reload"], capture_output=True,
                              text=True, env=clean_environment(), timeout=PATIENCE, check=False)

    done: Any = reload()
    assert (done.returncode, done.stdout) == (
        0, "Taken up: workspace ws-1 added\nWaits for a restart: heartbeat.timeout\n")
    host.file.write_text("heartbeat {")
    wrong = reload()
    assert wrong.returncode == 1 and "nothing was changed" in wrong.stderr

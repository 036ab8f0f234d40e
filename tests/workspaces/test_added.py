"""Workspaces that are added and removed over the control API, while others go on."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from hosting import Host
from processes import BUILD, PATIENCE, clean_environment, wait_until

ONE = "/v1/workspaces/ws-1"


def test_an_added_one_beats_and_polls_and_the_others_go_on(host: Host) -> None:
    host.start()
    answer = host.put("ws-1")
    assert answer.status == 201, answer.text
    assert answer.json == {
        "id": "ws-1", "configs_dir": str(host.folder / "ws-1"), "platform_url": host.platform.url, "socket": "",
        "results_file": str(host.folder / "ws-1" / "delegation_results.jsonl")}
    host.wait_beats("ws-1", 2)
    host.wait_beats("main", 2)
    host.platform.complete("task-1", workspace="ws-1")
    wait_until(lambda: [line["delegation_id"] for line in host.lines("ws-1")] == ["task-1"], lambda: host.log())
    assert host.workspaces() == {"main": "configuration", "ws-1": "control-api"}
    assert host.workspace("ws-1")["origin"] == "control-api"


def test_there_may_be_none_at_first_and_in_between(host: Host) -> None:
    host.write_empty_file()
    host.start()
    assert host.workspaces() == {}
    assert host.call("GET", "/healthz").status == 200
    assert host.call("GET", "/readyz").json == {"workspaces": {}, "workspaces_not_ready": 0, "storage": "", "ready": True}
    assert host.call("GET", "/v1/stats").json["workspaces"] == {}
    assert host.call("GET", "/metrics").status == 200
    assert host.reload().json["taken_up"] == []
    assert host.put("ws-1").status == 201
    host.wait_beats("ws-1")
    host.restart()
    host.wait_beats("ws-1")
    assert host.workspaces() == {"ws-1": "control-api"}
    assert host.delete("ws-1") == (204, "")
    host.restart()
    assert host.workspaces() == {}
    assert host.put("ws-2").status == 201
    host.wait_beats("ws-2")


def test_the_same_again_is_no_change_and_another_is_refused(host: Host) -> None:
    host.start()
    assert host.put("ws-1").status == 201
    assert host.put("ws-1").status == 200
    other = host.put("ws-1", results_file=str(host.folder / "other"))
    assert other.status == 409 and "remove it first" in other.error


def test_a_removed_one_is_silent_and_nothing_of_it_is_kept(host: Host) -> None:
    host.start()
    assert host.put("ws-1").status == 201
    host.platform.complete("task-1", workspace="ws-1")
    wait_until(lambda: host.lines("ws-1"), host.log)
    assert host.delete("ws-1") == (204, "")
    beats = len(host.beats("ws-1"))
    host.wait_beats("main", 3)
    assert len(host.beats("ws-1")) == beats
    assert host.delete("ws-1").status == 404
    assert host.workspaces() == {"main": "configuration"}
    assert host.stop() == 0
    assert set(host.rows_of("ws-1").values()) == {0}
    assert (host.folder / "ws-1" / "delegation_results.jsonl").exists()  # its files are its own


def test_one_that_is_added_again_begins_anew(host: Host) -> None:
    host.start()
    for round_number in (1, 2):
        assert host.put("ws-1").status == 201
        host.platform.complete(f"task-{round_number}", workspace="ws-1")
        # A result of the last hour is news to a workspace without a past.
        wait_until(lambda: len(host.lines("ws-1")) == 2 * round_number - 1, host.log)
        assert host.delete("ws-1").status == 204


def body(host: Host, **members: Any) -> Dict[str, Any]:
    return {"configs_dir": str(host.home("ws-1")), **members}


@pytest.mark.parametrize("workspace, change, status, expected", [
    ("main", {}, 409, "the configuration names a workspace of this id"),
    ("ws-1", {"configs_dir": "FOLDER"}, 409, "configs_dir: expected a folder of its own"),
    ("ws-1", {"configs_dir": "FOLDER/link"}, 409, "configs_dir: expected a folder of its own"),
    ("ws-1", {"results_file": "FOLDER/results.jsonl"}, 409, "results_file: expected a file of its own"),
    ("ws-1", {"socket": "FOLDER/control.sock"}, 409, "another process serves it"),
    ("ws-1", {"socket": "FOLDER/none/own.sock"}, 400, "socket: expected a socket path in a folder"),
    ("ws-1", {"socket": "/" + 120 * "x"}, 400, "socket: expected a socket path of at most 107 bytes"),
    ("ws-1", {"socket": "FOLDER/supervisor.log"}, 400, "socket: expected a path that is free or a socket"),
    ("ws-1", {"configs_dir": "ws-1"}, 400, "configs_dir: expected an absolute path"),
    ("ws-1", {"configs_dir": ""}, 400, "configs_dir: expected"),
    ("ws-1", {"configs_dir": 7}, 400, "configs_dir: expected a string, found another integer"),
    ("ws-1", {"platform_url": "platform.example"}, 400, "platform_url: expected a base URL"),
    ("ws-1", {"platform_url": "http://u:secret@platform.example"}, 400, "platform_url: expected a base URL"),
    ("ws-1", {"config_dir": "/x"}, 400, "did you mean configs_dir?"),
    ("..", {}, 400, "the id: expected"),
    ("a%0ab", {}, 400, "the id: expected"),
    (129 * "x", {}, 400, "the id: expected"),
])
def test_what_cannot_be_added_is_told_and_changes_nothing(host: Host, workspace: str, change: Dict[str, Any],
                                                          status: int, expected: str) -> None:
    host.start()
    (host.folder / "link").symlink_to(host.folder)
    told = {name: value.replace("FOLDER", str(host.folder)) if isinstance(value, str) else value
            for name, value in change.items()}
    answer = host.call("PUT", "/v1/workspaces/" + workspace, body(host, **told))
    assert answer.status == status, answer.text
    assert expected in answer.error
    assert "secret" not in answer.error and "secret" not in host.log()
    assert host.workspaces() == {"main": "configuration"}
    assert host.put("ws-1").status == 201


def test_without_a_folder_it_is_refused(host: Host) -> None:
    host.start()
    answer = host.call("PUT", ONE, {})
    assert (answer.status, "configs_dir: expected a string" in answer.error) == (400, True)
    assert host.call("PUT", ONE).status == 400


def test_a_platform_of_its_own_can_be_named_and_is_needed_where_there_is_no_other(host: Host) -> None:
    host.write_file(f'ws-2 {{ configs-dir = "{host.home("ws-2")}", platform-url = "{host.platform.url}" }}')
    text = host.file.read_text().splitlines()
    host.file.write_text("\n".join(line for line in text if not line.startswith(
        ("workspace.id", "workspace.platform-url", "workspace.configs-dir", "workspace.results-file"))) + "\n")
    host.start()
    assert "workspace.platform-url is not configured" in host.put("ws-1").error
    assert host.put("ws-1", platform_url=host.platform.url + "/").status == 201
    host.wait_beats("ws-1")


def test_the_files_own_is_not_removed(host: Host) -> None:
    host.write_file("ws-2")
    host.start()
    for workspace in ("main", "ws-2"):
        answer = host.delete(workspace)
        assert answer.status == 409 and "remove it there" in answer.error
    host.wait_beats("ws-2")


def test_beside_an_agent_that_is_launched_none_is_added(host: Host) -> None:
    host.write_file(agent__command='["/bin/sleep", "1000"]')
    host.start()
    answer = host.put("ws-1")
    assert answer.status == 409 and "exactly one workspace" in answer.error


def test_its_own_socket_comes_and_goes_with_it_and_ends_who_is_connected(host: Host) -> None:
    host.start()
    own = str(host.folder / "ws-1.sock")
    assert host.put("ws-1", socket=own).status == 201
    assert os.stat(own).st_mode & 0o777 == 0o600
    assert host.call("GET", ONE, path=own).status == 200
    for method, target in (("DELETE", ONE), ("PUT", "/v1/workspaces/ws-2"), ("POST", "/v1/reload")):
        assert host.call(method, target, path=own).status == 404
    attached = socket.socket(socket.AF_UNIX)
    attached.settimeout(PATIENCE)
    attached.connect(own)
    attached.sendall(f"GET {ONE}/attach HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert attached.recv(4096).startswith(b"HTTP/1.1 200")
    wait_until(lambda: host.workspace("ws-1")["agent"]["state"] == "attached", host.log)
    idle = host.caller(own)
    idle.call("GET", ONE)
    assert host.delete("ws-1").status == 204
    while attached.recv(4096):
        pass
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        idle.call("GET", ONE)
    assert not os.path.exists(own)
    assert host.put("ws-1", socket=own).status == 201
    assert host.call("GET", ONE, path=own).status == 200


def test_what_it_waits_for_ends_with_it(host: Host) -> None:
    """A self-message that hangs for two minutes holds a connection; the removal does not wait for it."""
    host.start()
    host.wait_beats("main", 2)
    host.platform.order("fault", **{"class": "a2a", "action": "hang", "workspace": "ws-1"})
    assert host.put("ws-1").status == 201
    host.wait_beats("ws-1", 2)
    host.platform.complete("task-1", workspace="ws-1")
    wait_until(lambda: host.platform.ask("state")["hanging"] == 1, host.log)
    assert host.delete("ws-1").status == 204
    wait_until(lambda: host.platform.ask("state")["hanging"] == 0, "that its connection has closed")


def test_a_token_of_an_added_one_is_watched(host: Host) -> None:
    host.start()
    (host.home("ws-1") / ".auth_token").unlink()
    assert host.put("ws-1").status == 201
    wait_until(lambda: host.workspace("ws-1")["status"] == "unauthorized", host.log)
    (host.home("ws-1") / ".auth_token").write_text("token-1")
    host.wait_beats("ws-1", 2)
    assert host.workspace("ws-1")["status"] == "online"


def workspacectl(host: Host, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(BUILD / "workspacectl"), f"--socket={host.socket}", *words], capture_output=True,
                          text=True, env=clean_environment(), timeout=PATIENCE, check=False, cwd=host.folder)


def test_workspacectl_adds_and_removes(host: Host) -> None:
    host.start()
    host.home("ws-1")
    added = workspacectl(host, "workspace", "add", "ws-1", "--configs-dir=ws-1", "--own-socket=own.sock")
    assert (added.returncode, added.stderr) == (0, ""), added.stderr
    assert added.stdout == f"ws-1 is kept alive from now on. Its results go to {host.folder}/ws-1/delegation_results.jsonl\n"
    assert host.call("GET", ONE, path=str(host.folder / "own.sock")).status == 200
    again = workspacectl(host, "workspace", "add", "ws-1", "--configs-dir=ws-1", "--own-socket=own.sock")
    assert (again.returncode, again.stdout) == (0, "ws-1 is kept alive already, just so.\n")
    refused = workspacectl(host, "workspace", "remove", "main")
    assert refused.returncode == 1 and "remove it there" in refused.stderr
    removed = workspacectl(host, "workspace", "remove", "ws-1")
    assert (removed.returncode, removed.stdout) == (0, "ws-1 is not kept alive any more.\n")
    wrong = workspacectl(host, "workspace", "add", "ws-1")
    assert wrong.returncode == 2 and "--configs-dir" in wrong.stderr
    raw = workspacectl(host, "--json", "workspace", "add", "ws-1", "--configs-dir=ws-1")
    assert json.loads(raw.stdout)["id"] == "ws-1"


def test_the_socket_of_a_workspace_that_came_is_found_by_its_client(host: Host) -> None:
    host.start()
    own = str(host.folder / "own.sock")
    assert host.put("ws-1", socket=own).status == 201
    client = Path(__file__).resolve().parents[2] / "clients" / "python"
    done = subprocess.run(
        [sys.executable, "-c", "from workspace_supervisor import Supervisor\n"
         f"Supervisor({own!r}, workspace_id='ws-1').set_activity(1, 'sorting')"],
        env=clean_environment(PYTHONPATH=str(client)), capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: any(beat["body"]["current_task"] == "sorting" for beat in host.beats("ws-1")), host.log)

"""keep-workspace, which stands beside a small agent and has the node's supervisor keep its workspace alive."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import Dict, Iterator, List

import pytest

from hosting import Host
from processes import BUILD, PATIENCE, clean_environment, wait_until

PROGRAM = Path(__file__).parents[2] / "deploy/container/keep-workspace"


def environment(workspace: str = "ws-1") -> Dict[str, str]:
    return {**clean_environment(), "PATH": f"{BUILD}:{os.environ['PATH']}", "WORKSPACE_ID": workspace}


def run(*arguments: str, workspace: str = "ws-1") -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(PROGRAM), *arguments], env=environment(workspace), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=PATIENCE, check=False)


@pytest.fixture
def node(host: Host) -> Host:
    """Its folder is what a node shares with its pods."""
    home = host.folder / "workspaces/ws-1"
    home.mkdir(parents=True)
    (home / ".auth_token").write_text("token-1")
    host.write_empty_file()
    return host


def kept(host: Host) -> "contextlib.AbstractContextManager[subprocess.Popen[str]]":
    return running(host, str(host.folder))


def sweeping(host: Host) -> "contextlib.AbstractContextManager[subprocess.Popen[str]]":
    return running(host, "--sweep", str(host.folder))


@contextlib.contextmanager
def running(host: Host, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    with open(host.folder / "kept.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen([str(PROGRAM), *arguments], env=environment(), stdout=log, stderr=log, text=True,
                                   start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ids(host: Host) -> List[str]:
    return list(host.workspaces())


def test_a_workspace_is_kept_as_long_as_it_runs(node: Host) -> None:
    node.start()
    assert run("--is-kept", str(node.folder)).returncode == 69
    with kept(node) as process:
        node.wait_beats("ws-1")
        wait_until(lambda: run("--is-kept", str(node.folder)).returncode == 0, "kept")
        home = node.folder / "workspaces/ws-1"
        assert stat.S_ISSOCK((home / "control.sock").stat().st_mode)
        node.platform.complete("task-1", workspace="ws-1")
        wait_until(lambda: (home / "delegation_results.jsonl").exists(), "its results in its folder")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert ids(node) == []


def test_it_waits_for_the_nodes_supervisor_and_does_not_mind_its_restart(node: Host) -> None:
    with kept(node) as process:
        wait_until(lambda: "no answer from the supervisor" in (node.folder / "kept.log").read_text(), "that it waits")
        node.start()
        node.wait_beats("ws-1")
        node.restart()
        node.wait_beats("ws-1")
        assert process.poll() is None


def test_it_has_it_let_go_however_long_the_nodes_supervisor_is_away(node: Host) -> None:
    node.start()
    with kept(node) as process:
        node.wait_beats("ws-1")
        node.stop()
        process.send_signal(signal.SIGTERM)
        wait_until(lambda: "no answer from the supervisor" in (node.folder / "kept.log").read_text(), "that it asks")
        assert process.poll() is None
        node.start()
        assert process.wait(PATIENCE) == 0
    assert ids(node) == []


def test_what_was_killed_is_swept_and_what_lives_is_not(node: Host) -> None:
    node.start()
    with kept(node):
        node.wait_beats("ws-1")
        mark = node.folder / "workspaces/ws-1/.kept"
        with sweeping(node):
            node.wait_beats("ws-1", 5)
            assert ids(node) == ["ws-1"]
    # It was killed, and says nothing from now on.
    four_minutes_ago = time.time() - 240
    os.utime(mark, (four_minutes_ago, four_minutes_ago))
    with sweeping(node) as process:
        wait_until(lambda: ids(node) == [] and not mark.exists(), "that it is let go")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_a_folder_that_is_lost_ends_it(node: Host) -> None:
    """The agent's own view of it is lost, too: only a new pod mends that. (Without a supervisor it looks each second.)"""
    with kept(node) as process:
        wait_until(lambda: (node.folder / "workspaces/ws-1/.kept").exists(), "that it is marked")
        # At once: its mark could come again while the folder is taken apart.
        (node.folder / "workspaces").rename(node.folder / "lost")
        shutil.rmtree(node.folder / "lost")
        assert process.wait(PATIENCE) == 1
    assert "has to be made anew" in (node.folder / "kept.log").read_text()


@pytest.mark.parametrize("workspace", ["../x", "a/b", ".", "..", "--help"])
def test_an_id_that_would_lead_elsewhere_is_refused(tmp_path: Path, workspace: str) -> None:
    refused = run(str(tmp_path), workspace=workspace)
    assert refused.returncode == 2 and "cannot name a folder" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_id_whose_socket_could_not_be_is_refused(tmp_path: Path) -> None:
    refused = run(str(tmp_path), workspace="x" * 107)
    assert refused.returncode == 2 and "is too long" in refused.stderr


def test_a_wrong_call_says_what_was_expected(tmp_path: Path) -> None:
    for arguments in ([], [str(tmp_path / "none")], [str(tmp_path), "x"]):
        wrong = run(*arguments)
        assert wrong.returncode == 2 and "expected a folder" in wrong.stderr
    nobody = run(str(tmp_path), workspace="")
    assert nobody.returncode != 0 and "expected the id of a workspace" in nobody.stderr

"""Added workspaces through restarts, kills and crashes; and that nothing is left of those that have gone."""

from __future__ import annotations

import os
import random
import tempfile
import threading
from pathlib import Path
from typing import Iterator, List, Set

import pytest

from hosting import Host, listening
from processes import BUILD, wait_until


def test_they_are_there_after_a_restart(host: Host) -> None:
    host.start()
    own = str(host.folder / "own.sock")
    assert host.put("ws-1", socket=own).status == 201
    assert host.put("ws-2").status == 201
    assert host.put("ws-3").status == 201
    assert host.delete("ws-3").status == 204
    for end in (host.stop, host.kill):
        end()
        host.start()
        wait_until(lambda: host.workspaces() == {
            "main": "configuration", "ws-1": "control-api", "ws-2": "control-api"}, host.log)
        host.wait_beats("ws-2")
        wait_until(lambda: os.path.exists(own) and host.call("GET", "/v1/workspaces/ws-1", path=own).status == 200)
        assert host.put("ws-1", socket=own).status == 200


def test_their_results_are_told_once_over_a_restart(host: Host) -> None:
    host.start()
    assert host.put("ws-1").status == 201
    host.platform.complete("task-1", workspace="ws-1")
    wait_until(lambda: host.lines("ws-1"), host.log)
    host.restart()
    host.platform.complete("task-2", workspace="ws-1")
    wait_until(lambda: len(host.lines("ws-1")) >= 2, host.log)
    assert [line["delegation_id"] for line in host.lines("ws-1")] == ["task-1", "task-2"]


def test_at_the_start_the_file_goes_before_what_was_added(host: Host) -> None:
    host.start()
    assert host.put("ws-1").status == 201
    assert host.put("ws-2").status == 201
    assert host.stop() == 0
    host.write_file("ws-1", f'ws-3 {{ configs-dir = "{host.home("ws-2")}" }}')
    host.start()
    log = host.wait_log("workspace.adopted workspace=ws-1")
    assert "workspace.refused workspace=ws-2" in host.wait_log("workspace.refused"), log
    assert host.workspaces() == dict.fromkeys(("main", "ws-1", "ws-3"), "configuration")
    # What could not run is not forgotten.
    host.write_file("ws-1")
    host.restart()
    wait_until(lambda: host.workspaces().get("ws-2") == "control-api", host.log)


def test_one_whose_socket_somebody_else_has_taken_runs_without_it(host: Host) -> None:
    host.start()
    own = str(host.folder / "own.sock")
    assert host.put("ws-1", socket=own).status == 201
    assert host.stop() == 0
    with listening(own):
        host.start()
        assert f"workspace=ws-1: control socket {own}: another process serves it" in host.wait_log("control.unavailable")
        host.wait_beats("ws-1")


def test_what_could_not_run_can_be_removed(host: Host) -> None:
    host.start()
    assert host.put("ws-1").status == 201
    assert host.put("ws-2").status == 201
    assert host.stop() == 0
    host.write_file(f'ws-3 {{ configs-dir = "{host.home("ws-1")}" }}')
    host.start()
    host.wait_log("workspace.refused workspace=ws-1")
    assert host.delete("ws-1").status == 204
    assert host.delete("ws-1").status == 404
    host.write_file()
    host.restart()
    wait_until(lambda: host.workspaces() == {"main": "configuration", "ws-2": "control-api"}, host.log)


def lose_store_of_ws_1(host: Host) -> None:
    """Started where ws-1 was added, and its store is of a newer version."""
    host.start()
    assert host.put("ws-1").status == 201
    assert host.stop() == 0
    host.rows("pragma user_version = 77")
    host.start()
    host.wait_log("store.degraded")


def test_what_cannot_be_saved_is_not_added(host: Host) -> None:
    lose_store_of_ws_1(host)
    for answer in (host.put("ws-2"), host.put("ws-3")):
        assert answer.status == 503 and "was not added" in answer.error and "newer version" in answer.error
    assert host.workspaces() == {"main": "configuration"}


def test_what_may_come_back_is_not_said_to_be_gone(host: Host) -> None:
    lose_store_of_ws_1(host)
    refused = host.delete("ws-1")
    assert refused.status == 503 and "storage is in trouble" in refused.error


def test_one_that_would_be_back_is_not_removed(host: Host) -> None:
    host.start()
    assert host.put("ws-1").status == 201
    state = host.folder / "state"
    state.rename(host.folder / "away")
    refused = host.delete("ws-1")
    assert refused.status == 503 and "it would be back after a restart" in refused.error
    host.wait_beats("ws-1")
    (host.folder / "away").rename(state)
    wait_until(lambda: host.delete("ws-1").status == 204, host.log)
    assert host.workspaces() == {"main": "configuration"}


class Script:
    """Adds and removes in a random order; knows what it was told of the outcome."""

    def __init__(self, host: Host, number: int, seed: int) -> None:
        self.host = host
        self.names = [f"ws-{index}" for index in range(4 * number, 4 * number + 4)]
        self.there: Set[str] = set()
        self.open: Set[str] = set()  # of which no answer came: either way is right
        self.changes = 0
        self.ended = False
        self._random = random.Random(seed)
        self.failure = ""

    def run(self) -> None:
        while not self.ended:
            name = self._random.choice(self.names)
            add = name not in self.there
            self.open.add(name)
            try:
                answer = self.host.put(name) if add else self.host.delete(name)
            except OSError:
                return  # killed
            if answer.status in (503, 404, 409):
                if answer.status != 503 and not self.unsure(name, add):
                    self.failure = f"{'PUT' if add else 'DELETE'} {name}: {answer.text}"
                    return
                continue
            if answer.status not in (200, 201, 204):
                self.failure = answer.text
                return
            (self.there.add if add else self.there.discard)(name)
            self.open.discard(name)
            self.changes += 1

    def unsure(self, name: str, add: bool) -> bool:
        """After a 503 it may have been done all the same."""
        (self.there.add if add else self.there.discard)(name)
        return True


@pytest.fixture
def scripts(host: Host) -> Iterator[List[Script]]:
    host.write_file(supervisor__backoff_max="200ms")
    host.start()
    made = [Script(host, number, seed=number) for number in range(3)]
    threads = [threading.Thread(target=script.run) for script in made]
    for thread in threads:
        thread.start()
    yield made
    for script in made:
        script.ended = True
    for thread in threads:
        thread.join()


def check(host: Host, scripts: List[Script]) -> None:
    """Those that were confirmed are there, and no other, but for those that nobody was told of."""
    assert [script.failure for script in scripts] == ["", "", ""]
    there = set().union(*(script.there for script in scripts))
    unknown = set().union(*(script.open for script in scripts))
    wait_until(lambda: set(host.workspaces()) - unknown - {"main"} == there - unknown,
               lambda: f"{host.workspaces()} in place of {there}, unknown {unknown}; {host.log()}")


def wait_changes(scripts: List[Script], count: int) -> None:
    start = [script.changes for script in scripts]
    wait_until(lambda: all(script.changes >= before + count or script.failure
                           for script, before in zip(scripts, start)),
               lambda: f"{[script.changes for script in scripts]} changes")


@pytest.mark.parametrize("actor", ["workspaces", "store", "root", "control", "platform-client"])
def test_a_crash_of_an_actor_loses_no_change(host: Host, scripts: List[Script], actor: str) -> None:
    for _ in range(8):
        wait_changes(scripts, 2)
        host.call("POST", "/v1/debug/crash", {"actor": actor})
    wait_changes(scripts, 2)
    for script in scripts:
        script.ended = True
    wait_until(lambda: len(threading.enumerate()) < 4 or all(not script.open for script in scripts))
    check(host, scripts)
    host.restart()
    check(host, scripts)


def test_whoever_looks_while_they_come_and_go_is_answered(host: Host, scripts: List[Script]) -> None:
    ended, refused = threading.Event(), []

    def look(target: str) -> None:
        caller = host.caller()
        while not ended.is_set():
            answer = caller.call("GET", target)
            if answer.status not in (200, 404, 503):
                refused.append(answer)

    targets = ["/v1/stats", "/v1/workspaces", "/metrics", "/readyz", "/v1/workspaces/ws-1",
               "/v1/workspaces/ws-5/results"]
    readers = [threading.Thread(target=look, args=(target,)) for target in targets]
    for reader in readers:
        reader.start()
    for _ in range(4):  # as long for each as for all of them at once
        wait_changes(scripts, 10)
    ended.set()
    for reader in readers:
        reader.join()
    for script in scripts:
        script.ended = True
    assert refused == []
    check(host, scripts)
    assert host.stop() == 0


def test_a_kill_loses_no_change(host: Host) -> None:
    host.start()
    for seed in range(5):
        known = set(host.workspaces()) - {"main"}
        made = [Script(host, number, seed=10 * seed + number) for number in range(3)]
        for script in made:
            script.there = known & set(script.names)
        threads = [threading.Thread(target=script.run) for script in made]
        for thread in threads:
            thread.start()
        wait_changes(made, 3)
        host.kill()
        for thread in threads:
            thread.join()
        host.start()
        check(host, made)
        wait_until(lambda: all(host.workspace(name)["status"] == "online" for name in host.workspaces()), host.log)


def release_binary() -> Path:
    """The release build's, where there is one: of memory a sanitizer keeps more than the program takes."""
    release = Path(os.environ.get("SUPERVISOR_RELEASE", "/nowhere")) / "workspace-supervisor"
    return release if release.exists() else BUILD / "workspace-supervisor"


def is_sanitized(binary: Path) -> bool:
    content = binary.read_bytes()
    return b"__asan_init" in content or b"__tsan_init" in content


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where possible: each change is synced, and a disk that others use takes its time for each."""
    if not os.path.isdir("/dev/shm"):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="supervisor-workspaces-", dir="/dev/shm") as folder:
        yield Path(folder)


def test_nothing_is_left_of_thousands(quick_folder: Path) -> None:
    """Descriptors and threads are as before, and what they took of memory has been given back."""
    binary = release_binary()
    sanitized = is_sanitized(binary)
    count = 600 if sanitized else 4000
    host = Host(quick_folder, known=count, binary=binary)
    try:
        for number in range(count):
            host.home(f"ws-{number}")
        host.write_file(heartbeat__interval="1h", delegation__interval="1h")
        # The sanitizer keeps what was freed for a while.
        host.start(ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1")
        wait_until(lambda: host.beats("main"), host.log)
        caller = host.caller()
        descriptors, threads, memory = host.descriptors(), host.status_of("Threads"), host.status_of("VmRSS")
        for _ in range(2):
            for number in range(count):
                answer = caller.call("PUT", f"/v1/workspaces/ws-{number}", {"configs_dir": str(quick_folder / f"ws-{number}")})
                assert answer.status == 201, answer.text
            assert len(host.workspaces()) == count + 1
            most = host.status_of("VmRSS")
            for number in range(count):
                assert caller.call("DELETE", f"/v1/workspaces/ws-{number}").status == 204
            assert host.workspaces() == {"main": "configuration"}
        # The allocator is told two seconds later.
        wait_until(lambda: sanitized or host.status_of("VmRSS") - memory < 0.15 * (most - memory),
                   lambda: f"{host.status_of('VmRSS')} KiB, {memory} before, {most} at most")
        # Connections to the platform are kept for a while, 256 a lane at most.
        assert host.descriptors() <= descriptors + 3 * 256
        assert host.status_of("Threads") <= threads + 1
        assert host.stop() == 0
        assert host.rows("select count(*) from workspaces where name <> 'main'") == [(0,)]
        assert host.rows("select count(*) from added_workspaces") == [(0,)]
    finally:
        host.end()

"""What systemd, or whoever else reads NOTIFY_SOCKET, hears of the supervisor."""

from __future__ import annotations

import ctypes
import os
import re
import select
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from launched import Scene
from processes import PATIENCE, clean_environment, wait_until

WATCHDOG = 0.6  # seconds

_libc = ctypes.CDLL(None, use_errno=True)


class Manager:
    """Stands for systemd: its socket, and what came there."""

    def __init__(self, folder: Path, abstract: bool) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0supervisor-test-{os.getpid()}" if abstract else str(folder / "notify"))
        address = self._socket.getsockname()
        self.address = "@" + address[1:].decode() if abstract else address
        self.heard: List[Tuple[str, str]] = []
        self._closing = threading.Event()
        # All the time, as systemd does: few datagrams fit in between.
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def environment(self, **more: str) -> Dict[str, str]:
        return clean_environment(NOTIFY_SOCKET=self.address, **more)

    def _read(self) -> None:
        while not self._closing.is_set():
            if select.select([self._socket], [], [], 0.1)[0]:
                for line in self._socket.recv(4096).decode().splitlines():
                    name, _, value = line.partition("=")
                    self.heard.append((name, value))

    def wait(self, name: str, value: str, count: int = 1) -> None:
        wait_until(lambda: self.heard.count((name, value)) >= count,
                   lambda: f"{count} times {name}={value}; heard: {self.heard}")

    def close(self) -> None:
        self._closing.set()
        self._reading.join()
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: Any, tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path, request.param == "abstract")
    yield made
    made.close()


@pytest.fixture()
def watching(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path, abstract=False)
    yield made
    made.close()


def with_watchdog(manager: Manager, **more: str) -> Dict[str, str]:
    return manager.environment(WATCHDOG_USEC=str(int(WATCHDOG * 1e6)), **more)


def test_ready_status_and_stopping(scene: Scene, manager: Manager) -> None:
    scene.start(env=manager.environment())
    manager.wait("READY", "1")
    assert scene.platform.beats()
    manager.wait("STATUS", "ws-1 is online")
    scene.platform.order("fault", action="status", status=500, **{"class": "beat"})
    manager.wait("STATUS", "ws-1 is unreachable")
    scene.platform.clear_faults()
    manager.wait("STATUS", "ws-1 is online", 2)
    assert scene.stop() == 0
    manager.wait("STOPPING", "1")
    assert ("EXTEND_TIMEOUT_USEC", "4000000") in manager.heard
    assert manager.heard.count(("READY", "1")) == 1
    assert "WATCHDOG" not in dict(manager.heard), "nobody asked for it"


def test_ready_only_once_a_beat_was_tried(scene: Scene, watching: Manager) -> None:
    scene.start("--agent.expected=true", "--agent.start-timeout=1h", env=with_watchdog(watching))
    watching.wait("WATCHDOG", "1", 3)
    assert ("READY", "1") not in watching.heard, "its first beat waits for its agent"
    assert ("STATUS", "ws-1 is starting") in watching.heard
    scene.start_agent("attach", "forever")
    watching.wait("READY", "1")


def test_a_beat_that_failed_was_tried(scene: Scene, watching: Manager) -> None:
    scene.platform.stop()
    scene.start(env=watching.environment())
    watching.wait("READY", "1")
    watching.wait("STATUS", "ws-1 is unreachable")


def test_of_many_the_first_that_are_not_online_are_named(scene: Scene, watching: Manager) -> None:
    folders = [scene.folder / f"w-{number}" for number in range(5)]
    for folder in folders:
        folder.mkdir()
    scene.start(*(f"--workspaces.{folder.name}.configs-dir={folder}" for folder in folders), env=watching.environment())
    line = re.compile(r"6 workspaces: 1 online, 5 unauthorized \(w-\d, w-\d, w-\d, …\)")
    wait_until(lambda: any(name == "STATUS" and line.fullmatch(value) for name, value in watching.heard),
               lambda: str(watching.heard))


def thread_named(pid: int, name: str) -> int:
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise AssertionError(f"no thread {name}")


def test_no_watchdog_when_the_root_does_not_answer(scene: Scene, watching: Manager) -> None:
    scene.start(env=with_watchdog(watching))
    watching.wait("WATCHDOG", "1", 3)
    assert scene.process is not None
    loop = thread_named(scene.process.pid, "loop")
    seize, interrupt, detach = 0x4206, 0x4207, 17
    assert _libc.ptrace(seize, loop, None, None) == 0, os.strerror(ctypes.get_errno())
    assert _libc.ptrace(interrupt, loop, None, None) == 0, os.strerror(ctypes.get_errno())
    os.waitpid(loop, 0x40000000)  # __WALL: it has stopped
    time.sleep(5 * WATCHDOG)  # what was on its way comes
    before = len(watching.heard)
    time.sleep(5 * WATCHDOG)
    assert watching.heard[before:] == []
    assert _libc.ptrace(detach, loop, None, None) == 0, os.strerror(ctypes.get_errno())
    watching.wait("WATCHDOG", "1", watching.heard.count(("WATCHDOG", "1")) + 2)


def test_another_process_watchdog_is_not_ours(scene: Scene, watching: Manager) -> None:
    scene.start(env=with_watchdog(watching, WATCHDOG_PID="1"))
    watching.wait("READY", "1")
    time.sleep(2 * WATCHDOG)
    assert ("WATCHDOG", "1") not in watching.heard


def test_the_agent_cannot_speak_for_us(scene: Scene, watching: Manager) -> None:
    scene.start(agent=["forever"], env=with_watchdog(watching))
    pid = scene.wait_ready()
    assert b"NOTIFY_SOCKET" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert b"WATCHDOG_USEC" not in Path(f"/proc/{pid}/environ").read_bytes()
    watching.wait("READY", "1")
    assert scene.stop() == 0
    watching.wait("EXTEND_TIMEOUT_USEC", "16000000")  # agent.stop-timeout, what a kill may take, and our own 4 s


@pytest.mark.parametrize("address", ["relative", "/" + 200 * "x", "/nobody/is/there"])
def test_an_address_that_is_none_is_told_and_no_matter(scene: Scene, address: str) -> None:
    scene.start(env=clean_environment(NOTIFY_SOCKET=address))
    wait_until(scene.platform.beats, "beats")
    wait_until(lambda: "configuration.warning" in scene.log() and "NOTIFY_SOCKET" in scene.log(), "the warning")


def test_a_manager_that_goes_away_ends_nothing(scene: Scene, watching: Manager) -> None:
    scene.start(env=with_watchdog(watching))
    watching.wait("READY", "1")
    watching.close()
    for _ in range(10):  # as long as several signs of life take
        scene.next_beat()
    assert scene.process is not None
    scene.process.send_signal(signal.SIGTERM)
    assert scene.process.wait(PATIENCE) == 0

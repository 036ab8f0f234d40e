"""One supervisor ends and its successor begins on the same state directory, as in a roll-out, a drain or an eviction: the
platform never misses it for a liveness TTL, and what one has begun the other finishes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Dict, Iterator, List

import pytest

from fixtures import platform  # noqa: F401
from processes import PATIENCE, Platform, SupervisorProcess, wait_until
from workspace_supervisor import Supervisor

# As 30 s are to 180 s by default, and some more for a machine that is busy: the real times do not become shorter with these.
# Less than what is waited for anything, so that a gap is told as one.
INTERVAL, TTL = 2.0, 25.0
TIMES = (f"--heartbeat.interval={INTERVAL * 1000:.0f}ms", f"--heartbeat.liveness-ttl={TTL * 1000:.0f}ms",
         "--delegation.interval=200ms", "--notifier.cooldown=0s")


@pytest.fixture
def generations(tmp_path: Path, platform: Platform) -> Iterator[List[SupervisorProcess]]:
    made = [SupervisorProcess(tmp_path, platform, *TIMES) for _ in range(3)]
    yield made
    for one in made:
        one.kill()


def wait_beats(platform: Platform, more: int) -> None:
    before = len(platform.beats())
    wait_until(lambda: len(platform.beats()) >= before + more, f"{more} beats")


def longest_gap(platform: Platform) -> float:
    """Seconds between two beats, by the platform's clock."""
    times = [beat["steady"] for beat in platform.beats()]
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def filed(tmp_path: Path) -> List[str]:
    file = tmp_path / "results.jsonl"
    return [json.loads(line)["delegation_id"] for line in file.read_text().splitlines()] if file.exists() else []


def test_no_gap_is_a_liveness_ttl_long(platform: Platform, generations: List[SupervisorProcess]) -> None:
    for one in generations:
        one.start()
        wait_beats(platform, 2)
        assert one.stop() == 0, one.log()
    assert longest_gap(platform) < TTL


def test_the_successor_finishes_what_was_begun_and_repeats_nothing(tmp_path: Path, platform: Platform,
                                                                  generations: List[SupervisorProcess]) -> None:
    first, second, third = generations
    first.start()
    platform.complete("told")
    wait_until(lambda: requests(platform).get("a2a", 0) == 1, "the agent is woken")
    wait_until(lambda: pending(tmp_path) == 0, "and it is known")
    platform.order("fault", **{"class": "a2a", "action": "hang"})
    platform.complete("begun")
    wait_until(lambda: platform.ask("state")["hanging"] == 1, "a message is on its way")
    assert first.stop() == 0, first.log()
    platform.clear_faults()

    second.start()
    wait_until(lambda: requests(platform).get("a2a", 0) >= 3, "the successor sends it")
    wait_until(lambda: pending(tmp_path) == 0, "and knows it")
    assert filed(tmp_path) == ["told", "begun"]
    assert second.stop() == 0, second.log()

    sent = requests(platform)
    third.start()
    wait_beats(platform, 2)
    assert filed(tmp_path) == ["told", "begun"] and pending(tmp_path) == 0
    assert {name: requests(platform).get(name) for name in ("a2a", "notify")} == {name: sent.get(name) for name in ("a2a", "notify")}


def test_one_that_begins_too_early_ends_at_once_and_comes_again(tmp_path: Path, platform: Platform,
                                                                generations: List[SupervisorProcess]) -> None:
    """As when a node has not yet let go of the pod before: the exit code says what it is, and whoever starts it goes on."""
    first, early, _ = generations
    first.start()
    wait_beats(platform, 1)
    refused = subprocess.run(early.command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
    assert refused.returncode == 75 and "is used by another workspace-supervisor" in refused.stderr, refused.stderr
    wait_beats(platform, 2)
    assert first.stop() == 0
    early.start()
    wait_beats(platform, 2)
    assert longest_gap(platform) < TTL


def test_a_token_that_changed_in_between_is_taken(platform: Platform, generations: List[SupervisorProcess]) -> None:
    first, second, _ = generations
    first.start()
    wait_beats(platform, 1)
    assert first.stop() == 0
    platform.order("rotate", workspace="ws-1")
    second.start()
    wait_beats(platform, 2)
    assert longest_gap(platform) < TTL


def requests(platform: Platform) -> Dict[str, int]:
    return dict(platform.ask("state")["by_class"])


def pending(tmp_path: Path) -> int:
    """Steps that are still to be done, of all results."""
    return sum(Supervisor(str(tmp_path / "control.sock"), workspace_id="ws-1").workspace()["outbox"]["pending"].values())

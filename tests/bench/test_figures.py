"""What is made of a run: by what the limit is told, how an outage is judged, the table. On figures made by hand."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from arrivals import BEAT, POLL, Arrival  # noqa: E402
from bench import numbers  # noqa: E402
from crash import milliseconds  # noqa: E402
from limit import ends  # noqa: E402
from outage import heard_of_all, judged  # noqa: E402
from plan import Plan, Row  # noqa: E402
from stress import each  # noqa: E402
from sweep import LEAST_CYCLES, load_of  # noqa: E402
from table import cells, table  # noqa: E402

WELL = {"missed": 0, "late_p99_ms": 2.0, "loop_share": 0.3, "platform_share": 0.2,
        "descriptors": 40, "platform_descriptors": 40}


def test_a_number_of_workspaces_that_goes_well_is_no_end():
    assert ends(WELL, descriptors=1000) == []


@pytest.mark.parametrize("what, value, words", [
    ("missed", 3, "3 beats missed"),
    ("late_p99_ms", 51.0, "within 51 ms"),
    ("loop_share", 0.97, "the loop's thread"),
    ("platform_share", 0.97, "the platform has no CPU"),
    ("descriptors", 990, "the supervisor has no descriptors"),
    ("platform_descriptors", 990, "the platform has no descriptors"),
])
def test_the_end_is_told_by_what_is_used_up(what, value, words):
    found = ends({**WELL, what: value}, descriptors=1000)
    assert len(found) == 1 and words in found[0]


def test_all_are_heard_of_when_the_last_has_beaten_for_the_first_time():
    seen = [Arrival(5, 0, BEAT), Arrival(9, 1, BEAT), Arrival(12, 0, BEAT)]
    assert heard_of_all(seen, workspaces=2) == 9
    assert heard_of_all(seen, workspaces=3) == 0


def test_an_outage_is_judged_by_the_densest_second_and_by_who_is_missing():
    second = 10**9
    # Two workspaces at 1 s, so 4 requests a second are normal. Both come at once and poll twice; later one stays away.
    seen = [Arrival(100, number, kind) for number in (0, 1) for kind in (BEAT, POLL, POLL)]
    seen += [Arrival(second * n + 100, 0, kind) for n in (1, 2, 3) for kind in (BEAT, POLL)]
    plan = Plan(outage=2, outage_interval=1.0, outage_seconds=5.0)
    rows = {row.key: row for row in judged(plan, 4.0, 0, 100, seen, 3 * second)}
    assert rows["outage-rate-1"].measured == 6 / 4
    assert rows["outage-rate-5"].measured == 8 / 5 / 4  # the first two intervals alone
    assert rows["outage-beats-1"].measured == 2 / 4 * 2
    assert rows["outage-missed"].measured == 2
    assert rows["outage-heard"].measured == 1e-7
    assert rows["outage-rate-1"].details["per_second"] == [6, 2, 2, 2]


def test_between_two_events_lies_what_their_times_say():
    assert milliseconds({"time": "2026-11-23T20:37:59.998Z"}, {"time": "2026-11-23T20:38:00.003Z"}) == 5


class Clock:
    """Stands for the module `time`: nothing takes time but to sleep."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_what_is_due_often_is_done_as_often_and_takes_its_time(monkeypatch):
    clock, done = Clock(), []
    monkeypatch.setattr("stress.time", clock)
    assert each(0.01, 0.1, lambda: done.append(clock.now)) == len(done) == 10
    assert done == sorted(done) and clock.now >= 0.1


def test_few_workspaces_are_watched_for_longer():
    assert load_of(10000, interval=30, duration=None).seconds == 61
    assert load_of(1, interval=30, duration=None).seconds == LEAST_CYCLES * 30
    assert load_of(1, interval=1, duration=20).seconds == 19


def test_the_numbers_of_a_sweep_have_bounds():
    assert numbers("1,10,50000") == [1, 10, 50000]
    for text in ("0", "1,50001"):
        with pytest.raises(argparse.ArgumentTypeError):
            numbers(text)


def test_a_row_is_held_against_its_target():
    assert cells(Row("k", "t", 5.0, "ms", "h", target=10))[1:] == ["10.0 ms", "5.00 ms", "0.50", "h", "ok"]
    assert cells(Row("k", "t", 5.0, "", "h", target=0))[1:] == ["0", "5.00", "", "h", "missed"]
    assert cells(Row("k", "t", 5.0, "µs", "h", limit=4, ratio=1.25, target=1.2))[1:] == [
        "1.2 × bare loop", "5.00 µs (bare loop 4.00)", "1.25", "h", "missed"]
    assert cells(Row("k", "t", 5.0, "µs", "h", limit=4, ratio=1.25))[1:] == [
        "", "5.00 µs (bare loop 4.00)", "1.25", "h", ""]


def test_a_table_has_its_columns_one_below_the_other():
    lines = table([Row("a", "short", 1.0, "ms", "how"), Row("b", "a longer one", 20.0, "ms", "how")]).splitlines()
    assert len(lines) == 4
    assert lines[2].index("how") == lines[3].index("how") == lines[0].index("how")

"""The arithmetic of the benchmark, on arrivals made by hand."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from arrivals import (  # noqa: E402
    BEAT, MESSAGE, POLL, Arrival, beats_of_each, cycles, highest_rate, lateness, lateness_ms, longest_gap, missing,
    missing_of_all, quantile)

SECOND = 10**9


def test_a_cycle_is_a_beat_and_a_poll_and_nothing_else():
    seen = [Arrival(1, 0, BEAT), Arrival(2, 0, POLL), Arrival(3, 1, BEAT), Arrival(4, 0, MESSAGE)]
    assert cycles(seen) == 1.5


def test_beats_are_told_apart_by_workspace():
    seen = [Arrival(1, 0, BEAT), Arrival(2, 1, BEAT), Arrival(3, 0, POLL), Arrival(4, 0, BEAT)]
    assert beats_of_each(seen) == {0: [1, 4], 1: [2]}


def test_beats_are_late_by_what_they_came_after_the_earliest():
    assert lateness([1005, 2000, 3001], interval=1000) == [5, 0, 1]


def test_a_first_beat_that_came_late_does_not_make_the_others_early():
    assert lateness([1700, 2000, 3001, 4002], interval=1000) == [700, 0, 1, 2]


def test_a_beat_that_is_late_by_more_than_half_an_interval_is_not_early():
    assert lateness([1000, 2001, 3700, 4002], interval=1000) == [0, 1, 700, 2]


def test_beats_on_the_dot_are_on_time():
    assert lateness([1000, 2000, 3000], interval=1000) == [0, 0, 0]


def test_one_beat_alone_is_on_time():
    assert lateness([1234], interval=1000) == [0]


def test_a_gap_does_not_move_the_phase():
    assert lateness([1000, 2000, 7003], interval=1000) == [0, 0, 3]


def test_no_beat_is_missing_where_all_came_late():
    assert missing([1000, 2400, 3100], interval=1000, end=3600) == 0


def test_a_beat_that_did_not_come_is_missing():
    assert missing([1000, 3000], interval=1000, end=3600) == 1


def test_beats_missing_at_the_end_count():
    assert missing([1000], interval=1000, end=3600) == 2


def test_a_beat_that_may_still_come_is_not_missing():
    assert missing([1000, 2000], interval=1000, end=3400) == 0


def test_a_quantile_is_one_of_the_values():
    values = [float(value) for value in range(1, 101)]
    assert [quantile(values, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert quantile([7.0], 0.99) == 7


def test_each_workspace_is_late_against_its_own_phase():
    seen = [Arrival(SECOND, 0, BEAT), Arrival(SECOND // 2, 1, BEAT), Arrival(2 * SECOND, 0, BEAT),
            Arrival(SECOND * 3 // 2 + 4_000_000, 1, BEAT), Arrival(7, 0, POLL)]
    assert sorted(lateness_ms(seen, interval=1.0).values()) == [0, 0, 0, 4]


def test_of_all_workspaces_one_that_never_came_is_missed_from_its_first_beat_on():
    seen = [Arrival(0, 0, BEAT), Arrival(SECOND, 0, BEAT), Arrival(2 * SECOND, 0, BEAT)]
    assert missing_of_all(seen, workspaces=1, interval=1.0, first=0, end=2 * SECOND) == 0
    assert missing_of_all(seen, workspaces=2, interval=1.0, first=0, end=2 * SECOND) == 1
    assert missing_of_all(seen, workspaces=2, interval=1.0, first=0, end=3 * SECOND) == 2


def test_the_highest_rate_is_that_of_the_densest_stretch_wherever_it_lies():
    times = [0, SECOND * 9 // 10, SECOND, SECOND * 11 // 10, 5 * SECOND]
    assert highest_rate(times, seconds=1) == 3
    assert highest_rate(reversed(times), seconds=5) == 4 / 5
    assert highest_rate(times, seconds=10) == 5 / 10


def test_a_stretch_has_its_begin_and_not_its_end_in_it():
    assert highest_rate([0, SECOND], seconds=1) == 1
    assert highest_rate([], seconds=1) == 0


def test_the_longest_gap_lies_between_neighbours():
    assert longest_gap([5, 1, 20, 9]) == 11
    assert longest_gap([7]) == 0

"""What the platform's record of arrivals tells: how many cycles there were, how late beats came, which are missing."""

from __future__ import annotations

from collections import defaultdict
from typing import Dict, Iterable, List, NamedTuple, Sequence

BEAT, POLL = 0, 1  # of request_kind in platform.cpp


class Arrival(NamedTuple):
    nanoseconds: int  # CLOCK_MONOTONIC
    workspace: int
    kind: int


def cycles(arrivals: Iterable[Arrival]) -> float:
    """A cycle is a beat and a poll."""
    return sum(arrival.kind in (BEAT, POLL) for arrival in arrivals) / 2


def beats_of_each(arrivals: Iterable[Arrival]) -> Dict[int, List[int]]:
    beats: Dict[int, List[int]] = defaultdict(list)
    for arrival in arrivals:
        if arrival.kind == BEAT:
            beats[arrival.workspace].append(arrival.nanoseconds)
    return beats


def lateness(beats: Sequence[int], interval: int) -> List[int]:
    """How much later than its time each beat of a workspace came. Nobody outside knows its phase: the earliest of its
    beats, on the grid of the interval, is taken to have been on time, so that none counts as early."""
    offsets = [_offset(beat - beats[0], interval) for beat in beats]
    return [offset - min(offsets) for offset in offsets]


def missing(beats: Sequence[int], interval: int, end: int) -> int:
    """How many of the beats that were due from the first one on, half an interval before `end` at the latest, did not
    come near their time."""
    if not beats:
        return 0
    due = (end - interval // 2 - beats[0]) // interval + 1
    came = {_slot(beat - beats[0], interval) for beat in beats}
    return sum(slot not in came for slot in range(due))


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def _slot(since_first: int, interval: int) -> int:
    return (since_first + interval // 2) // interval


def _offset(since_first: int, interval: int) -> int:
    return since_first - _slot(since_first, interval) * interval

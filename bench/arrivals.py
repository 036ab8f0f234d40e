"""What the platform's record of arrivals tells: how many cycles there were, how late beats came, which are missing, how
dense requests were."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Dict, Iterable, List, NamedTuple, Sequence

BEAT, POLL, MESSAGE = 0, 1, 3  # of request_kind in platform.cpp


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


def phase(beats: Sequence[int], interval: int) -> int:
    """Where in the interval a workspace's beats are due. Nobody outside knows; but none is early, so it is the place of
    one of them: the one that makes all of them late by the least in sum."""
    places = sorted(beat % interval for beat in beats)
    # The sum of (place - due) % interval, less what is the same for all.
    return places[min(range(len(places)), key=lambda n: n * interval - len(places) * places[n])]


def lateness(beats: Sequence[int], interval: int) -> List[int]:
    """How much later than its time each beat of a workspace came."""
    due = phase(beats, interval)
    return [(beat - due) % interval for beat in beats]


def missing(beats: Sequence[int], interval: int, end: int) -> int:
    """How many of the beats that were due from the first one on, half an interval before `end` at the latest, did not
    come before the next was due."""
    due = phase(beats, interval)
    came = {(beat - due) // interval for beat in beats}
    return sum(slot not in came for slot in range(min(came), (end - interval // 2 - due) // interval + 1))


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not exceed; 0: there is none."""
    return 0.0 if not values else sorted(values)[max(1, math.ceil(share * len(values))) - 1]



def lateness_ms(arrivals: Iterable[Arrival], interval: float) -> Dict[Arrival, float]:
    """How late each beat was, against its workspace's own phase."""
    late = {}
    for workspace, times in beats_of_each(arrivals).items():
        for at, nanoseconds in zip(times, lateness(times, round(interval * 1e9))):
            late[Arrival(at, workspace, BEAT)] = nanoseconds / 1e6
    return late


def missing_of_all(arrivals: Iterable[Arrival], workspaces: int, interval: float, first: int, end: int) -> int:
    """The same of all workspaces. One that never came should have come within an interval of `first`."""
    beats = beats_of_each(arrivals)
    step = round(interval * 1e9)
    return sum(
        missing(beats[number], step, end) if number in beats else 1 + missing([first + step], step, end)
        for number in range(workspaces))


def highest_rate(times: Iterable[int], seconds: float) -> float:
    """The most of these times that lie in any stretch of that length, for each of its seconds."""
    ordered = sorted(times)
    width = round(seconds * 1e9)
    most = begin = 0
    for end, time in enumerate(ordered):
        while time - ordered[begin] >= width:
            begin += 1
        most = max(most, end - begin + 1)
    return most / seconds


def longest_gap(times: Iterable[int]) -> int:
    """Between one of these times and the next."""
    ordered = sorted(times)
    return max((after - before for before, after in zip(ordered, ordered[1:])), default=0)

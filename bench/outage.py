"""A platform that ends, so that its port refuses, and comes back: whether all come at once, and whether all come."""

from __future__ import annotations

import time
from typing import Dict, List

from arrivals import BEAT, Arrival, beats_of_each, highest_rate, missing_of_all
from plan import Plan, Row, say
from processes import PATIENCE, Bench, Platform, Supervisor


def heard_of_all(seen: List[Arrival], workspaces: int) -> int:
    """When the last of them beat for the first time; 0: one has not."""
    firsts: Dict[int, int] = {number: min(beats) for number, beats in beats_of_each(seen).items()}
    return max(firsts.values()) if len(firsts) == workspaces else 0


def _wait_for_all(platform: Platform, process: Supervisor, workspaces: int, interval: float) -> int:
    """Returns when all had been heard of; until when that was waited for, where one was not."""
    end = time.monotonic() + 2 * interval + PATIENCE
    while not (heard := heard_of_all(platform.arrivals(), workspaces)) and time.monotonic() < end:
        process.check()
        time.sleep(interval / 10)  # to read and take apart the whole record takes CPU itself
    return heard or time.monotonic_ns()


def outage_rows(bench: Bench, plan: Plan) -> List[Row]:
    workspaces, interval, step = plan.outage, plan.outage_interval, round(plan.outage_interval * 1e9)
    say(f"the platform is gone for {plan.outage_seconds:g} s: {5 * interval + plan.outage_seconds:.0f} s")
    with bench.platform() as platform:
        with bench.supervisor(platform, workspaces, interval) as process:
            platform.first_beat_of(process)
            time.sleep(2 * interval)
            normal = [arrival.nanoseconds for arrival in platform.arrivals(time.monotonic_ns() - step)]
            platform.kill()
            time.sleep(plan.outage_seconds)
            with bench.platform(f"--port={platform.port}") as returned:
                heard = _wait_for_all(returned, process, workspaces, interval)
                time.sleep(max(0.0, (returned.started + 3 * step - time.monotonic_ns()) / 1e9))
                end = time.monotonic_ns()
                process.check()
                seen = returned.arrivals()
    return judged(plan, len(normal) / interval, returned.started, heard, seen, end)


def judged(plan: Plan, normal: float, returned: int, heard: int, seen: List[Arrival], end: int) -> List[Row]:
    """What the requests since the return say, against a normal rate of so many a second."""
    step = round(plan.outage_interval * 1e9)
    begin = [arrival for arrival in seen if arrival.nanoseconds < returned + 2 * step]

    def multiple(arrivals: List[Arrival], seconds: float) -> float:
        return highest_rate((arrival.nanoseconds for arrival in arrivals), seconds) / normal if normal else 0.0

    lost = missing_of_all(seen, plan.outage, plan.outage_interval, returned, end)
    beats = sum(arrival.kind == BEAT for arrival in seen)
    how = f"{normal:.0f} requests a second are normal"
    name = f"{plan.outage:,} workspaces at {plan.outage_interval:g} s"
    return [
        Row("outage-rate-1", f"platform back after {plan.outage_seconds:g} s, {name}: densest second, by the normal",
            multiple(begin, 1), "×", how, target=2,
            details={"per_second": _per_second(seen, returned), "normal": normal}),
        Row("outage-rate-5", "  densest 5 s, by the normal", multiple(begin, 5), "×", "first two intervals", target=2),
        Row("outage-beats-1", "  beats alone, densest second, by the normal",
            multiple([arrival for arrival in begin if arrival.kind == BEAT], 1) * 2, "×", "first two intervals"),
        Row("outage-heard", "  until every workspace has been heard of", (heard - returned) / 1e9, "s",
            "from the start of the platform"),
        Row("outage-missed", "  beats missed afterwards", lost, "", f"{beats:,} beats", target=0),
    ]


def _per_second(seen: List[Arrival], since: int) -> List[int]:
    """How many requests came in each second."""
    counts = [0] * (1 + max(((arrival.nanoseconds - since) // 10**9 for arrival in seen), default=0))
    for arrival in seen:
        counts[(arrival.nanoseconds - since) // 10**9] += 1
    return counts

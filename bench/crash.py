"""How long an actor is gone when it has crashed."""

from __future__ import annotations

import statistics
import time
from datetime import datetime
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from control_api import ControlApi, Events
from plan import Plan, Row, say
from processes import Bench

WORKSPACE_ACTORS = ("token", "activity", "heartbeat", "delegation-poller", "parent-name", "notifier", "agent",
                    "supervisor")
# Not the root: no event tells of its successor.
SHARED_ACTORS = ("platform-client", "store", "token-files", "result-files", "list-reader", "workspaces", "control")
ACTORS: List[Tuple[str, Optional[str]]] = [
    *((actor, "ws-0") for actor in WORKSPACE_ACTORS), *((actor, None) for actor in SHARED_ACTORS)]

# A row of restarts is over when an actor has run for so long: each crash is the first of its row, whose restart is
# immediate, as that of an actor which has run for a minute is with the default.
ROW_OVER = 0.1  # seconds
SETTINGS = ("supervisor.fault-injection = true", f"supervisor.within = {round(ROW_OVER * 1000)}ms")


class Crash(NamedTuple):
    actor: str
    ms: float  # between the two events' times, which are whole milliseconds
    told_ms: float  # from before the order was sent until the second event was read here


def milliseconds(crashed: Dict[str, Any], restarted: Dict[str, Any]) -> float:
    """Between the times of two events."""
    first, second = (datetime.fromisoformat(event["time"].replace("Z", "+00:00")) for event in (crashed, restarted))
    return (second - first).total_seconds() * 1000


def _next(events: Iterator[Dict[str, Any]], name: str, actor: str) -> Dict[str, Any]:
    """A supervisor's events have its workspace's id behind the name."""
    for event in events:
        if event["event"] == name and event["actor"].split()[0] == actor:
            return event
    raise RuntimeError(f"the events ended before {name} of {actor}")


def _crash(control: ControlApi, events: Iterator[Dict[str, Any]], actor: str, workspace: Optional[str]) -> Crash:
    ordered = time.monotonic_ns()
    if not control.crash(actor, workspace):
        raise RuntimeError(f"{actor} is down before it was told to crash")
    crashed = _next(events, "actor.crashed", actor)
    restarted = _next(events, "actor.restarted", actor)
    return Crash(actor, milliseconds(crashed, restarted), (time.monotonic_ns() - ordered) / 1e6)


def crash_rows(bench: Bench, plan: Plan) -> List[Row]:
    """Each actor in turn, again and again, of a process with one workspace."""
    crashes = []
    with bench.platform() as platform, bench.supervisor(platform, settings=SETTINGS) as process:
        platform.first_beat_of(process)
        with ControlApi(process.control_socket) as control, Events(process.control_socket) as stream:
            events = iter(stream)
            for number in range(plan.crashes):
                say(f"round {number + 1} of {plan.crashes}")
                for actor, workspace in ACTORS:
                    time.sleep(1.5 * ROW_OVER)
                    crashes.append(_crash(control, events, actor, workspace))
        process.check()
    longest = max(crashes, key=lambda crash: (crash.ms, crash.told_ms))
    told = max(crashes, key=lambda crash: crash.told_ms)
    how = f"{len(ACTORS)} actors, {plan.crashes} times each; whole ms"
    return [
        Row("crash-median", "crash of an actor to its successor running, median",
            statistics.median(crash.ms for crash in crashes), "ms", how, target=10,
            details={"crashes": [crash._asdict() for crash in crashes]}),
        Row("crash-max", "  the longest", longest.ms, "ms", longest.actor, target=10),
        Row("crash-told-median", "  from the order until the events are read, median",
            statistics.median(crash.told_ms for crash in crashes), "ms", "both ways of HTTP included"),
        Row("crash-told-max", "  the longest", told.told_ms, "ms", told.actor),
    ]

"""What goes wrong and when: made from a seed before anything starts, so that a seed tells the same story again."""

import random
from dataclasses import dataclass, field

# Seconds. Nothing that keeps a beat from the platform by the supervisor's own host lasts as long as the liveness TTL.
TTL = 20.0
INTERVAL = 1.0


@dataclass(frozen=True)
class Kind:
    """A fault that comes again and again: so long after its end (on average), for so long."""

    name: str
    pause: float
    shortest: float
    longest: float
    kills: bool = False  # ends the supervisor's process


KINDS = (
    Kind("kill", 12, 0, 0, kills=True),
    Kind("terminate", 25, 0, 0, kills=True),
    Kind("memory-limit", 20, 2, 6, kills=True),
    Kind("read-only-start", 30, 1, 6, kills=True),
    Kind("agent-kill", 15, 0, 2),
    Kind("supervisor-stopped", 20, 0.5, 6),
    Kind("agent-stopped", 20, 0.5, 6),
    Kind("platform-stopped", 25, 0.5, 6),
    Kind("disk-full", 15, 1, 8),
    Kind("disk-failing", 15, 1, 8),
    Kind("clock-step", 8, 1, 10),
    Kind("descriptors", 15, 1, 6),
    Kind("platform-away", 25, 0.5, 8),
    Kind("platform-killed", 40, 0.2, 5),
    Kind("platform-away-long", 150, TTL + 2, TTL + 6),
    Kind("platform-faulty", 5, 0.5, 8),
    Kind("token", 12, 0, 6),
    Kind("names-hang", 20, 1, 12),
    Kind("names-fail", 20, 1, 8),
    Kind("names-dead-first", 15, 3, 15),
    Kind("workspace-added", 10, 8, 25),
    Kind("control-calls", 6, 0, 1),
)

# None of these may lose or drop a result: each is to be tried again, or counts as delivered.
PLATFORM_FAULTS = (
    {"action": "status", "status": 500},
    {"action": "status", "status": 502, "class": "a2a"},
    {"action": "status", "status": 503, "headers": {"Retry-After": "2"}},
    {"action": "status", "status": 429, "headers": {"Retry-After": "1"}},
    {"action": "status", "status": 504, "class": "delegations"},
    {"action": "status", "status": 302, "class": "beat", "headers": {"Location": "http://127.0.0.1:9/"}},
    {"action": "close"},
    {"action": "close_in_body"},
    {"action": "close_after"},
    {"action": "reset"},
    {"action": "invalid_json", "class": "delegations"},
    {"action": "gzip", "class": "delegations"},
    {"action": "wrong_content_type", "class": "delegations"},
    {"action": "large_body", "class": "delegations", "bytes": 20 << 20},
    {"action": "answer", "delay_ms": 200},
    {"action": "hang", "class": "delegations"},
    {"action": "hang", "class": "beat"},
    {"action": "hang", "class": "notify"},
    {"action": "hang", "class": "a2a"},
    {"action": "slow", "interval_ms": 1},
    {"action": "raw"},
    {"action": "huge_headers", "bytes": 1 << 20},
)
# These delay a beat or end its connection, but let it arrive.
HARMLESS_TO_BEATS = ("answer", "slow", "close_in_body", "close_after", "huge_headers")


@dataclass(frozen=True)
class Fault:
    begin: float  # seconds since the phase's begin
    end: float
    kind: str
    with_: dict = field(default_factory=dict)


def details(kind, rng):
    """What a fault of this kind needs to know besides its times."""
    if kind == "platform-faulty":
        return dict(rng.choice(PLATFORM_FAULTS))
    if kind == "clock-step":
        return {"seconds": rng.choice((-86400, 86400, -3600, 3600, -5, 5))}
    if kind == "disk-failing":
        return {"error": rng.choice(("EROFS", "ENOSPC", "EIO"))}
    if kind == "memory-limit":
        return {"room": rng.choice((0, 64 << 10, 1 << 20, 4 << 20))}
    if kind == "token":
        return {"way": rng.choice(("file-first", "at-once", "late", "garbage", "over-control")), "which": rng.random()}
    return {}


def plan(seed, duration, kills, impossible=()):
    """All faults of a phase in order of their begin. kills: whether the supervisor's process may end in it."""
    faults = []
    for kind in KINDS:
        # For each kind a sequence of its own: one that is impossible here leaves the others as they are.
        rng = random.Random(f"{seed} {kind.name}")
        # Where the phase is long enough for it, each kind comes at least once.
        now = rng.uniform(0, min(2 * kind.pause, 0.8 * duration)) if kind.pause < duration else rng.expovariate(1 / kind.pause)
        while now < duration:
            length = rng.uniform(kind.shortest, kind.longest)
            fault = Fault(now, min(now + length, duration), kind.name, details(kind.name, rng))
            if kind.name not in impossible and (kills or not kind.kills):
                faults.append(fault)
            now += length + rng.expovariate(1 / kind.pause)
    return sorted(faults, key=lambda fault: fault.begin)

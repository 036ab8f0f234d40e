"""Many workspaces in one process: a run of them, what the platform saw of it, and the rows that come of it."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence

from arrivals import MESSAGE, Arrival, cycles, lateness_ms, missing_of_all, quantile
from plan import Plan, Row
from processes import Bench, Platform, Supervisor

CONTROL_INTERVAL = 0.25  # seconds; of the bare loop beside a run

During = Callable[[Supervisor, float], Any]


@dataclass
class Load:
    """What a run asks of the supervisor, and for how long it is watched once all workspaces have begun."""

    workspaces: int
    interval: float
    seconds: float
    settings: Sequence[str] = ()  # lines of the supervisor's configuration
    platform: Sequence[str] = ()  # options of bench-platform

    def name(self) -> str:
        return f"{self.workspaces:,} workspace{'s' if self.workspaces > 1 else ''} at {self.interval:g} s"


@dataclass
class Observed:
    """A run. What has a `_ns` are times; CPU and shares are those from `begin_ns` to `end_ns`."""

    load: Load
    first_ns: int  # the first beat
    begin_ns: int  # when all workspaces have begun
    end_ns: int
    late: Dict[Arrival, float]  # of each beat, in ms
    control: List[float]  # the same of the bare loop beside it
    missed: int
    messages: int
    start_ms: float
    start_cpu_ms: float
    cpu_us: float  # of a cycle
    resident_mib: float  # VmRSS
    proportional_mib: float  # PSS
    descriptors: int
    platform_descriptors: int
    process_share: float  # of a core; threads that have ended included
    threads: Dict[str, float]  # the same of each that is there
    platform_share: float
    machine_share: float  # of all its cores that was in use, by anybody
    during: Any  # what the caller's own function found

    def seconds(self) -> float:
        return (self.end_ns - self.begin_ns) / 1e9

    def late_since(self, since_ns: int) -> List[float]:
        return [value for arrival, value in self.late.items() if arrival.nanoseconds >= since_ns]


def machine_ticks() -> Dict[str, int]:
    """Of all cores: those that were in use, and all."""
    user, nice, system, idle, waiting, *rest = map(int, open("/proc/stat", encoding="ascii").readline().split()[1:9])
    return {"used": user + nice + system + sum(rest), "all": user + nice + system + sum(rest) + idle + waiting}


class _Cpu:
    """What has been used of CPU so far."""

    def __init__(self, process: Supervisor, platform: Platform) -> None:
        self.at = time.monotonic_ns()
        self.process = process.cpu_ns()
        self.threads = process.cpu_ns_of_threads()
        self.platform = platform.cpu_ns()
        self.machine = machine_ticks()


def _observed(load: Load, process: Supervisor, platform: Platform, other: Platform, first: int, start_cpu: float,
              begin: _Cpu, found: Any) -> Observed:
    end = _Cpu(process, platform)
    process.check()
    took = end.at - begin.at
    seen = platform.arrivals(process.started, end.at)
    done = max(1.0, cycles(arrival for arrival in seen if arrival.nanoseconds >= begin.at))
    return Observed(
        load, first, begin.at, end.at, lateness_ms(seen, load.interval),
        list(lateness_ms(other.arrivals(), CONTROL_INTERVAL).values()),
        missing_of_all(seen, load.workspaces, load.interval, first, end.at),
        sum(arrival.kind == MESSAGE and arrival.nanoseconds >= begin.at for arrival in seen),
        (first - process.started) / 1e6, start_cpu, (end.process - begin.process) / 1e3 / done,
        process.resident_kib() / 1024, process.proportional_kib() / 1024, process.descriptors(),
        platform.descriptors(), (end.process - begin.process) / took,
        {name: (cpu - begin.threads.get(name, 0)) / took for name, cpu in end.threads.items()},
        (end.platform - begin.platform) / took,
        (end.machine["used"] - begin.machine["used"]) / max(1, end.machine["all"] - begin.machine["all"]), found)


def only_wait(_: Supervisor, seconds: float) -> None:
    time.sleep(seconds)


def observe(bench: Bench, load: Load, during: During = only_wait) -> Observed:
    """Beside the supervisor runs a bare loop with one workspace and a platform of its own: how late its beats are tells
    how late the machine lets any process be.

    @param during called with the supervisor when all workspaces have begun, for so many seconds."""
    with ExitStack() as running:
        platform = running.enter_context(bench.platform(*load.platform))
        other = running.enter_context(bench.platform())
        process = running.enter_context(
            bench.supervisor(platform, load.workspaces, load.interval, load.settings, fresh=bool(load.platform)))
        first = platform.first_beat_of(process)
        start_cpu = process.cpu_ns() / 1e6
        running.enter_context(bench.bare_loop(other, 1, CONTROL_INTERVAL))
        time.sleep(load.interval)
        begin = _Cpu(process, platform)
        found = during(process, load.seconds)
        return _observed(load, process, platform, other, first, start_cpu, begin, found)


def within(run: Observed, key: str, title: str, share: float, target: Optional[float], since_ns: int = 0) -> Row:
    """How late this share of the beats was at most."""
    values = run.late_since(since_ns)
    return Row(key, title, quantile(values, share), "ms", f"{len(values):,} beats", target=target,
               limit=quantile(run.control, share))


def scale_rows(bench: Bench, plan: Plan) -> List[Row]:
    """From the first beat on: what the start makes late counts."""
    if not plan.scale:
        return []
    run = observe(bench, Load(plan.scale, plan.scale_interval, max(0.0, plan.scale_seconds - plan.scale_interval)))
    after_first = run.first_ns + round(plan.scale_interval * 1e9)
    return [
        Row("scale-missed", f"{run.load.name()}: beats missed", run.missed, "", f"{len(run.late):,} beats", target=0,
            details={"late_p99_ms_by_10_s": _by_time(run.late, run.first_ns, 10)}),
        within(run, "scale-p50", "  half of the beats within", 0.5, None),
        within(run, "scale-p99", "  99 % of the beats within", 0.99, 10),
        within(run, "scale-p99-later", "  99 % of those after the first interval within", 0.99, None, after_first),
        within(run, "scale-max", "  all beats within", 1, 250),
        Row("scale-cpu", "  CPU of a cycle", run.cpu_us, "µs", f"over {run.seconds():.0f} s"),
        Row("scale-memory", "  resident memory", run.resident_mib, "MiB", "VmRSS"),
        Row("scale-start", "  start to first beat", run.start_ms, "ms", "one start"),
        Row("scale-start-cpu", "  CPU until then", run.start_cpu_ms, "ms", "one start"),
    ]


def _by_time(late: Dict[Arrival, float], first: int, seconds: int) -> List[float]:
    """The 99th percentile of each stretch of time."""
    stretches: Dict[int, List[float]] = defaultdict(list)
    for arrival, value in late.items():
        stretches[(arrival.nanoseconds - first) // (seconds * 10**9)].append(value)
    return [quantile(values, 0.99) for _, values in sorted(stretches.items())]

"""The rows of the table: each function measures something and says what it found."""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from arrivals import BEAT, Arrival, beats_of_each, cycles, lateness, missing, quantile
from processes import Bench, Platform, Process

SETTLE = 0.5  # seconds from the first beat until a start is over
CONTROL_INTERVAL = 0.25  # seconds; of the bare loop beside a scale run


@dataclass
class Plan:
    """How long, how often and how much is measured."""

    rounds: int = 6  # pairs of supervisor and bare loop
    seconds: float = 4.0  # of a round
    bulk: int = 1000  # workspaces of the bulk rows, at an interval of 1 s
    idle_seconds: float = 60.0
    starts: int = 15
    memory_interval: float = 10.0
    scale: int = 10000  # workspaces of the scale rows, at an interval of 30 s; 0: none
    scale_interval: float = 30.0
    scale_seconds: float = 70.0


QUICK = Plan(rounds=3, seconds=2.0, idle_seconds=15, starts=5, memory_interval=4, scale=0)
# To see that the tool works; the figures mean nothing.
SMOKE = Plan(rounds=1, seconds=0.5, bulk=60, idle_seconds=1, starts=1, memory_interval=1, scale=60,
             scale_interval=1, scale_seconds=3)


@dataclass
class Row:
    key: str
    title: str
    measured: float
    unit: str
    how: str
    target: Optional[float] = None  # at most that; of the ratio where there is a limit
    limit: Optional[float] = None  # what the bare loop needed
    ratio: Optional[float] = None  # to the limit
    details: Dict[str, Any] = field(default_factory=dict)

    def is_met(self) -> Optional[bool]:
        if self.target is None:
            return None
        return (self.measured if self.ratio is None else self.ratio) <= self.target


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def _round(process: Process, platform: Platform, workspaces: int, interval: float, seconds: float) -> Dict[str, float]:
    """One steady stretch of a process that has just started."""
    platform.first_beat_of(process)
    time.sleep(SETTLE + (interval if workspaces > 1 else 0))
    begin, cpu, switches = time.monotonic_ns(), process.cpu_ns(), process.switches()
    time.sleep(seconds)
    end, cpu, switches = time.monotonic_ns(), process.cpu_ns() - cpu, process.switches() - switches
    process.check()
    seen = platform.arrivals(begin, end)
    done = cycles(seen)
    if done == 0:
        raise RuntimeError(f"no cycle within {seconds} s:\n{process.log()}")
    late = list(_lateness_ms(seen, interval).values())
    return {
        "cpu_us": cpu / 1e3 / done,
        "cycles": done,
        "expected_cycles": workspaces * seconds / interval,
        "switches": switches / done,
        "late_p99_ms": quantile(late, 0.99) if late else 0.0,
    }


def _cpu_rows(bench: Bench, plan: Plan, key: str, workspaces: int, interval: float, target: float) -> List[Row]:
    pairs: List[Dict[str, Dict[str, float]]] = []
    busy: List[Dict[str, Dict[str, float]]] = []  # rounds that the machine left no time for: made again, up to a bound
    with bench.platform() as platform:
        while len(pairs) < plan.rounds and len(pairs) + len(busy) < 2 * plan.rounds:
            with bench.supervisor(platform, workspaces, interval) as process:
                ours = _round(process, platform, workspaces, interval, plan.seconds)
            with bench.bare_loop(platform, workspaces, interval) as process:
                bare = _round(process, platform, workspaces, interval, plan.seconds)
            fair = all(one["cycles"] > 0.9 * one["expected_cycles"] for one in (ours, bare))
            (pairs if fair else busy).append({"supervisor": ours, "bare": bare})
            say(f"round {len(pairs)} of {plan.rounds}: {ours['cpu_us']:.0f} µs a cycle, bare loop {bare['cpu_us']:.0f} µs"
                + ("" if fair else ": too busy, does not count"))
    pairs = pairs or busy

    def median(who: str, what: str) -> float:
        return statistics.median(pair[who][what] for pair in pairs)

    title = f"{workspaces:,} workspace{'s' if workspaces > 1 else ''}, {workspaces / interval:,.0f} cycles a second"
    done = sum(pair["supervisor"]["cycles"] for pair in pairs) / sum(
        pair["supervisor"]["expected_cycles"] for pair in pairs)
    ratios = [pair["supervisor"]["cpu_us"] / pair["bare"]["cpu_us"] for pair in pairs]
    rows = [
        Row(f"cpu-{key}", f"CPU of a cycle, {title}", median("supervisor", "cpu_us"), "µs",
            f"median of {len(pairs)} ({min(ratios):.2f}-{max(ratios):.2f})", target=target,
            limit=median("bare", "cpu_us"), ratio=statistics.median(ratios),
            details={"pairs": pairs}),
        Row(f"switches-{key}", "  switches of its threads in a cycle", median("supervisor", "switches"), "",
            "voluntary", limit=median("bare", "switches")),
        Row(f"done-{key}", "  cycles done of those due", done * 100, "%", "arrivals"),
    ]
    if workspaces > 1:
        rows.append(Row(f"late-{key}", "  99 % of its beats within", median("supervisor", "late_p99_ms"), "ms",
                        "arrivals", limit=median("bare", "late_p99_ms")))
    return rows


def cycle_rows(bench: Bench, plan: Plan) -> List[Row]:
    return _cpu_rows(bench, plan, "one", 1, 0.1, 1.5)


def bulk_rows(bench: Bench, plan: Plan) -> List[Row]:
    return _cpu_rows(bench, plan, "bulk", plan.bulk, 1.0, 1.3)


def idle_rows(bench: Bench, plan: Plan) -> List[Row]:
    """One workspace at 30 s that nobody asks anything; and what it then takes of memory."""
    with bench.platform() as platform, bench.supervisor(platform) as process:
        platform.first_beat_of(process)
        time.sleep(2)
        begin, cpu, switches = time.monotonic_ns(), process.cpu_ns(), process.switches()
        time.sleep(plan.idle_seconds)
        process.check()
        cpu, switches = process.cpu_ns() - cpu, process.switches() - switches
        seconds = (time.monotonic_ns() - begin) / 1e9
        how = f"over {seconds:.0f} s"
        return [
            Row("idle-wakes", "idle, one workspace at 30 s: wake-ups a second", switches / seconds, "", how, target=2),
            Row("idle-cpu", "idle, one workspace at 30 s: share of a core", cpu / 1e9 / seconds * 100, "%", how,
                target=0.05),
            Row("memory-http", "resident memory, one workspace, http", process.resident_kib() / 1024, "MiB", "VmRSS",
                target=12, details={"threads": process.threads()}),
        ]


def memory_rows(bench: Bench, plan: Plan) -> List[Row]:
    """What each further workspace takes."""

    def resident(workspaces: int) -> int:
        with bench.platform() as platform, bench.supervisor(platform, workspaces, plan.memory_interval) as process:
            platform.first_beat_of(process)
            # Each has beaten and polled once, and what the start took is free again.
            time.sleep(2 + plan.memory_interval * 1.2)
            process.check()
            return process.resident_kib()

    one, many = resident(1), resident(plan.bulk + 1)
    return [Row("memory-further", "resident memory, each further workspace", (many - one) / plan.bulk, "KiB",
                f"{plan.bulk + 1:,} less 1", target=20, details={"one_kib": one, "many_kib": many})]


def _start(process: Process, platform: Platform) -> Dict[str, float]:
    beat = platform.first_beat_of(process)
    return {"ms": (beat - process.started) / 1e6, "cpu_ms": process.cpu_ns() / 1e6}


def start_rows(bench: Bench, plan: Plan) -> List[Row]:
    """From before the fork to the beat's arrival. The bare loop's start tells what the machine takes for any."""
    rows = []
    for scheme, target in (("http", 50), ("https", 120)):
        starts, bare = [], []
        with bench.platform(https=scheme == "https") as platform:
            for _ in range(plan.starts):
                with bench.supervisor(platform) as process:
                    starts.append(_start(process, platform))
                    time.sleep(SETTLE)
                    memory = process.resident_kib()
                if scheme == "http":
                    with bench.bare_loop(platform, 1, 30) as process:
                        bare.append(_start(process, platform))

        def median(of: List[Dict[str, float]], what: str) -> Optional[float]:
            return statistics.median(start[what] for start in of) if of else None

        how = f"median of {plan.starts}"
        rows += [
            Row(f"start-{scheme}", f"start to first beat, {scheme}", median(starts, "ms"), "ms", how, target=target,
                limit=median(bare, "ms"), details={"starts": starts, "bare": bare}),
            Row(f"start-cpu-{scheme}", "  CPU until then", median(starts, "cpu_ms"), "ms", how,
                limit=median(bare, "cpu_ms")),
        ]
    rows.append(Row("memory-https", "resident memory, one workspace, https", memory / 1024, "MiB", "VmRSS", target=20))
    return rows


def scale_rows(bench: Bench, workspaces: int, interval: float, seconds: float) -> List[Row]:
    """Many workspaces in one process, `seconds` from its first beat on. Beside it runs a bare loop with one workspace
    and a platform of its own: how late its beats are tells how late the machine lets any process be."""
    with ExitStack() as running:
        platform = running.enter_context(bench.platform())
        other_platform = running.enter_context(bench.platform())
        process = running.enter_context(bench.supervisor(platform, workspaces, interval))
        first = platform.first_beat_of(process)
        start_cpu = process.cpu_ns() / 1e6
        running.enter_context(bench.bare_loop(other_platform, 1, CONTROL_INTERVAL))
        # CPU from when all have begun.
        time.sleep(interval)
        begin, cpu = time.monotonic_ns(), process.cpu_ns()
        time.sleep(max(0.0, seconds - interval))
        end, cpu = time.monotonic_ns(), process.cpu_ns() - cpu
        process.check()
        memory = process.resident_kib()
        seen = platform.arrivals(process.started, end)
        control = list(_lateness_ms(other_platform.arrivals(), CONTROL_INTERVAL).values())
    beats = beats_of_each(seen)
    late = _lateness_ms(seen, interval)
    step = round(interval * 1e9)
    # One that never came should have come by the end of the first interval.
    lost = sum(
        missing(beats[number], step, end) if number in beats else 1 + missing([first + step], step, end)
        for number in range(workspaces))
    name = f"{workspaces:,} workspaces at {interval:g} s"
    done = max(1.0, cycles(arrival for arrival in seen if arrival.nanoseconds >= begin))

    def within(key: str, title: str, share: float, target: Optional[float], since: int = 0) -> Row:
        values = [value for arrival, value in late.items() if arrival.nanoseconds >= since]
        return Row(key, title, quantile(values, share), "ms", f"{len(values):,} beats", target=target,
                   limit=quantile(control, share))

    return [
        Row("scale-missed", f"{name}: beats missed", lost, "", f"{len(late):,} beats", target=0,
            details={"late_p99_ms_by_10_s": _by_time(late, first, 10)}),
        within("scale-p50", "  half of the beats within", 0.5, None),
        within("scale-p99", "  99 % of the beats within", 0.99, 10),
        within("scale-p99-later", "  99 % of those after the first interval within", 0.99, None, first + step),
        within("scale-max", "  all beats within", 1, 250),
        Row("scale-cpu", "  CPU of a cycle", cpu / 1e3 / done, "µs", f"over {(end - begin) / 1e9:.0f} s"),
        Row("scale-memory", "  resident memory", memory / 1024, "MiB", "VmRSS"),
        Row("scale-start", "  start to first beat", (first - process.started) / 1e6, "ms", "one start"),
        Row("scale-start-cpu", "  CPU until then", start_cpu, "ms", "one start"),
    ]


def _lateness_ms(seen: List[Arrival], interval: float) -> Dict[Arrival, float]:
    """How late each beat was, against its workspace's own phase."""
    late = {}
    for workspace, times in beats_of_each(seen).items():
        for at, nanoseconds in zip(times, lateness(times, round(interval * 1e9))):
            late[Arrival(at, workspace, BEAT)] = nanoseconds / 1e6
    return late


def _by_time(late: Dict[Arrival, float], first: int, seconds: int) -> List[float]:
    """The 99th percentile of each stretch of time."""
    stretches: Dict[int, List[float]] = defaultdict(list)
    for arrival, value in late.items():
        stretches[(arrival.nanoseconds - first) // (seconds * 10**9)].append(value)
    return [quantile(values, 0.99) for _, values in sorted(stretches.items())]

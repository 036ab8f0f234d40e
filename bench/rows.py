"""What one process costs: CPU, memory, wake-ups and its start. Each function measures and says what it found."""

from __future__ import annotations

import statistics
import time
from typing import Dict, List, Optional

from arrivals import cycles, lateness_ms, quantile
from plan import Plan, Row, say
from processes import Bench, Platform, Process

SETTLE = 0.5  # seconds from the first beat until a start is over


def steady(process: Process, platform: Platform, workspaces: int, interval: float, seconds: float) -> Dict[str, float]:
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
    late = list(lateness_ms(seen, interval).values())
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
                ours = steady(process, platform, workspaces, interval, plan.seconds)
            with bench.bare_loop(platform, workspaces, interval) as process:
                bare = steady(process, platform, workspaces, interval, plan.seconds)
            fair = all(one["cycles"] > 0.9 * one["expected_cycles"] for one in (ours, bare))
            (pairs if fair else busy).append({"supervisor": ours, "bare": bare})
            say(f"round {len(pairs)} of {plan.rounds}: {ours['cpu_us']:.0f} µs a cycle, "
                f"bare loop {bare['cpu_us']:.0f} µs"
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


def started(process: Process, platform: Platform) -> Dict[str, float]:
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
                    starts.append(started(process, platform))
                    time.sleep(SETTLE)
                    memory = process.resident_kib()
                if scheme == "http":
                    with bench.bare_loop(platform, 1, 30) as process:
                        bare.append(started(process, platform))

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

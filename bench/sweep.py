"""What it costs at several numbers of workspaces, one run for each: the figures that bench/plot.py draws."""

from __future__ import annotations

import resource
import time
from typing import List, Optional

from arrivals import cycles
from plan import Row, say
from processes import Bench
from scale import Load, Observed, observe, within

LEAST_CYCLES = 4  # that the CPU of a cycle is told by


def load_of(workspaces: int, interval: float, duration: Optional[float]) -> Load:
    """Watched for `duration` from the first beat on, and longer where there would be too few cycles."""
    seconds = (duration or 3 * interval + 1) - interval
    return Load(workspaces, interval, max(seconds, LEAST_CYCLES * interval / workspaces, 0.0))


def bare_cpu_us(bench: Bench, load: Load) -> Optional[float]:
    """CPU of a cycle of the bare loop with as many workspaces. Nothing where descriptors do not suffice: it keeps a
    connection for each."""
    if load.workspaces + 100 > resource.getrlimit(resource.RLIMIT_NOFILE)[1]:
        return None
    with bench.platform() as platform, bench.bare_loop(platform, load.workspaces, load.interval) as process:
        platform.first_beat_of(process)
        time.sleep(load.interval)
        begin, cpu = time.monotonic_ns(), process.cpu_ns()
        time.sleep(load.seconds)
        end, cpu = time.monotonic_ns(), process.cpu_ns() - cpu
        process.check()
        return cpu / 1e3 / max(1.0, cycles(platform.arrivals(begin, end)))


def _rows_of(run: Observed, bare: Optional[float]) -> List[Row]:
    number = run.load.workspaces

    def row(what: str, title: str, measured: float, unit: str, how: str, target: Optional[float] = None) -> Row:
        return Row(f"sweep-{what}-{number}", title, measured, unit, how, target=target)

    cpu = row("cpu", "  CPU of a cycle", run.cpu_us, "µs", f"over {run.seconds():.0f} s, one run of each")
    cpu.limit = bare
    cpu.ratio = run.cpu_us / bare if bare else None
    return [
        row("missed", f"{run.load.name()}: beats missed", run.missed, "", f"{len(run.late):,} beats", 0),
        within(run, f"sweep-p50-{number}", "  half of the beats within", 0.5, None),
        within(run, f"sweep-p99-{number}", "  99 % of the beats within", 0.99, 10),
        within(run, f"sweep-later-{number}", "  99 % of those after the first interval within", 0.99, None,
               run.begin_ns),
        within(run, f"sweep-max-{number}", "  all beats within", 1, 250),
        cpu,
        row("resident", "  resident memory", run.resident_mib, "MiB", "VmRSS"),
        row("proportional", "  its share of what is shared", run.proportional_mib, "MiB", "PSS"),
        row("start", "  start to first beat", run.start_ms, "ms", "one start"),
        row("startcpu", "  CPU until then", run.start_cpu_ms, "ms", "one start"),
    ]


def sweep_rows(bench: Bench, numbers: List[int], interval: float, duration: Optional[float]) -> List[Row]:
    rows = []
    for number in numbers:
        load = load_of(number, interval, duration)
        say(f"{load.name()}: {load.interval + load.seconds:.0f} s each of the supervisor and of the bare loop")
        run = observe(bench, load)
        rows += _rows_of(run, bare_cpu_us(bench, load))
    return rows

#!/usr/bin/env python3
"""How many workspaces one process carries on this machine: more and more of them at the same interval, until beats come
late or not at all, and what was used up when they did. docs/performance.md says how to read it."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from typing import Any, Dict, List

from arrivals import quantile
from bench import add_programs, check_programs, described_machine, take_precedence
from plan import say
from processes import Bench
from scale import Load, Observed, observe
from table import aligned, number

STEPS = "10000,20000,40000,80000,160000"
LATE = 50.0  # ms that 99 % of the beats may be late at most
AT_ITS_END = 0.95  # of a core, of the descriptors: as good as all


def step_of(run: Observed) -> Dict[str, Any]:
    """The figures of one number of workspaces."""
    busiest = max(run.threads, key=lambda name: run.threads[name])
    late = run.late_since(run.begin_ns)
    return {
        "workspaces": run.load.workspaces,
        "missed": run.missed,
        "late_p50_ms": quantile(late, 0.5),
        "late_p99_ms": quantile(late, 0.99),
        "late_max_ms": quantile(late, 1),
        "bare_p99_ms": quantile(run.control, 0.99),
        "start_p99_ms": quantile(list(run.late.values()), 0.99),
        "loop_share": run.threads[busiest],
        "process_share": run.process_share,
        "platform_share": run.platform_share,
        "machine_share": run.machine_share,
        "resident_mib": run.resident_mib,
        "proportional_mib": run.proportional_mib,
        "descriptors": run.descriptors,
        "platform_descriptors": run.platform_descriptors,
        "cpu_us": run.cpu_us,
        "start_ms": run.start_ms,
        "threads": run.threads,
    }


def ends(step: Dict[str, Any], descriptors: int) -> List[str]:
    """What is used up, or shows that the number is too high."""
    found = []
    if step["missed"] > 0:
        found.append(f"{step['missed']:,} beats missed")
    if step["late_p99_ms"] > LATE:
        found.append(f"99 % of beats within {step['late_p99_ms']:.0f} ms")
    for share, what in (("loop_share", "the loop's thread"), ("platform_share", "the platform")):
        if step[share] > AT_ITS_END:
            found.append(f"{what} has no CPU left")
    for count, what in (("descriptors", "the supervisor"), ("platform_descriptors", "the platform")):
        if step[count] > AT_ITS_END * descriptors:
            found.append(f"{what} has no descriptors left")
    return found


def steps_as_table(steps: List[Dict[str, Any]]) -> str:
    lines = [["workspaces", "missed", "p50 ms", "p99 ms", "max ms", "bare p99", "p99 with start", "first beat ms",
              "loop", "process", "platform", "machine", "VmRSS MiB", "PSS MiB", "descriptors", "µs a cycle"]]
    for step in steps:
        shares = [f"{step[name] * 100:.0f} %"
                  for name in ("loop_share", "process_share", "platform_share", "machine_share")]
        lines.append([number(float(step["workspaces"])), number(step["missed"]),
                      *(number(step[name]) for name in ("late_p50_ms", "late_p99_ms", "late_max_ms", "bare_p99_ms",
                                                          "start_p99_ms", "start_ms")),
                      *shares, number(step["resident_mib"]), number(step["proportional_mib"]),
                      number(float(step["descriptors"])), number(step["cpu_us"])])
    return aligned(lines, left=())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_programs(parser)
    parser.add_argument("--steps", default=STEPS, metavar="N[,N]", help=f"default {STEPS}")
    parser.add_argument("--interval", type=float, default=30, metavar="SECONDS", help="default 30")
    parser.add_argument("--intervals", type=float, default=2, metavar="N",
                        help="how many are watched once all have begun; default 2")
    options = parser.parse_args()
    check_programs(parser, options)
    return options


def main() -> int:
    options = parse()
    machine = described_machine(take_precedence())
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    steps: List[Dict[str, Any]] = []
    reasons: List[str] = []
    with Bench(options.supervisor, options.tools) as bench:
        for workspaces in map(int, options.steps.split(",")):
            say(f"{workspaces:,} workspaces: {options.interval * (1 + options.intervals):.0f} s")
            run = observe(bench, Load(workspaces, options.interval, options.interval * options.intervals))
            steps.append(step_of(run))
            reasons = ends(steps[-1], descriptors)
            if reasons:
                break
    print(steps_as_table(steps))
    last = f"{steps[-1]['workspaces']:,} workspaces"
    print(f"\n{last}: {'; '.join(reasons)}" if reasons else f"\n{last}: no end yet")
    if options.json:
        options.json.write_text(json.dumps(
            {"supervisor": str(options.supervisor), "machine": machine, "descriptor_limit": descriptors,
             "steps": steps, "ends": reasons}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

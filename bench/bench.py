#!/usr/bin/env python3
"""What the supervisor costs, measured from outside on the built binary: docs/performance.md says how to read it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import List

import rows
from processes import Bench

GROUPS = {
    "cycle": rows.cycle_rows,
    "bulk": rows.bulk_rows,
    "idle": rows.idle_rows,
    "memory": rows.memory_rows,
    "start": rows.start_rows,
    "scale": lambda bench, plan: (
        rows.scale_rows(bench, plan.scale, plan.scale_interval, plan.scale_seconds) if plan.scale else []),
}


def number(value: float, unit: str = "") -> str:
    digits = 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:,.{digits}f} {unit}".strip()


def cells(row: rows.Row) -> List[str]:
    target = ratio = ""
    measured = number(row.measured, row.unit)
    if row.limit is not None:
        measured += f" (bare loop {number(row.limit)})"
    if row.ratio is not None:
        target, ratio = f"{row.target:g} × bare loop", f"{row.ratio:.2f}"
    elif row.target is not None:
        target = number(row.target, row.unit)
        ratio = f"{row.measured / row.target:.2f}" if row.target else ""
    verdict = {True: "ok", False: "missed", None: ""}[row.is_met()]
    return [row.title, target, measured, ratio, row.how, verdict]


def table(found: List[rows.Row]) -> str:
    lines = [["", "target, at most", "measured", "ratio", "how", ""], *map(cells, found)]
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    align = [str.ljust, str.rjust, str.rjust, str.rjust, str.ljust, str.ljust]
    text = ["  ".join(align[c](cell, widths[c]) for c, cell in enumerate(line)).rstrip() for line in lines]
    text.insert(1, "-" * (sum(widths) + 10))
    return "\n".join(text)


def parse() -> argparse.Namespace:
    build = Path(__file__).resolve().parent.parent / "build"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--supervisor", type=Path, default=build / "workspace-supervisor", metavar="PATH",
                        help="the binary that is measured, also another version's")
    parser.add_argument("--tools", type=Path, default=build, metavar="DIR",
                        help="where bench-platform and bare-loop are")
    parser.add_argument("--quick", action="store_true", help="about a minute and a half, in place of about six")
    parser.add_argument("--smoke", action="store_true", help="a few seconds: that it works, not what it costs")
    parser.add_argument("--only", metavar="GROUP[,GROUP]", help="some of: " + " ".join(GROUPS))
    parser.add_argument("--workspaces", type=int, metavar="N", help="one run with 1 to 10,000 workspaces, instead")
    parser.add_argument("--interval", type=float, default=30, metavar="SECONDS", help="of that run; default 30")
    parser.add_argument("--duration", type=float, metavar="SECONDS",
                        help="of that run, from its first beat on; default three intervals and a second")
    parser.add_argument("--json", type=Path, metavar="PATH", help="writes the result there too")
    options = parser.parse_args()
    options.groups = options.only.split(",") if options.only else list(GROUPS)
    for group in options.groups:
        if group not in GROUPS:
            parser.error(f"no group {group}: there are {' '.join(GROUPS)}")
    if options.workspaces is not None and not 1 <= options.workspaces <= 10000:
        parser.error("--workspaces: 1 to 10000")
    for program in (options.supervisor, options.tools / "bench-platform", options.tools / "bare-loop"):
        if not program.exists():
            parser.error(f"{program} is not there: make bench builds it")
    return options


def take_precedence() -> int:
    """Puts what is measured, and the platform, before what else a shared machine does, where that is allowed. Returns
    the niceness."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    except PermissionError:
        pass
    return os.getpriority(os.PRIO_PROCESS, 0)


def main() -> int:
    options = parse()
    plan = rows.SMOKE if options.smoke else rows.QUICK if options.quick else rows.Plan()
    began = time.monotonic()
    nice = take_precedence()
    machine = {"cpus": os.cpu_count(), "kernel": os.uname().release, "load": os.getloadavg()[0], "nice": nice}
    found: List[rows.Row] = []
    with Bench(options.supervisor, options.tools) as bench:
        if options.workspaces:
            duration = options.duration or 3 * options.interval + 1
            found = rows.scale_rows(bench, options.workspaces, options.interval, duration)
        else:
            for group in options.groups:
                rows.say(f"[{time.monotonic() - began:3.0f} s] {group}")
                found += GROUPS[group](bench, plan)
    print(f"{options.supervisor}, {machine['cpus']} cores, load {machine['load']:.1f} at the start, nice {nice}, "
          f"{time.monotonic() - began:.0f} s\n")
    print(table(found))
    print("\nratio: of CPU to the bare loop of the same run; else to the target")
    if options.json:
        described = [{**asdict(row), "met": row.is_met()} for row in found]
        options.json.write_text(json.dumps(
            {"supervisor": str(options.supervisor), "machine": machine, "rows": described}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

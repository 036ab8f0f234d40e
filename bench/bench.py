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
from typing import Any, Dict, List

import plan as plans
import rows
from crash import crash_rows
from processes import Bench
from reference import reference_rows
from scale import scale_rows
from stress import stress_rows
from sweep import sweep_rows
from table import table

GROUPS = {
    "cycle": rows.cycle_rows,
    "bulk": rows.bulk_rows,
    "idle": rows.idle_rows,
    "memory": rows.memory_rows,
    "start": rows.start_rows,
    "crash": crash_rows,
    "scale": scale_rows,
    "stress": stress_rows,
    "reference": reference_rows,
}
MOST = 50000  # workspaces of a run


def add_programs(parser: argparse.ArgumentParser) -> None:
    """What every tool that measures is told: the programs, and where the result goes."""
    build = Path(__file__).resolve().parent.parent / "build"
    parser.add_argument("--supervisor", type=Path, default=build / "workspace-supervisor", metavar="PATH",
                        help="the binary that is measured, also another version's")
    parser.add_argument("--tools", type=Path, default=build, metavar="DIR",
                        help="where bench-platform and bare-loop are")
    parser.add_argument("--json", type=Path, metavar="PATH", help="writes the result there too")


def check_programs(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    for program in (options.supervisor, options.tools / "bench-platform", options.tools / "bare-loop"):
        if not program.exists():
            parser.error(f"{program} is not there: make bench builds it")


def numbers(text: str) -> List[int]:
    found = [int(part) for part in text.split(",")]
    if not all(1 <= number <= MOST for number in found):
        raise argparse.ArgumentTypeError(f"1 to {MOST}")
    return found


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add_programs(parser)
    parser.add_argument("--quick", action="store_true", help="about five minutes, in place of about twenty")
    parser.add_argument("--smoke", action="store_true", help="about a minute: that it works, not what it costs")
    parser.add_argument("--only", metavar="GROUP[,GROUP]", help="some of: " + " ".join(GROUPS))
    parser.add_argument("--workspaces", type=numbers, metavar="N[,N]",
                        help=f"in place of the groups, a run for each of these numbers, 1 to {MOST}")
    parser.add_argument("--interval", type=float, default=30, metavar="SECONDS", help="of those runs; default 30")
    parser.add_argument("--duration", type=float, metavar="SECONDS",
                        help="of each of them, from its first beat on; default three intervals and a second")
    options = parser.parse_args()
    options.groups = options.only.split(",") if options.only else list(GROUPS)
    for group in options.groups:
        if group not in GROUPS:
            parser.error(f"no group {group}: there are {' '.join(GROUPS)}")
    check_programs(parser, options)
    return options


def take_precedence() -> int:
    """Puts what is measured, and the platform, before what else a shared machine does, where that is allowed. Returns
    the niceness."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    except PermissionError:
        pass
    return os.getpriority(os.PRIO_PROCESS, 0)


def described_machine(nice: int) -> Dict[str, Any]:
    return {"cpus": os.cpu_count(), "kernel": os.uname().release, "load": os.getloadavg()[0], "nice": nice}


def measure(options: argparse.Namespace) -> List[plans.Row]:
    plan = plans.SMOKE if options.smoke else plans.QUICK if options.quick else plans.Plan()
    began = time.monotonic()
    found: List[plans.Row] = []
    with Bench(options.supervisor, options.tools) as bench:
        if options.workspaces:
            return sweep_rows(bench, options.workspaces, options.interval, options.duration)
        for group in options.groups:
            plans.say(f"[{time.monotonic() - began:3.0f} s] {group}")
            found += GROUPS[group](bench, plan)
    return found


def main() -> int:
    options = parse()
    began = time.monotonic()
    machine = described_machine(take_precedence())
    found = measure(options)
    print(f"{options.supervisor}, {machine['cpus']} cores, load {machine['load']:.1f} at the start, nice "
          f"{machine['nice']}, {time.monotonic() - began:.0f} s\n")
    print(table(found))
    print("\nratio: of CPU to the bare loop of the same run; else to the target")
    if options.json:
        described = [{**asdict(row), "met": row.is_met()} for row in found]
        options.json.write_text(json.dumps(
            {"supervisor": str(options.supervisor), "machine": machine, "rows": described}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

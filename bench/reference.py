"""What the supervisor stands in the place of, a loop in Python (bench/python_loop.py), and the supervisor beside it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional

from arrivals import BEAT, longest_gap
from plan import Plan, Row, say
from processes import TOKEN, Bench, Platform, Process
from rows import started, steady

LOOP = Path(__file__).resolve().with_name("python_loop.py")
PAUSE_INTERVAL = 1.0  # seconds; of the runs whose self-messages take long


def python_with_httpx() -> Optional[str]:
    """This interpreter, or the system's, whose packages are Debian's."""
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            if subprocess.run([python, "-c", "import httpx"], capture_output=True, check=False).returncode == 0:
                return python
        except FileNotFoundError:
            pass
    return None


class Reference:
    """Both programs, by the same name of what is run."""

    def __init__(self, bench: Bench, python: str) -> None:
        self._bench = bench
        self._python = python

    def run(self, who: str, platform: Platform, workspaces: int, interval: float, message: float = 120) -> Process:
        if who == "python":
            return Process([self._python, str(LOOP), platform.url, str(workspaces), str(interval), str(message), TOKEN,
                            str(self._bench.folder)], self._bench.folder)
        settings = (f"notifier.timeout = {round(message * 1000)}ms", "notifier.cooldown = 1s")
        return self._bench.supervisor(platform, workspaces, interval, settings, fresh=True)


def _pair(key: str, title: str, found: Dict[str, float], unit: str, how: str, compare: bool = True) -> List[Row]:
    python, ours = found["python"], found["supervisor"]
    times = f"{ours / python:.2f} of it" if compare and python > 0 else how
    return [Row(f"python-{key}", f"Python loop: {title}", python, unit, how),
            Row(f"python-{key}-ours", "  the supervisor", ours, unit, times)]


def _cpu(reference: Reference, bench: Bench, plan: Plan, workspaces: int, interval: float) -> Dict[str, float]:
    """Of a cycle, in µs: the medians of rounds in turn."""
    rounds: Dict[str, List[float]] = {"python": [], "supervisor": []}
    with bench.platform() as platform:
        for _ in range(plan.reference_rounds):
            for who, figures in rounds.items():
                with reference.run(who, platform, workspaces, interval) as process:
                    figures.append(steady(process, platform, workspaces, interval, plan.seconds)["cpu_us"])
    return {who: statistics.median(figures) for who, figures in rounds.items()}


def _memory(reference: Reference, bench: Bench, plan: Plan, workspaces: int) -> Dict[str, float]:
    """Resident, in KiB, when each workspace has beaten and polled."""
    found = {}
    for who in ("python", "supervisor"):
        with bench.platform() as platform, reference.run(who, platform, workspaces, plan.memory_interval) as process:
            platform.first_beat_of(process)
            time.sleep(2 + plan.memory_interval * 1.2)
            process.check()
            found[who] = float(process.resident_kib())
    return found


def _start(reference: Reference, bench: Bench, plan: Plan) -> Dict[str, float]:
    """Until the first beat, in ms."""
    starts: Dict[str, List[float]] = {"python": [], "supervisor": []}
    with bench.platform() as platform:
        for _ in range(plan.starts):
            for who, figures in starts.items():
                with reference.run(who, platform, 1, 30) as process:
                    figures.append(started(process, platform)["ms"])
    return {who: statistics.median(figures) for who, figures in starts.items()}


def _pause(reference: Reference, bench: Bench, plan: Plan) -> Dict[str, float]:
    """The longest time between two beats, in s, while a self-message takes long and results keep coming."""
    found = {}
    for who in ("python", "supervisor"):
        with bench.platform("--rows=1", "--new-rows", "--hang-messages") as platform:
            with reference.run(who, platform, 1, PAUSE_INTERVAL, plan.reference_message) as process:
                platform.first_beat_of(process)
                # Two messages whole, whichever result is the first that is news.
                time.sleep(2 * (plan.reference_message + 2 * PAUSE_INTERVAL) + 1)
                process.check()
                beats = [arrival.nanoseconds for arrival in platform.arrivals() if arrival.kind == BEAT]
                found[who] = longest_gap([*beats, time.monotonic_ns()]) / 1e9
    return found


def reference_rows(bench: Bench, plan: Plan) -> List[Row]:
    python = python_with_httpx()
    if python is None:
        say("left out: there is no httpx for Python (Debian: python3-httpx)")
        return []
    reference = Reference(bench, python)
    many = plan.reference
    rows = _pair("cpu-one", "CPU of a cycle, 1 workspace, 10 cycles a second", _cpu(reference, bench, plan, 1, 0.1),
                 "µs", f"median of {plan.reference_rounds}")
    rows += _pair("cpu-many", f"CPU of a cycle, {many} workspaces, {many} cycles a second",
                  _cpu(reference, bench, plan, many, 1.0), "µs", f"median of {plan.reference_rounds}")
    one, more = _memory(reference, bench, plan, 1), _memory(reference, bench, plan, many + 1)
    rows += _pair("memory", "resident memory, one workspace",
                  {who: kib / 1024 for who, kib in one.items()}, "MiB", "VmRSS")
    rows += _pair("memory-further", "resident memory, each further workspace",
                  {who: (more[who] - one[who]) / many for who in one}, "KiB", f"{many + 1} less 1")
    rows += _pair("start", "start to first beat, http", _start(reference, bench, plan), "ms",
                  f"median of {plan.starts}")
    rows += _pair("pause", f"longest time between beats, every {PAUSE_INTERVAL:g} s, self-messages that take "
                  f"{plan.reference_message:g} s", _pause(reference, bench, plan), "s", "arrivals", compare=False)
    return rows

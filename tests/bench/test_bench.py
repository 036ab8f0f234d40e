"""The benchmark measures: very short rounds on what is built here, sanitizers included. Whether the targets are met is
not asked: these figures mean nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SUPERVISOR_BUILD") or ROOT / "build-debug")

sys.path.insert(0, str(ROOT / "bench"))

from reference import python_with_httpx  # noqa: E402

# What each row may be in its unit: far from any target, near enough to find a figure of another unit or of nothing.
COST = {
    "cpu-one": (10, 1e5),
    "switches-one": (0.1, 1000),
    "done-one": (1, 200),
    "cpu-bulk": (10, 1e5),
    "switches-bulk": (0.001, 1000),
    "done-bulk": (1, 200),
    "late-bulk": (0, 1000),
    "idle-wakes": (0, 1000),
    "idle-cpu": (0, 100),
    "memory-http": (1, 2000),
    "memory-further": (-10000, 10000),
    "start-http": (1, 60000),
    "start-cpu-http": (1, 60000),
    "start-https": (1, 60000),
    "start-cpu-https": (1, 60000),
    "memory-https": (1, 2000),
}
CRASH = {
    "crash-median": (0, 10000),
    "crash-max": (0, 60000),
    "crash-told-median": (0.01, 10000),
    "crash-told-max": (0.01, 60000),
}
SCALE = {
    "scale-missed": (0, 1000),
    "scale-p50": (0, 1000),
    "scale-p99": (0, 1000),
    "scale-p99-later": (0, 1000),
    "scale-max": (0, 1000),
    "scale-cpu": (10, 1e5),
    "scale-memory": (1, 4000),
    "scale-start": (1, 60000),
    "scale-start-cpu": (1, 60000),
}
STRESS = {
    f"stress-{stress}-{what}": bounds
    for stress in ("hang", "lists-50", "lists-5000", "crash", "stats")
    for what, bounds in {"p99": (0, 1000), "max": (0, 1000), "missed": (0, 1000), "cpu": (0.01, 400)}.items()
}
OUTAGE = {
    "outage-rate-1": (0, 100),
    "outage-rate-5": (0, 100),
    "outage-beats-1": (0, 100),
    "outage-heard": (0.001, 60),
    "outage-missed": (0, 1000),
}
REFERENCE = {
    f"python-{what}{whose}": bounds
    for whose in ("", "-ours")
    for what, bounds in {"cpu-one": (10, 1e6), "cpu-many": (10, 1e6), "memory": (1, 2000),
                         "memory-further": (-50000, 50000), "start": (1, 60000), "pause": (0.5, 60)}.items()
}
SWEEP = {
    "missed": (0, 1000), "p50": (0, 1000), "p99": (0, 1000), "later": (0, 1000), "max": (0, 1000), "cpu": (10, 1e5),
    "resident": (1, 4000), "proportional": (1, 4000), "start": (1, 60000), "startcpu": (1, 60000),
}


def run(script: str, *options: str) -> str:
    """What it prints."""
    done = subprocess.run(
        [sys.executable, "-B", str(ROOT / "bench" / script), *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def programs(result: Path) -> list:
    return [f"--supervisor={BUILD / 'workspace-supervisor'}", f"--tools={BUILD}", f"--json={result}"]


def measured(folder: Path, *options: str) -> dict:
    """The rows by their keys."""
    result = folder / "result.json"
    printed = run("bench.py", *programs(result), *options)
    rows = json.loads(result.read_text())["rows"]
    for row in rows:
        assert row["title"] in printed
    return {row["key"]: row for row in rows}


def check(rows: dict, plausible: dict) -> None:
    assert rows.keys() == plausible.keys()
    for key, (least, most) in plausible.items():
        assert least <= rows[key]["measured"] <= most, rows[key]


def test_what_one_process_costs(tmp_path):
    rows = measured(tmp_path, "--smoke", "--only=cycle,bulk,idle,memory,start")
    check(rows, COST)
    for key in ("cpu-one", "cpu-bulk"):
        assert 0.1 < rows[key]["ratio"] < 1000, rows[key]


def test_crashes_and_many_workspaces(tmp_path):
    check(measured(tmp_path, "--smoke", "--only=crash,scale"), {**CRASH, **SCALE})


def test_stress_and_an_outage(tmp_path):
    rows = measured(tmp_path, "--smoke", "--only=stress")
    check(rows, {**STRESS, **OUTAGE})
    # That there was what is to be stood: messages of which one or the other hung, crashes, statistics.
    assert not rows["stress-hang-p99"]["details"]["how"].startswith("0 messages")
    assert not rows["stress-crash-p99"]["details"]["how"].startswith("0 crashes")
    assert not rows["stress-stats-p99"]["details"]["how"].startswith("0 times")


@pytest.mark.skipif(python_with_httpx() is None, reason="python3-httpx is not installed")
def test_the_loop_in_python(tmp_path):
    rows = measured(tmp_path, "--smoke", "--only=reference")
    check(rows, REFERENCE)
    # A self-message of a second: one program's beats wait for it.
    assert rows["python-pause"]["measured"] >= 1.5, rows["python-pause"]


def test_a_run_for_each_number_of_workspaces_and_their_plot(tmp_path):
    rows = measured(tmp_path, "--workspaces=3,20", "--interval=0.3", "--duration=1")
    check(rows, {f"sweep-{what}-{number}": bounds for number in (3, 20) for what, bounds in SWEEP.items()})
    assert rows["sweep-missed-3"]["title"].startswith("3 workspaces at 0.3 s")
    assert rows["sweep-cpu-20"]["limit"] > 0
    run("plot.py", str(tmp_path / "result.json"), str(tmp_path / "plot.svg"))
    assert "bare loop" in (tmp_path / "plot.svg").read_text()


def test_the_search_for_the_limit(tmp_path):
    result = tmp_path / "result.json"
    printed = run("limit.py", *programs(result), "--steps=2,60", "--interval=0.5")
    steps = json.loads(result.read_text())["steps"]
    # It ends where beats come late, which they may do here.
    assert [step["workspaces"] for step in steps] in ([2, 60], [2])
    for step in steps:
        assert f"{step['workspaces']}" in printed
        # They are read one after the other, and much may be done in between.
        assert 0 < step["loop_share"] <= step["process_share"] * 3 < 30
        assert step["proportional_mib"] > 1 and step["descriptors"] > 3

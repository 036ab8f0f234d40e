"""The benchmark measures: very short rounds on what is built here, sanitizers included. Whether the targets are met is
not asked: these figures mean nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("SUPERVISOR_BUILD") or ROOT / "build-debug")

# What each row may be in its unit: far from any target, near enough to find a figure of another unit or of nothing.
PLAUSIBLE = {
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


def measured(folder: Path, *options: str) -> dict:
    """The rows by their keys."""
    result = folder / "result.json"
    done = subprocess.run(
        [sys.executable, "-B", str(ROOT / "bench" / "bench.py"), f"--supervisor={BUILD / 'workspace-supervisor'}",
         f"--tools={BUILD}", f"--json={result}", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(result.read_text())["rows"]
    for row in rows:
        assert row["title"] in done.stdout
    return {row["key"]: row for row in rows}


def test_every_row_comes_out_with_a_plausible_figure(tmp_path):
    rows = measured(tmp_path, "--smoke")
    assert rows.keys() == PLAUSIBLE.keys()
    for key, (least, most) in PLAUSIBLE.items():
        assert least <= rows[key]["measured"] <= most, rows[key]
    for key in ("cpu-one", "cpu-bulk"):
        assert 0.1 < rows[key]["ratio"] < 1000, rows[key]


def test_one_run_of_a_scale_of_ones_own(tmp_path):
    rows = measured(tmp_path, "--workspaces=3", "--interval=0.3", "--duration=1")
    assert rows.keys() == {key for key in PLAUSIBLE if key.startswith("scale-")}
    assert rows["scale-missed"]["title"].startswith("3 workspaces at 0.3 s")

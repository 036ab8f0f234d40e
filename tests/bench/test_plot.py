"""The drawing of a sweep: its scales, and that what it makes is an image with everything in it."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

from plot import Scale, apart, decades, draw, series_of, short, steps  # noqa: E402

MACHINE = {"cpus": 2}


def rows_of(workspaces: int) -> list:
    def row(what: str, measured: float, limit=None) -> dict:
        return {"key": f"sweep-{what}-{workspaces}", "title": f"{workspaces} workspaces at 30 s: beats missed",
                "measured": measured, "limit": limit}

    return [row("missed", 0), row("cpu", 200, 150), row("p50", 0.0), row("p99", 2), row("max", 600),
            row("resident", 12), row("proportional", 9)]


def test_a_straight_scale_has_its_middle_in_the_middle():
    scale = Scale(0, 10, 100, 300)
    assert [scale.place(value) for value in (0, 5, 10)] == [100, 200, 300]


def test_a_logarithmic_scale_has_every_decade_as_wide():
    scale = Scale(1, 10000, 0, 400, log=True)
    assert [round(scale.place(value), 6) for value in (1, 10, 100, 10000)] == [0, 100, 200, 400]


def test_what_is_off_a_scale_stands_at_its_end():
    scale = Scale(0.01, 100, 0, 400, log=True)
    assert (scale.place(0), scale.place(1000)) == (0, 400)


def test_ticks_are_round_and_reach_the_highest_value():
    assert steps(443) == [0, 100, 200, 300, 400, 500]
    assert steps(500) == [0, 100, 200, 300, 400, 500]
    assert steps(7) == [0, 2, 4, 6, 8]


def test_decades_hold_all_values_and_there_are_two_at_least():
    assert decades([0.2, 645]) == [0.1, 1, 10, 100, 1000]
    assert decades([0, 5]) == [0.01, 0.1, 1, 10]
    assert decades([10, 10]) == [10, 100]


def test_labels_that_would_touch_are_left_out():
    scale = Scale(1, 10000, 0, 400, log=True)
    assert apart([1, 10, 8000, 10000], scale) == [10000, 10, 1]


def test_numbers_are_short():
    assert [short(value) for value in (0, 0.01, 10, 10000)] == ["0", "0.01", "10", "10,000"]


def test_a_series_is_ordered_by_the_number_of_workspaces():
    rows = rows_of(1000) + rows_of(1) + [{"key": "cpu-one", "measured": 5}]
    assert series_of(rows, "cpu", "supervisor", "blue").points == [(1, 200), (1000, 200)]
    assert series_of(rows, "cpu", "bare loop", "grey", "limit").points == [(1, 150), (1000, 150)]


def test_where_the_bare_loop_did_not_run_it_is_not_drawn():
    rows = [{**row, "limit": None} for row in rows_of(20000)]
    assert series_of(rows, "cpu", "bare loop", "grey", "limit").points == []


def test_the_image_is_well_formed_and_says_what_it_shows():
    image = draw({"rows": rows_of(1) + rows_of(10000), "machine": MACHINE})
    texts = [element.text for element in xml.etree.ElementTree.fromstring(image).iter() if element.tag.endswith("text")]
    for wanted in ("10,000", "supervisor", "bare loop", "99 %: at most 10 ms", "all: at most 250 ms",
                   "a beat and a poll every 30 s each, 2 cores"):
        assert wanted in texts


def test_a_result_without_a_sweep_is_refused():
    with pytest.raises(SystemExit):
        draw({"rows": [{"key": "cpu-one", "measured": 5}], "machine": MACHINE})


def test_it_is_run_on_a_result_and_writes_the_image(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps({"rows": rows_of(10), "machine": MACHINE}))
    subprocess.run([sys.executable, "-B", BENCH / "plot.py", tmp_path / "result.json", tmp_path / "out.svg"],
                   check=True)
    assert (tmp_path / "out.svg").read_text().startswith("<svg")

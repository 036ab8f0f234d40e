#!/usr/bin/env python3
"""Draws the result of `bench.py --workspaces N,N,... --json=RESULT` as an SVG: what a cycle costs, how late beats are
and what memory is taken, by the number of workspaces.

  plot.py RESULT.json OUT.svg
"""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

WIDTH, PANEL = 760, 270  # pixels; of all, and the height of each panel
LEFT, RIGHT, ABOVE, BELOW = 66, 24, 62, 46  # around what is drawn in a panel
HEAD = 58  # above the first panel
LABEL = 44  # the width of a number under an axis

# In a dark window the paper is dark.
STYLE = """
  .paper { fill: #ffffff } text { fill: #24292f; font: 12px system-ui, sans-serif }
  .title { font-size: 17px; font-weight: 600 } .panel { font-size: 14px; font-weight: 600 } .quiet { fill: #59636e }
  .grid { stroke: #e4e8ec } .axis { stroke: #8c959f } .target { stroke: #cf222e; stroke-dasharray: 6 4 }
  .target-text { fill: #cf222e } polyline { fill: none; stroke-width: 2 }
  .blue { stroke: #0969da } .grey { stroke: #818b98 } .green { stroke: #1a7f37 } .orange { stroke: #d4730a }
  circle { fill: #ffffff; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } text { fill: #e6edf3 } .quiet { fill: #9198a1 } .grid { stroke: #262c34 }
    .axis { stroke: #656c76 } .target { stroke: #f85149 } .target-text { fill: #f85149 } .blue { stroke: #58a6ff }
    .grey { stroke: #9198a1 } .green { stroke: #3fb950 } .orange { stroke: #e3964a } circle { fill: #0d1117 }
  }
"""


@dataclass
class Scale:
    """From values to pixels."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.begin + (value - low) / (high - low) * (self.end - self.begin)


@dataclass
class Series:
    name: str
    color: str
    points: List[Tuple[float, float]]  # number of workspaces, value


@dataclass
class Panel:
    title: str
    unit: str
    series: List[Series]
    log: bool = False
    targets: Dict[str, float] = field(default_factory=dict)  # lines that are not to be crossed, by their words

    def values(self) -> List[float]:
        return [value for one in self.series for _, value in one.points] + list(self.targets.values())


def steps(highest: float, wanted: int = 5) -> List[float]:
    """About so many round numbers from 0 to the first that is not below the highest value."""
    rough = max(highest, 1e-9) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    return [step * n for n in range(math.ceil(highest / step - 1e-9) + 1)]


def decades(values: Sequence[float], least: float = 0.01) -> List[float]:
    """The powers of ten around these values; what is below the least stands at the bottom."""
    low = math.floor(math.log10(max(min(values), least)))
    high = max(low + 1, math.ceil(math.log10(max(max(values), least))))
    return [10.0 ** power for power in range(low, high + 1)]


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 or value == 0 else f"{value:g}"


def apart(values: Sequence[float], scale: Scale) -> List[float]:
    """Those whose labels do not touch, from the highest down."""
    kept: List[float] = []
    for value in sorted(values, reverse=True):
        if not kept or scale.place(kept[-1]) - scale.place(value) >= LABEL:
            kept.append(value)
    return kept


def series_of(rows: List[Dict[str, Any]], what: str, name: str, color: str, field_name: str = "measured") -> Series:
    """What the rows of a sweep tell of one thing, by the number of workspaces."""
    points = []
    for row in rows:
        key = re.fullmatch(r"sweep-(\w+)-(\d+)", row["key"])
        if key and key[1] == what and row[field_name] is not None:
            points.append((float(key[2]), float(row[field_name])))
    return Series(name, color, sorted(points))


def panels_of(rows: List[Dict[str, Any]]) -> List[Panel]:
    return [
        Panel("CPU of a cycle (a beat and a poll)", "µs", [
            series_of(rows, "cpu", "supervisor", "blue"), series_of(rows, "cpu", "bare loop", "grey", "limit")]),
        Panel("How late beats come", "ms", [
            series_of(rows, "p50", "half of them within", "green"), series_of(rows, "p99", "99 % within", "blue"),
            series_of(rows, "max", "all within", "orange")],
            log=True, targets={"99 %: at most 10 ms": 10, "all: at most 250 ms": 250}),
        Panel("Memory of the process", "MiB", [
            series_of(rows, "resident", "resident (VmRSS)", "blue"),
            series_of(rows, "proportional", "proportional (PSS)", "green")], log=True),
    ]


def line(css: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{css}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def words(text: str, x: float, y: float, css: str = "", anchor: str = "start") -> str:
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def legend(series: Sequence[Series], y: float) -> List[str]:
    out, x = [], float(LEFT)
    for one in series:
        out += [line(one.color, x, y - 4, x + 22, y - 4).replace("/>", ' stroke-width="2"/>'),
                words(one.name, x + 28, y)]
        x += 28 + 6.6 * len(one.name) + 26
    return out


def draw_panel(panel: Panel, top: float, x: Scale, workspaces: Sequence[float]) -> List[str]:
    bottom, right = top + PANEL - BELOW, WIDTH - RIGHT
    ticks = decades(panel.values()) if panel.log else steps(max(panel.values(), default=1))
    y = Scale(ticks[0], ticks[-1], bottom, top + ABOVE, panel.log)
    out = [words(f"{panel.title}, {panel.unit}", LEFT, top + 20, "panel"), *legend(panel.series, top + 42)]
    for tick in ticks:
        out += [line("grid", LEFT, y.place(tick), right, y.place(tick)),
                words(short(tick), LEFT - 8, y.place(tick) + 4, "quiet", "end")]
    out += [line("axis", x.place(number), bottom, x.place(number), bottom + 5) for number in workspaces]
    out += [words(short(number), x.place(number), bottom + 19, "quiet", "middle") for number in apart(workspaces, x)]
    out += [line("axis", LEFT, bottom, right, bottom), words("workspaces", right, bottom + 36, "quiet", "end")]
    for text, value in panel.targets.items():
        out += [line("target", LEFT, y.place(value), right, y.place(value)),
                words(text, LEFT + 6, y.place(value) - 5, "target-text")]
    for one in panel.series:
        places = [(x.place(number), y.place(value)) for number, value in one.points]
        out.append(f'<polyline class="{one.color}" points="' + " ".join(f"{a:.1f},{b:.1f}" for a, b in places) + '"/>')
        out += [f'<circle class="{one.color}" cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>' for a, b in places]
    return out


def draw(result: Dict[str, Any]) -> str:
    panels = panels_of(result["rows"])
    numbers = sorted({number for panel in panels for one in panel.series for number, _ in one.points})
    if not numbers:
        raise SystemExit("there is no run of bench.py --workspaces in it")
    low, high = numbers[0], max(numbers[-1], numbers[0] * 10)
    x = Scale(low, high, LEFT + 12, WIDTH - RIGHT - 24, log=True)
    height = HEAD + PANEL * len(panels) + 8
    title = next((row["title"] for row in result["rows"] if row["key"].startswith("sweep-missed-")), "")
    interval = title.partition(" at ")[2].partition(":")[0]
    machine = result["machine"]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
           f'role="img"><title>What the supervisor costs by the number of workspaces</title><style>{STYLE}</style>',
           f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
           words("One process, more and more workspaces", LEFT, 28, "title"),
           words(f"a beat and a poll every {interval} each, {machine['cpus']} cores", LEFT, 47, "quiet")]
    for index, panel in enumerate(panels):
        out += draw_panel(panel, HEAD + index * PANEL, x, numbers)
    return "\n".join([*out, "</svg>"]) + "\n"


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 64
    Path(sys.argv[2]).write_text(draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

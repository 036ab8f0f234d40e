"""The rows as a table of text."""

from __future__ import annotations

from typing import List, Sequence

from plan import Row


def number(value: float, unit: str = "") -> str:
    digits = 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:,.{digits}f} {unit}".strip()


def cells(row: Row) -> List[str]:
    target = ratio = ""
    measured = number(row.measured, row.unit)
    if row.limit is not None:
        measured += f" (bare loop {number(row.limit)})"
    if row.ratio is not None:
        target = f"{row.target:g} × bare loop" if row.target is not None else ""
        ratio = f"{row.ratio:.2f}"
    elif row.target is not None:
        target = number(row.target, row.unit)
        ratio = f"{row.measured / row.target:.2f}" if row.target else ""
    verdict = {True: "ok", False: "missed", None: ""}[row.is_met()]
    return [row.title, target, measured, ratio, row.how, verdict]


def aligned(lines: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Lines of cells under a line of headings; columns stand to the right but for those named."""
    columns = range(len(lines[0]))
    widths = [max(len(line[column]) for line in lines) for column in columns]
    text = ["  ".join((str.ljust if c in left else str.rjust)(line[c], widths[c]) for c in columns).rstrip()
            for line in lines]
    text.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(text)


def table(found: Sequence[Row]) -> str:
    return aligned([["", "target, at most", "measured", "ratio", "how", ""], *map(cells, found)], left=(0, 4, 5))

"""How much is measured, and what comes out of it: the plans, and a row of the table."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, Dict, Optional


@dataclass
class Plan:
    """How long, how often and how much is measured."""

    rounds: int = 6  # pairs of supervisor and bare loop
    seconds: float = 4.0  # of a round
    bulk: int = 1000  # workspaces of the bulk rows, at an interval of 1 s
    idle_seconds: float = 60.0
    starts: int = 15
    memory_interval: float = 10.0
    crashes: int = 10  # of each actor
    scale: int = 10000  # workspaces of the scale rows, at an interval of 30 s; 0: none
    scale_interval: float = 30.0
    scale_seconds: float = 70.0
    stress: int = 1000  # workspaces of most stress rows
    stress_interval: float = 10.0
    stress_seconds: float = 40.0  # from when all have begun
    stress_long_lists: int = 100  # workspaces whose lists have 5,000 rows
    stress_scrape: int = 10000  # workspaces of the long statistics, at the interval of the scale rows; 0: none
    outage: int = 10000  # workspaces whose platform goes
    outage_interval: float = 30.0
    outage_seconds: float = 120.0
    reference_rounds: int = 3
    reference: int = 100  # workspaces of the reference's second row, at an interval of 1 s
    reference_message: float = 10.0  # seconds that a self-message takes


QUICK = Plan(rounds=3, seconds=2.0, idle_seconds=15, starts=5, memory_interval=4, crashes=3, scale=0,
             stress_interval=5, stress_seconds=10, stress_long_lists=50, stress_scrape=0, outage=1000,
             outage_interval=5, outage_seconds=8, reference_rounds=1)
# To see that the tool works; the figures mean nothing.
SMOKE = Plan(rounds=1, seconds=2, bulk=60, idle_seconds=1, starts=1, memory_interval=1, crashes=1, scale=60,
             scale_interval=1, scale_seconds=3, stress=60, stress_interval=1, stress_seconds=2, stress_long_lists=3,
             stress_scrape=0, outage=60, outage_interval=3, outage_seconds=2, reference_rounds=1, reference=5,
             reference_message=1)


@dataclass
class Row:
    key: str
    title: str
    measured: float
    unit: str
    how: str
    target: Optional[float] = None  # at most that; of the ratio where there is a limit
    limit: Optional[float] = None  # what the bare loop needed
    ratio: Optional[float] = None  # to the limit
    details: Dict[str, Any] = field(default_factory=dict)

    def is_met(self) -> Optional[bool]:
        if self.target is None:
            return None
        return (self.measured if self.ratio is None else self.ratio) <= self.target


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)

"""Whether beats are in time while much else happens, or goes wrong."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Callable, List, Tuple

from control_api import ControlApi
from outage import outage_rows
from plan import Plan, Row, say
from processes import Bench, Supervisor
from scale import During, Load, Observed, observe, only_wait, within

HANG_EVERY = 100  # self-messages
MESSAGE_TIMEOUT = 10  # seconds that one which hangs is waited for, at most
LONG_LIST = 5000  # rows
CRASHES_A_SECOND = 100
CRASHING = ("heartbeat", "activity", "token", "delegation-poller", "notifier", "parent-name")


@dataclass
class Stress:
    key: str
    title: str
    load: Load
    during: During = only_wait
    how: Callable[[Observed], str] = lambda run: ""


def each(seconds: float, until: float, act: Callable[[], object]) -> int:
    """Does it so often until then, what came too late at once. Returns how often it was done."""
    begin, count = time.monotonic(), 0
    while (due := begin + count * seconds) < until:
        time.sleep(max(0.0, due - time.monotonic()))
        act()
        count += 1
    time.sleep(max(0.0, until - time.monotonic()))
    return count


def scrape(process: Supervisor, seconds: float) -> Tuple[int, int]:
    """Reads the statistics every second. Returns how often, and the length of the last."""
    length = 0

    def read() -> None:
        nonlocal length
        length = control.read("/v1/stats")

    with ControlApi(process.control_socket) as control:
        return each(1.0, time.monotonic() + seconds, read), length


def crash_at_random(workspaces: int) -> During:
    """Any of these actors of any workspace; the same order each time."""
    chosen = random.Random(1)

    def order(process: Supervisor, seconds: float) -> Tuple[int, float]:
        with ControlApi(process.control_socket) as control:
            begin = time.monotonic()
            count = each(1 / CRASHES_A_SECOND, begin + seconds, lambda: control.crash(
                chosen.choice(CRASHING), f"ws-{chosen.randrange(workspaces)}"))
            return count, count / (time.monotonic() - begin)

    return order


def stresses(plan: Plan) -> List[Stress]:
    many, interval, seconds = plan.stress, plan.stress_interval, plan.stress_seconds
    timeout = min(MESSAGE_TIMEOUT, seconds / 2)
    messages = (f"notifier.timeout = {round(timeout * 1000)}ms", "notifier.cooldown = 1s",
                "notifier.max-per-hour = 100000")

    def lists(rows: int) -> Tuple[str, ...]:
        return f"--rows={rows}", "--new-rows"

    found = [
        Stress("hang", f"1 % of self-messages hang for {timeout:g} s",
               Load(many, interval, seconds, messages, (*lists(1), f"--hang-messages={HANG_EVERY}")),
               how=lambda run: f"{run.messages / run.seconds():.0f} messages a second, "
                               f"{run.messages // HANG_EVERY} hung"),
        Stress("lists-50", "lists of 50 rows, one of them new", Load(many, interval, seconds, (), lists(50)),
               how=lambda run: f"{many / interval:.0f} lists a second"),
        Stress("lists-5000", "lists of 5,000 rows, one of them new",
               Load(plan.stress_long_lists, interval, seconds, (), lists(LONG_LIST)),
               how=lambda run: f"{plan.stress_long_lists / interval:.0f} lists a second"),
        Stress("crash", "actors crash",
               Load(many, interval, seconds, ("supervisor.fault-injection = true",)), crash_at_random(many),
               lambda run: f"{run.during[1]:.0f} crashes a second"),
        Stress("stats", "statistics read every second", Load(many, interval, seconds), scrape,
               lambda run: f"{run.during[0]} times, {run.during[1] / 1e6:.1f} MB"),
    ]
    if plan.stress_scrape:
        found.append(Stress("stats-many", "statistics read every second",
                            Load(plan.stress_scrape, plan.scale_interval, plan.scale_interval + seconds / 2), scrape,
                            lambda run: f"{run.during[0]} times, {run.during[1] / 1e6:.1f} MB"))
    return found


def _rows_of(stress: Stress, run: Observed) -> List[Row]:
    details = {"how": stress.how(run), "threads": run.threads, "platform_share": run.platform_share,
               "machine_share": run.machine_share}
    late = within(run, f"stress-{stress.key}-p99", f"{stress.title}, {run.load.name()}: 99 % of beats within", 0.99, 50,
                  run.begin_ns)
    late.how += f", {stress.how(run)}"
    late.details = details
    return [
        late,
        within(run, f"stress-{stress.key}-max", "  all beats within", 1, None, run.begin_ns),
        Row(f"stress-{stress.key}-missed", "  beats missed", run.missed, "", "from the first on", target=0),
        Row(f"stress-{stress.key}-cpu", "  share of a core", run.process_share * 100, "%", "all its threads"),
    ]


def stress_rows(bench: Bench, plan: Plan) -> List[Row]:
    rows = []
    for stress in stresses(plan):
        say(f"{stress.title}, {stress.load.name()}: {stress.load.interval + stress.load.seconds:.0f} s")
        rows += _rows_of(stress, observe(bench, stress.load, stress.during))
    return rows + outage_rows(bench, plan)

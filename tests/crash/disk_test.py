#!/usr/bin/env python3
"""The Nth operation on the daemon's files fails with EIO or ENOSPC, once or from there on until the disk is healed:
beats go on and nothing is lost; once healed everything is saved, so that a start afterwards tells nothing again."""

import argparse
import errno
import itertools
import sys
import threading
import time
from collections import Counter
from os import path

from harness import Agent, Daemon, Platform, make_folder, remove_folder, tally, wait_for

TASKS = 10
LISTED_FIRST = 5


def run(build, platform, name, where, number, error, lasting):
    """Returns (whether a call was made to fail, problem)."""
    folder = make_folder()
    platform.add_workspace(name)
    daemon = Daemon(build, platform, folder, name, socket_beside=where == "state")
    try:
        return carry_out(platform, daemon, name, where, number, error, lasting)
    except (TimeoutError, RuntimeError) as problem:
        if not daemon.ended():
            daemon.kill()
        return True, f"{problem}\n{daemon.log_text()[-3000:]}"
    finally:
        remove_folder(folder)
        platform.remove_workspace(name)


def carry_out(platform, daemon, name, where, number, error, lasting):
    agent = Agent(daemon.results)
    calls = path.join(daemon.folder, "calls")
    heal = path.join(daemon.folder, "healed")
    target = daemon.state if where == "state" else path.dirname(daemon.results)
    daemon.start(folder=target, log=calls, fail_at=number, errno=error, **({"heal": heal} if lasting else {}))

    def beats_go_on():
        if daemon.ended():
            raise RuntimeError(f"it ended with {daemon.process.returncode}")
        beats = platform.beats(name)
        wait_for(lambda: platform.beats(name) >= beats + 3 or daemon.ended(), "beats")

    def told(count):
        return tally(platform, agent, name).is_complete(count)

    platform.finish_delegations(name, range(LISTED_FIRST))
    if where == "state" or not lasting:
        # Without its state the daemon works from memory.
        wait_for(lambda: told(LISTED_FIRST), "the first results told")
    beats_go_on()
    platform.finish_delegations(name, range(LISTED_FIRST, TASKS))
    if where == "state":
        wait_for(lambda: told(TASKS), "all results told while the disk fails")
    beats_go_on()
    troubled = "store.degraded" in daemon.log_text()
    with open(heal, "w", encoding="ascii"):
        pass
    wait_for(lambda: told(TASKS), "all results told")
    if troubled:
        wait_for(lambda: saved(daemon.log_text()), "everything saved")
    wait_for(lambda: daemon.has_recorded() or daemon.ended(), "all of it recorded")
    with open(calls, encoding="utf-8", errors="replace") as file:
        failed = sum(1 for _ in file) >= number
    daemon.stop()
    before = tally(platform, agent, name).duplicates()
    daemon.start()
    beats_go_on()
    daemon.stop()
    counts = tally(platform, agent, name)
    if any(counts.lost(TASKS).values()):
        return failed, f"lost {counts.lost(TASKS)}"
    if counts.duplicates() != before:
        return failed, f"told again after a restart: {before}, then {counts.duplicates()}"
    # A line whose write or sync failed may be there again. Nothing else crashed.
    if before["messages"] or before["notifications"] or before["tasks in two messages"]:
        return failed, f"told twice without a crash: {before}"
    return failed, ""


def saved(log):
    return log.rfind("store.recovered") > log.rfind("store.degraded")


class Loop:
    def __init__(self, arguments):
        self.arguments = arguments
        self.lock = threading.Lock()
        self.next = {}
        self.passed = {}
        self.tried = Counter()
        self.problems = []
        ways = itertools.product(("state", "results"), (errno.EIO, errno.ENOSPC), (False, True))
        for way in ways:
            self.next[way] = arguments.first

    def take(self):
        with self.lock:
            for way in self.next:
                if way not in self.passed:
                    # Taken out and put behind the others: the ways take turns.
                    number = self.next.pop(way)
                    self.next[way] = number + self.arguments.step
                    return way, number
            return None

    def work(self, worker):
        platform = Platform(self.arguments.build)
        try:
            while (taken := self.take()) is not None:
                (where, error, lasting), number = taken
                name = f"ws-{worker}-{where}-{error}-{int(lasting)}-{number}"
                failed, problem = run(self.arguments.build, platform, name, where, number, error, lasting)
                with self.lock:
                    if problem:
                        what = f"{errno.errorcode[error]} {'from' if lasting else 'at'} call {number} on the {where}"
                        self.problems.append(what)
                        print(f"{what}: {problem}", file=sys.stderr, flush=True)
                    if failed:
                        self.tried[(where, errno.errorcode[error], lasting)] += 1
                    else:
                        self.passed[(where, error, lasting)] = number
        finally:
            platform.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="build folder with workspace-supervisor and test-platform")
    parser.add_argument("--step", type=int, default=1, help="try each STEPth call alone")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=4)
    loop = Loop(parser.parse_args())
    begin = time.monotonic()
    workers = [threading.Thread(target=loop.work, args=(number,)) for number in range(loop.arguments.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for (where, error, lasting), count in sorted(loop.tried.items()):
        print(f"{where:<10}{error:<8}{'until healed' if lasting else 'once':<14}{count:>6}")
    print(
        f"{loop.tried.total()} failing calls in {time.monotonic() - begin:.0f} s, problems: {len(loop.problems)}"
    )
    # A worker that ended by an exception leaves a way without an untouched run.
    return 1 if loop.problems or len(loop.passed) < 8 else 0


if __name__ == "__main__":
    sys.exit(main())

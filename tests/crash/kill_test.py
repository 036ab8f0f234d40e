#!/usr/bin/env python3
"""kill -9 before and after the Nth database write, file write or request to the platform, for N = 1, 2, ... until a
run passes without having been killed. After each: every result is in the results file, in a self-message and in a
notification; a result is there twice only where the crash fell between an effect and its record."""

import argparse
import signal
import sys
import threading
import time
from collections import Counter
from os import path

from harness import Agent, Daemon, Platform, make_folder, remove_folder, tally, wait_for

TASKS = 20
BATCH = 5


class Scenario:
    """20 results in four polls, the process killed once (or twice, or never)."""

    def __init__(self, build, platform, name):
        self.build, self.platform, self.name = build, platform, name

    def run(self, kill_at, when, again=0):
        """Returns (killed, what was hit, tally, problem)."""
        folder = make_folder()
        self.platform.add_workspace(self.name)
        daemon = Daemon(self.build, self.platform, folder, self.name)
        try:
            return self.carry_out(daemon, folder, kill_at, when, again)
        except (TimeoutError, RuntimeError) as error:
            daemon.kill()
            return False, "", None, f"{error}\n{daemon.log_text()[-4000:]}"
        finally:
            remove_folder(folder)
            self.platform.remove_workspace(self.name)

    def carry_out(self, daemon, folder, kill_at, when, again):
        agent = Agent(daemon.results)
        calls = path.join(folder, "calls")
        kills = [{"kill_at": at, "kill": when} for at in (kill_at, again) if at]
        daemon.start(folder=daemon.kept, log=calls, **kills.pop(0))
        listed = killed = 0

        def restart_if_killed():
            nonlocal killed
            if not daemon.ended():
                return
            if daemon.process.returncode != -signal.SIGKILL:
                raise RuntimeError(f"it ended with {daemon.process.returncode}")
            killed += 1
            agent.consume()
            # What the next process does is counted from one again.
            daemon.start(**({"folder": daemon.kept, **kills.pop(0)} if kills else {}))

        def step():
            nonlocal listed
            restart_if_killed()
            counts = tally(self.platform, agent, self.name)
            # The file is taken when nothing can be on its way there: taken in the midst of a write, its lines are
            # written again, which is right and would be counted here. The soak takes it at any moment.
            if listed == TASKS // 2:
                if len(counts.notified) < listed:
                    return None
                agent.consume()
            if listed < TASKS and len(counts.filed) >= listed:
                self.platform.finish_delegations(self.name, range(listed, listed + BATCH))
                listed += BATCH
            return counts if counts.is_complete(TASKS) else None

        wait_for(step, "all results told")
        # Told is not recorded yet: the crash may come in between, or while it stops; and its successor's too.
        while True:
            beats = self.platform.beats(self.name)
            while self.platform.beats(self.name) < beats + 2 or not daemon.has_recorded():
                restart_if_killed()
                time.sleep(0.01)
            try:
                daemon.stop()
                break
            except RuntimeError as error:
                if "does not stop" in str(error):
                    raise
                restart_if_killed()
        counts = tally(self.platform, agent, self.name)
        # A start after an orderly stop has nothing left to tell.
        before = counts.duplicates()
        if not killed:
            beats = self.platform.beats(self.name)
            daemon.start()
            wait_for(lambda: self.platform.beats(self.name) >= beats + 2, "a beat")
            daemon.stop()
            counts = tally(self.platform, agent, self.name)
        with open(calls, encoding="utf-8", errors="replace") as file:
            hit = file.readlines()
        return killed, hit, counts, self.problem(counts, before, killed)

    @staticmethod
    def problem(counts, before, killed):
        """What is wrong with these counts; "" when nothing is."""
        lost = counts.lost(TASKS)
        twice = counts.duplicates()
        if any(lost.values()):
            return f"lost {lost}"
        if twice != before:
            return f"told again after an orderly stop: {before}, then {twice}"
        if counts.texts_changed or twice["tasks in two messages"]:
            return f"a message changed between its attempts: {twice}"
        # A crash meets at most one batch of lines, one notification and one self-message between effect and record.
        if twice["file"] > killed * BATCH or twice["notifications"] > killed or twice["messages"] > killed:
            return f"more duplicates than {killed} crashes explain: {twice}"
        return ""


def kind_of(line):
    """The kind of the call that a line of the log of calls names."""
    _, call, target = line.rstrip("\n").split(" ", 2)
    if "results.jsonl" in target:
        return "results file: " + call
    if "/state/" in target:
        return "database: " + call
    if target.startswith("/"):
        return "other file: " + call
    words = target.split(" ")
    last = words[1].split("/")[-1] if len(words) > 1 else call
    return "request: " + ("the workspace" if last.startswith("ws-") else last)


class Loop:
    """Runs the scenarios, several at a time, and gathers what came of them."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.lock = threading.Lock()
        self.next = 0
        self.untouched = {}
        self.tried = Counter()
        self.kinds = Counter()
        self.twice = Counter()
        self.problems = []

    def take(self):
        """The next point and side, None when a run on each side has passed untouched."""
        with self.lock:
            while True:
                number, side = divmod(self.next, 2)
                when = ("before", "after")[side]
                if len(self.untouched) == 2 or self.problems and self.arguments.stop:
                    return None
                self.next += 1
                if when not in self.untouched:
                    return number * self.arguments.step + self.arguments.first, when

    def work(self, worker):
        platform = Platform(self.arguments.build)
        try:
            while (point := self.take()) is not None:
                kill_at, when = point
                again = (kill_at * 7) % 60 + 5 if self.arguments.twice else 0
                name = f"ws-{worker}-{kill_at}-{when}"
                killed, calls, counts, problem = Scenario(self.arguments.build, platform, name).run(kill_at, when, again)
                self.take_result(kill_at, when, killed, calls, counts, problem)
        finally:
            platform.stop()

    def take_result(self, kill_at, when, killed, calls, counts, problem):
        with self.lock:
            if problem:
                self.problems.append(f"killed {when} call {kill_at}: {problem}")
                print(self.problems[-1], file=sys.stderr, flush=True)
                return
            twice = {what: count for what, count in counts.duplicates().items() if count}
            self.twice.update(twice)
            if not killed:
                self.untouched[when] = kill_at
                return
            self.tried[when] += killed
            # Two threads number their calls and then log them: the kill can come between the two.
            kind = kind_of(calls[kill_at - 1]) if len(calls) >= kill_at else "not logged any more"
            self.kinds[(kind, when)] += 1
            if self.arguments.verbose:
                print(kill_at, when, kind, twice or "", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="build folder with workspace-supervisor and test-platform")
    parser.add_argument("--step", type=int, default=1, help="try each STEPth call alone")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--twice", action="store_true", help="kill the successor too")
    parser.add_argument("--stop", action="store_true", help="end at the first problem")
    parser.add_argument("--verbose", action="store_true")
    loop = Loop(parser.parse_args())
    begin = time.monotonic()
    workers = [threading.Thread(target=loop.work, args=(number,)) for number in range(loop.arguments.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(f"{'killed at':<32}{'before':>8}{'after':>8}")
    for kind in sorted({kind for kind, _ in loop.kinds}):
        print(f"{kind:<32}{loop.kinds[(kind, 'before')]:>8}{loop.kinds[(kind, 'after')]:>8}")
    print(
        f"{loop.tried.total()} crashes at {loop.kinds.total()} points in {time.monotonic() - begin:.0f} s, "
        f"told twice: {dict(loop.twice)}, first untouched run: {loop.untouched}, problems: {len(loop.problems)}"
    )
    # A worker that ended by an exception leaves no untouched run behind.
    return 1 if loop.problems or len(loop.untouched) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Thousands of results through one workspace while the daemon is killed and the platform misbehaves at random, and an
agent takes the results file away at any moment. Ends with what was sent, seen, told twice and lost; with status 1
when anything was lost."""

import argparse
import random
import re
import sys
import time
from collections import Counter

from harness import Agent, Daemon, Platform, Tally, make_folder, remove_folder

WORKSPACE = "soak"
# How many results may be on their way: a message names 50, and a retry may take a minute.
LISTED = 400
PATIENCE = 120  # seconds for what is left at the end

# None of these may lose or drop a result: each is to be tried again, or counts as delivered.
FAULTS = (
    {"action": "status", "status": 500},
    {"action": "status", "status": 503},
    {"action": "status", "status": 429},
    {"action": "status", "status": 504, "class": "delegations"},
    {"action": "close"},
    {"action": "close_in_body"},
    {"action": "reset"},
    {"action": "invalid_json", "class": "delegations"},
    {"action": "wrong_content_type", "class": "delegations"},
    {"action": "answer", "delay_ms": 200},
    {"action": "hang", "class": "delegations"},
    {"action": "hang", "class": "beat"},
    {"action": "slow", "interval_ms": 1},
    {"action": "raw"},
)


def seconds(text):
    """5min, 90s or 90."""
    match = re.fullmatch(r"(\d+)(ms|s|min|h)?", text)
    if not match:
        raise argparse.ArgumentTypeError("expected a duration such as 5min or 90s")
    return int(match.group(1)) * {"ms": 0.001, "s": 1, None: 1, "min": 60, "h": 3600}[match.group(2)]


class Soak:
    def __init__(self, arguments):
        self.duration = arguments.time
        self.random = random.Random(arguments.seed)
        self.folder = make_folder()
        self.platform = Platform(arguments.build)
        self.platform.add_workspace(WORKSPACE)
        self.daemon = Daemon(
            arguments.build,
            self.platform,
            self.folder,
            WORKSPACE,
            notifier__timeout="2s",
            delegation__timeout="500ms",
            heartbeat__timeout="500ms",
            notifier__cooldown="100ms",
            log__level='"warning"',
        )
        self.agent = Agent(self.daemon.results)
        self.rows = {}  # by task: what the platform lists
        self.notified = set()
        self.sent = 0
        self.kills = 0
        self.faults = Counter()
        self.unexpected_ends = []

    def tally(self):
        return Tally(self.agent, self.platform.messages(WORKSPACE), self.platform.notifications(WORKSPACE))

    def run(self):
        self.daemon.start()
        begin = now = time.monotonic()
        # Due times of what happens at random; results wait while too many are on their way.
        due = {"send": now, "kill": now + 1, "fault": now + 0.5, "look": now, "say": now + 30}
        while now < begin + self.duration:
            self.agent.consume()
            if now >= due["look"]:
                due["look"] = now + 1
                self.notified = set(self.tally().notified)
            if now >= due["say"]:
                due["say"] = now + 30
                print(f"{now - begin:6.0f} s: sent {self.sent}, told {len(self.notified)}, {self.kills} kills", flush=True)
            if now >= due["send"] and self.sent - len(self.notified) < LISTED:
                due["send"] = now + self.random.expovariate(10)
                self.send(self.random.randint(1, 8))
            if now >= due["fault"]:
                due["fault"] = now + self.random.expovariate(1)
                self.misbehave()
            if now >= due["kill"]:
                due["kill"] = now + self.random.expovariate(0.7)
                self.kill()
            time.sleep(self.random.uniform(0.0005, 0.01))
            now = time.monotonic()
        return self.finish(begin)

    def send(self, count):
        new = range(self.sent, self.sent + count)
        self.rows.update(zip(new, self.platform.finished_rows(WORKSPACE, new)))
        self.sent += count
        # Like a platform that lists its newest: what has been told falls out at the end.
        for task in [task for task in self.rows if task < self.sent - LISTED and task in self.notified]:
            del self.rows[task]
        self.platform.list_delegations(WORKSPACE, list(reversed(self.rows.values())))

    def misbehave(self):
        # A fault that hangs is released by the next; so none lasts.
        self.platform.call("DELETE", "fault")
        fault = self.random.choice(FAULTS)
        self.faults[fault["action"]] += 1
        self.platform.call("POST", "fault", {**fault, "times": self.random.randint(1, 10)})

    def kill(self):
        if self.daemon.ended():
            self.unexpected_ends.append(self.daemon.process.returncode)
        else:
            self.daemon.kill()
        self.kills += 1
        self.daemon.start()

    def finish(self, begin):
        """Leaves it in peace until all is told, and counts."""
        self.platform.call("DELETE", "fault")
        self.platform.call("POST", "close-connections", {})
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and any(self.tally().lost(self.sent).values()):
            self.agent.consume()
            if self.daemon.ended():
                self.unexpected_ends.append(self.daemon.process.returncode)
                self.daemon.start()
            time.sleep(0.1)
        time.sleep(1)
        self.daemon.stop()
        self.agent.consume()
        counts = self.tally()
        lost, twice = counts.lost(self.sent), counts.duplicates()
        print(
            f"{time.monotonic() - begin:.0f} s, {self.kills} kills, faults: {dict(self.faults)}\n"
            f"sent: {self.sent}\n"
            f"seen: {len(counts.filed)} in the file, {len(counts.woken) + counts.woken_unnamed} in "
            f"{len(counts.deliveries)} self-messages, {len(counts.notified)} in notifications\n"
            f"duplicated: {twice}\n"
            f"lost: {lost}"
        )
        if self.unexpected_ends:
            print(f"ended by itself with: {self.unexpected_ends}\n{self.daemon.log_text()[-3000:]}")
        if counts.texts_changed:
            print(f"messages that changed between attempts: {counts.texts_changed}")
        return not any(lost.values()) and not self.unexpected_ends and not counts.texts_changed

    def close(self):
        if self.daemon.process and not self.daemon.ended():
            self.daemon.kill()
        self.platform.stop()
        remove_folder(self.folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="build folder with workspace-supervisor and test-platform")
    parser.add_argument("--time", type=seconds, default=300, help="5min, 90s, ...")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    soak = Soak(arguments)
    try:
        return 0 if soak.run() else 1
    finally:
        soak.close()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""A real agent, the test platform and the supervisor while everything goes wrong at once: kills, stops, a full disk, a
stepped clock, no descriptors, no memory, no names, stale tokens, a platform that is away or talks nonsense. Afterwards,
in peace, nothing may be lost, no beat have been missing that could have come, and nothing have grown. Ends with a
summary, and with status 1 and the folder kept when anything was not so."""

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from os import path

HERE = path.dirname(path.abspath(__file__))
sys.path[:0] = [path.join(HERE, "..", "crash"), path.join(HERE, "..", "..", "clients", "python")]

# pylint: disable=wrong-import-position
import summary
from dead_address import DeadAddress
from guests import Callers, Guests
from harness import Tally, remove_folder
from plan import plan
from scene import ADDED, MAIN, OTHER, WORKSPACES, Journal, Scene
from soak import seconds
from tokens import Tokens
from trouble import NotNow, Trouble

# How many results of a workspace may be on their way; what has been told for so long (seconds) is listed no longer:
# saving what a disk did not take is tried again once a minute.
LISTED, LISTED_AFTER = 300, 90
# For what is left when peace comes (seconds): a retry of a message, of saving and of filing may each take a minute.
PATIENCE = 240
# Seconds before figures are taken: with beats and polls alone, and then with the platform away.
QUIET, WITHOUT_PLATFORM = 8.0, 2.0

# What an instrumented build cannot bear.
NOT_INSTRUMENTED = {
    "memory-limit": "(sanitizers reserve terabytes)",
    "descriptors": "(UBSan opens a pipe to see whether an address can be read, and reports those it cannot)",
}
# The parts of a run's time.
WITH_KILLS, WARM_UP, ONE_LIFE = 0.5, 0.15, 0.35


class Chaos:
    def __init__(self, arguments):
        self.arguments = arguments
        self.scene = Scene(arguments)
        self.dead = DeadAddress(int(self.scene.supervisor.port))
        self.scene.switches.dead = self.dead.address.encode()
        folders = {
            MAIN: path.join(self.scene.disk.folder, "configs"),
            OTHER: path.join(self.scene.disk.folder, "other"),
            ADDED: path.join(self.scene.disk.folder, "added"),
        }
        os.makedirs(folders[ADDED])
        self.added_folder = folders[ADDED]
        self.tokens = Tokens(self.scene, folders)
        self.guests = Guests(self.scene)
        self.trouble = Trouble(self.scene, self.tokens, self.guests, Callers(self.scene))
        self.sent = Counter()
        self.told_since = {workspace: {} for workspace in WORKSPACES}
        self.begun, self.left_out = Counter(), Counter()
        self.sending = random.Random(f"{arguments.seed} results")
        self.due_look = self.due_send = self.due_say = 0.0
        self.begin = time.monotonic()
        self.impossible = dict(NOT_INSTRUMENTED) if self.is_instrumented() else {}
        self.first_beats = {}
        self.before = self.after = None
        self.results_in_one_life = 0

    def is_instrumented(self):
        with open(self.scene.supervisor.binary, "rb") as file:
            binary = file.read()
        return b"__asan_init" in binary or b"__tsan_init" in binary

    # -- what goes on all the time

    def tallies(self):
        record = self.scene.record
        return {
            workspace: Tally(
                Journal(self.scene.journal, workspace), record.messages[workspace], record.notifications[workspace]
            )
            for workspace in WORKSPACES
        }

    def go_on(self, sends):
        scene = self.scene
        now = time.monotonic()
        if scene.note_its_end():
            scene.start_supervisor()
        self.tokens.go_on()
        if now >= self.due_say:
            self.due_say = now + 30
            ends = dict(scene.ends) or "none"
            print(f"{now - self.begin:6.0f} s: {self.sent.total()} results, {scene.supervisor.lives} lives, "
                  f"ends by itself: {ends}", flush=True)
        if scene.platform_answers():
            if now >= self.due_look:
                self.due_look = now + 3
                self.look(now)
            if sends and now >= self.due_send:
                self.due_send = now + self.sending.expovariate(3)
                self.send()
        scene.look_at_threads()
        time.sleep(0.01)

    def look(self, now):
        """What has been told, and need be listed no longer."""
        self.scene.record.read(self.scene.platform)
        self.guests.drop_from_platform()
        for workspace, counts in self.tallies().items():
            since = self.told_since[workspace]
            for task in set(counts.notified) & set(counts.filed):
                if now > since.setdefault(task, now) + LISTED_AFTER:
                    self.scene.rows[workspace].pop(task, None)

    def send(self):
        workspace = self.sending.choice(WORKSPACES)
        sent = self.sent[workspace]
        if sent - len(self.told_since[workspace]) > LISTED:
            return
        count = self.sending.randint(1, 5)
        new = range(sent, sent + count)
        self.scene.rows[workspace].update(zip(new, self.scene.platform.finished_rows(workspace, new)))
        self.sent[workspace] += count
        self.scene.list_rows(workspace)

    # -- the phases

    def run(self):
        scene = self.scene
        duration = self.arguments.time
        scene.start_supervisor()
        scene.start_agent()
        self.guests.add(ADDED, self.added_folder)
        self.wait(lambda: all(scene.record.beats[workspace] for workspace in WORKSPACES), "the first beats")
        self.first_beats = {workspace: scene.record.beats[workspace][0] for workspace in WORKSPACES}
        self.storm("everything", duration * WITH_KILLS, kills=True)
        scene.terminate_supervisor()
        scene.start_supervisor()
        self.storm("warm-up", duration * WARM_UP, kills=False)
        self.before = self.quiet_figures()
        life, sent = scene.supervisor.lives, self.sent.total()
        self.storm("one life", duration * ONE_LIFE, kills=False)
        self.after = self.quiet_figures()
        self.results_in_one_life = self.sent.total() - sent
        if scene.supervisor.lives != life:
            scene.problems.append("the process did not live through the phase without kills")
        return self.finish()

    def storm(self, name, duration, kills):
        """A phase of faults, and then peace until all is told."""
        faults = plan(f"{self.arguments.seed} {name}", duration, kills, self.impossible)
        begin = time.monotonic()
        print(f"{begin - self.begin:6.0f} s: {name}, {len(faults)} faults in {duration:.0f} s", flush=True)
        under_way = []
        while faults or under_way:
            now = time.monotonic() - begin
            while faults and faults[0].begin <= now:
                self.start(faults.pop(0), under_way)
            self.stop([entry for entry in under_way if entry[0].end <= now], under_way)
            self.go_on(sends=now < duration)
        self.wait(self.is_told, "all results told", fatal=False)

    def start(self, fault, under_way):
        try:
            under_way.append((fault, self.trouble.begin(fault)))
            self.begun[fault.kind] += 1
            self.say(f"{fault.kind} {fault.with_ or ''}")
        except (NotNow, ProcessLookupError):
            self.left_out[fault.kind] += 1

    def stop(self, due, under_way):
        for entry in due:
            try:
                self.trouble.end(*entry)
                under_way.remove(entry)
                self.say(f"end of {entry[0].kind}")
            except NotNow:
                pass

    def say(self, what):
        with open(path.join(self.scene.folder, "story"), "a", encoding="utf-8") as file:
            file.write(f"{time.time():.3f} {time.monotonic() - self.begin:9.3f} {what}\n")

    def wait(self, condition, what, fatal=True):
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                self.scene.problems.append(f"waited {PATIENCE} s in vain for {what}")
                if fatal:
                    raise TimeoutError(what)
                return
            self.go_on(sends=False)

    def is_told(self):
        return all(
            counts.is_complete(self.sent[workspace]) for workspace, counts in self.tallies().items()
        ) and not any(self.tokens.is_waiting(workspace) for workspace in WORKSPACES)

    def quiet_figures(self):
        """What the process holds in peace, without connections to the platform: how many of those it keeps for the
        next request is a matter of what came together in the last minute."""
        scene = self.scene
        self.wait(self.guests.are_settled, "workspaces added and removed", fatal=False)
        # Attempts to connect there would be under way, for whoever still knows the address.
        self.dead.close()
        # One that attached when there was no descriptor is not watched by one.
        scene.agent.kill()
        scene.agent.wait()
        scene.start_agent()
        self.idle(QUIET)
        excuse = scene.excuses.begin(time.monotonic(), "the platform was away for the figures")
        scene.away.add("figures")
        scene.listen()
        self.idle(WITHOUT_PLATFORM)
        taken = scene.figures()
        self.dead.open()
        scene.away.discard("figures")
        scene.listen()
        excuse.end = time.monotonic()
        return taken

    def idle(self, length):
        end = time.monotonic() + length
        while time.monotonic() < end:
            self.go_on(sends=False)

    def finish(self):
        """All is told: what the agent says must arrive, too; then the counts."""
        scene = self.scene
        with open(scene.peace, "w", encoding="utf-8") as file:
            file.write("at peace")

        def is_at_peace():
            beat = scene.record.last_beat[MAIN]
            return beat["current_task"] == "at peace" and "runtime_state" not in beat

        self.wait(is_at_peace, "a beat with the agent's last task, without trouble", fatal=False)
        scene.agent.terminate()
        if scene.agent.wait(PATIENCE) != 0:
            scene.problems.append(f"the agent ended with {scene.agent.returncode}")
        scene.record.read(scene.platform)
        end = time.monotonic()
        scene.terminate_supervisor()
        return summary.conclude(self, end)

    def close(self, keep):
        self.guests.ending.set()
        self.dead.close()
        self.scene.close(keep)
        if not keep:
            remove_folder(self.scene.folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="build folder with workspace-supervisor")
    parser.add_argument("--tools", help="build folder with test-platform and tests/ (that of the supervisor)")
    parser.add_argument("--time", type=seconds, default=3600, help="1h, 10min, 90s, ...; peace and counting come on top")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    arguments = parser.parse_args()
    arguments.tools = arguments.tools or arguments.build
    print(f"seed {arguments.seed}", flush=True)
    # Whoever ends it leaves no supervisor behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chaos = Chaos(arguments)
    keep = True
    try:
        well = chaos.run()
        keep = arguments.keep or not well
        return 0 if well else 1
    finally:
        chaos.close(keep)
        if keep:
            print(f"kept: {chaos.scene.folder}")


if __name__ == "__main__":
    sys.exit(main())

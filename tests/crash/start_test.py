#!/usr/bin/env python3
"""The built daemon on a state directory as it may be found: a corrupt database, a foreign file, a newer schema, one
that is locked; and the limits on self-messages across a restart."""

import os
import re
import resource
import shutil
import sqlite3
import sys
import time
import unittest
from datetime import datetime
from os import path

from harness import Agent, Daemon, Platform, make_folder, remove_folder, tally, wait_for

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else "build"
# Seconds. A stop waits for lines on their way to the results file, but not for ever: what takes longer than that on a
# machine that is busy may be there again.
MOST_OF_A_STOP = 0.8


class StartTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = Platform(BUILD)

    @classmethod
    def tearDownClass(cls):
        cls.platform.stop()

    def setUp(self):
        self.folder = make_folder()
        self.workspace = self.id().rsplit(".", 1)[-1]
        self.platform.add_workspace(self.workspace)
        self.daemons = []
        self.daemon = self.make_daemon()
        self.agent = Agent(self.daemon.results)
        self.database = path.join(self.daemon.state, "results.db")

    def tearDown(self):
        for daemon in self.daemons:
            if daemon.process and not daemon.ended():
                daemon.kill()
        self.platform.remove_workspace(self.workspace)
        remove_folder(self.folder)

    def make_daemon(self, **more):
        daemon = Daemon(BUILD, self.platform, self.folder, self.workspace, **more)
        self.daemons.append(daemon)
        return daemon

    def wait_told(self, count):
        wait_for(lambda: tally(self.platform, self.agent, self.workspace).is_complete(count), f"{count} results told")

    def wait_recorded(self):
        """What a stop would leave to be told again is done."""
        wait_for(lambda: self.daemon.has_recorded() or self.daemon.ended(), "that all is recorded")

    def wait_logged(self, text):
        wait_for(lambda: text in self.daemon.log_text(), f"{text!r} in the log")

    def beats_go_on(self):
        beats = self.platform.beats(self.workspace)
        wait_for(lambda: self.platform.beats(self.workspace) >= beats + 2 or self.daemon.ended(), "beats")
        self.assertFalse(self.daemon.ended(), self.daemon.log_text()[-2000:])

    def leave_a_database(self):
        self.daemon.start()
        self.platform.finish_delegations(self.workspace, range(3))
        self.wait_told(3)
        self.beats_go_on()
        self.daemon.stop()

    def moved_aside(self):
        return [name for name in os.listdir(self.daemon.state) if name.startswith("results.db.corrupt-")]

    def runs_and_remembers(self, told):
        """It tells what is new, and does not tell it again after the next start."""
        self.beats_go_on()
        self.platform.finish_delegations(self.workspace, range(told, told + 2))
        self.wait_told(told + 2)
        self.beats_go_on()
        self.wait_recorded()
        self.daemon.stop()
        before = tally(self.platform, self.agent, self.workspace).duplicates()
        self.daemon.start()
        self.beats_go_on()
        self.daemon.stop()
        self.assertEqual(tally(self.platform, self.agent, self.workspace).duplicates(), before)

    def test_corrupt_database_is_moved_aside(self):
        self.leave_a_database()
        with open(self.database, "r+b") as file:
            file.write(os.urandom(os.path.getsize(self.database)))
        self.daemon.start()
        self.wait_logged("store.notice")
        self.assertEqual(len([n for n in self.moved_aside() if not n.endswith(("-wal", "-shm"))]), 1)
        self.assertIn(self.moved_aside()[0].split("-wal")[0].split("-shm")[0], self.daemon.log_text())
        self.runs_and_remembers(3)

    def test_foreign_file_is_moved_aside(self):
        os.makedirs(self.daemon.state, mode=0o700)
        with open(self.database, "w", encoding="ascii") as file:
            file.write("the notes of somebody else\n" * 100)
        self.daemon.start()
        self.wait_logged("store.notice")
        (name,) = self.moved_aside()
        with open(path.join(self.daemon.state, name), encoding="ascii") as file:
            self.assertIn("somebody else", file.read())
        self.runs_and_remembers(0)

    def test_database_of_another_program_is_moved_aside(self):
        os.makedirs(self.daemon.state, mode=0o700)
        other = sqlite3.connect(self.database)
        other.execute("CREATE TABLE notes (text TEXT)")
        other.execute("INSERT INTO notes VALUES ('kept')")
        other.commit()
        other.close()
        self.daemon.start()
        self.wait_logged("store.notice")
        (name,) = self.moved_aside()
        other = sqlite3.connect(path.join(self.daemon.state, name))
        self.assertEqual(other.execute("SELECT text FROM notes").fetchall(), [("kept",)])
        other.close()
        self.runs_and_remembers(0)

    def test_newer_schema_is_left_alone(self):
        self.leave_a_database()
        newer = sqlite3.connect(self.database)
        newer.execute("PRAGMA user_version = 99")
        newer.commit()
        newer.close()
        with open(self.database, "rb") as file:
            content = file.read()
        self.daemon.start()
        self.wait_logged("store.degraded")
        self.beats_go_on()
        self.platform.finish_delegations(self.workspace, [3])
        self.wait_told(4)
        self.daemon.stop()
        self.assertRegex(self.daemon.log_text(), r"newer.*(upgrade|update|version)")
        self.assertEqual(self.moved_aside(), [])
        with open(self.database, "rb") as file:
            self.assertEqual(file.read(), content)

    def test_locked_state_directory_ends_with_75(self):
        self.daemon.start()
        self.beats_go_on()
        second = self.make_daemon()
        second.start()
        wait_for(second.ended, "the second daemon's end")
        self.assertEqual(second.process.returncode, 75)
        self.assertIn(self.daemon.state, second.log_text())
        self.assertIn("state.locked", second.log_text())
        self.beats_go_on()

    def start_with(self, descriptors):
        """@returns what it says, once it runs or has ended."""
        told = len(self.daemon.log_text()) if path.exists(self.daemon.log) else 0
        limit = (descriptors, descriptors)
        # The search for leaks at the end needs descriptors itself; and so does ThreadSanitizer for the names of functions,
        # by which it knows what it is not to report.
        environment = {
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0",
            "TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "") + ":report_bugs=0",
        }
        self.daemon.launch(environment, before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit))
        wait_for(
            lambda: self.daemon.ended() or "supervisor.started" in self.daemon.log_text()[told:],
            f"its start or end with {descriptors} descriptors",
        )
        return self.daemon.log_text()[told:]

    def test_too_few_descriptors_end_it_with_a_reason_or_it_runs_and_can_be_stopped(self):
        ends = set()
        # From one on with which the loader of programs finds its libraries.
        for descriptors in range(4, 40):
            text = self.start_with(descriptors)
            with self.subTest(descriptors=descriptors):
                if not self.daemon.ended():
                    self.daemon.stop()
                    ends.add("runs")
                    continue
                # Not 78, after which nobody would start it again.
                self.assertEqual(self.daemon.process.returncode, 70, text)
                self.assertRegex(text, "Too many open files|cannot be opened|cannot open")
                ends.add(self.daemon.process.returncode)
        self.assertLessEqual({70, "runs"}, ends, "the limits are those between too few and enough")

    def goes_on_with_a_file_for_its_state(self):
        with open(self.daemon.state, "w", encoding="ascii") as file:
            file.write("not a folder\n")
        self.daemon.start()
        self.wait_logged("state.unusable")
        self.beats_go_on()
        self.platform.finish_delegations(self.workspace, range(2))
        self.wait_told(2)

    def test_without_a_place_for_its_socket_it_goes_on(self):
        self.goes_on_with_a_file_for_its_state()
        self.daemon.stop()

    def test_state_directory_that_is_a_file(self):
        self.daemon = self.make_daemon(socket_beside=True)
        self.goes_on_with_a_file_for_its_state()
        os.unlink(self.daemon.state)
        os.mkdir(self.daemon.state, 0o700)
        self.wait_logged("store.recovered")
        self.wait_recorded()
        self.daemon.stop()
        before = tally(self.platform, self.agent, self.workspace).duplicates()
        self.daemon.start()
        self.beats_go_on()
        self.daemon.stop()
        self.assertEqual(tally(self.platform, self.agent, self.workspace).duplicates(), before)

    def test_state_directory_that_vanishes(self):
        self.daemon.start()
        self.platform.finish_delegations(self.workspace, range(2))
        self.wait_told(2)
        # At once: the daemon may write into it while it is taken apart.
        gone = self.daemon.state + ".gone"
        os.rename(self.daemon.state, gone)
        shutil.rmtree(gone)
        self.platform.finish_delegations(self.workspace, range(2, 4))
        self.wait_told(4)
        self.beats_go_on()
        self.daemon.stop()

    def test_sigterm_in_the_midst_of_any_step_writes_no_line_twice(self):
        hit = listed = missed = twice = 0
        slow = False
        for call in range(1, 1000, 2):
            told = len(self.daemon.log_text()) if path.exists(self.daemon.log) else 0
            self.daemon.start(folder=self.daemon.kept, kill_at=call, kill="term")
            self.platform.finish_delegations(self.workspace, range(listed, listed + 3))
            listed += 3
            wait_for(
                lambda: self.daemon.ended() or tally(self.platform, self.agent, self.workspace).is_complete(listed),
                "all told, or the end",
            )
            if not self.daemon.ended():
                # There are no so many calls; or all is told, and it is about to end.
                self.daemon.stop()
                slow = slow or self.stop_took(told) > MOST_OF_A_STOP
                missed += 1
                if missed == 3:
                    break
                continue
            slow = slow or self.stop_took(told) > MOST_OF_A_STOP
            missed = 0
            self.assertEqual(self.daemon.process.returncode, 0, self.daemon.log_text()[-2000:])
            self.daemon.start()
            self.wait_told(listed)
            self.wait_recorded()
            self.daemon.stop()
            again = tally(self.platform, self.agent, self.workspace).duplicates()["file"]
            if slow:
                twice = again
            else:
                hit += 1
                self.assertEqual(again, twice, f"call {call}")
            slow = False
        self.assertGreater(hit, 5)

    def stop_took(self, told):
        """@returns how long it took at most from when it said, after so much of the log, that it stops; 0: it did not, and
        had told nothing yet."""
        now = time.time()
        said = re.search(r"^(\S+)Z info supervisor\.stopping", self.daemon.log_text()[told:], re.MULTILINE)
        return now - datetime.fromisoformat(said.group(1) + "+00:00").timestamp() if said else 0

    def test_sigterm_while_a_call_to_the_disk_hangs_ends_it_in_time(self):
        hung = listed = 0
        for call in (1, 3, 12, 21, 30):
            self.daemon.start(folder=self.daemon.kept, kill_at=call, kill="term", pause=600000)
            self.platform.finish_delegations(self.workspace, range(listed, listed + 3))
            listed += 3
            # Its end, or a stop that waits; while it starts, nothing is logged of it.
            self.assertEqual(self.daemon.process.wait(60), 0, self.daemon.log_text()[-2000:])
            hung += "supervisor.stopping" not in self.daemon.log_text()
            os.unlink(self.daemon.log)
        self.assertGreater(hung, 0, "one of the calls is its start's")
        self.assertLess(hung, 5, "and one is not")
        self.daemon.start()
        self.wait_told(listed)
        self.daemon.stop()

    def test_cooldown_survives_kill(self):
        self.daemon = self.make_daemon(notifier__cooldown="1h")
        self.daemon.start()
        self.platform.finish_delegations(self.workspace, [0])
        self.wait_told(1)
        self.beats_go_on()
        self.assert_no_message_after_kill()

    def test_hourly_limit_survives_kill(self):
        self.daemon = self.make_daemon(notifier__cooldown="0s", notifier__max_per_hour="1")
        self.daemon.start()
        self.platform.finish_delegations(self.workspace, [0])
        self.wait_told(1)
        self.beats_go_on()
        self.assert_no_message_after_kill()

    def assert_no_message_after_kill(self):
        """The next result is notified and filed; that a message has to wait was decided when it was filed."""
        self.daemon.kill()
        self.daemon.start()
        self.platform.finish_delegations(self.workspace, [1])
        wait_for(
            lambda: len(tally(self.platform, self.agent, self.workspace).notified) == 2, "the second notification"
        )
        self.beats_go_on()
        self.assertEqual(len(self.platform.messages(self.workspace)), 1)
        self.daemon.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""The dev mode as a user sees it: on a terminal, and in a pipe. python3 dev_mode_test.py BUILD-DIRECTORY"""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else "build"
GENEROUS = 120  # seconds: a limit that only something broken reaches
COLOUR = re.compile(r"\x1b\[\d*m")


def environment(folder, **more):
    kept = ("PATH", "ASAN_", "LSAN_", "TSAN_", "UBSAN_", "LLVM_PROFILE_")
    return {name: value for name, value in os.environ.items() if name.startswith(kept)} | {"TMPDIR": folder} | more


class DevModeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start_on_a_terminal(self, **more):
        self.terminal, end = pty.openpty()
        self.addCleanup(os.close, self.terminal)
        process = subprocess.Popen([f"{BUILD}/workspace-supervisor", "--dev"], stdin=subprocess.DEVNULL, stdout=end,
                                   stderr=end, env=environment(self.folder, **more))
        os.close(end)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.shown = ""
        return process

    def read(self, process):
        """What has come, until the process has ended."""
        give_up = time.monotonic() + GENEROUS
        while True:
            self.assertLess(time.monotonic(), give_up, f"the terminal has shown: {self.shown}")
            if not select.select([self.terminal], [], [], 1)[0]:
                continue
            try:
                self.shown += os.read(self.terminal, 65536).decode(errors="replace")
            except OSError:  # EIO: nobody has the other end any more
                return
            yield

    def wait_shown(self, process, *words):
        left = set(words)
        for _ in self.read(process):
            left = {word for word in left if word not in self.shown}
            if not left:
                return
        self.fail(f"ended without {left}: {self.shown}")

    def interrupt(self, process):
        process.send_signal(signal.SIGINT)
        for _ in self.read(process):
            pass
        self.assertEqual(process.wait(), 0, self.shown)

    def test_shows_on_a_terminal_what_happens_until_it_is_interrupted(self):
        process = self.start_on_a_terminal()
        self.wait_shown(process, "The status page: http://127.0.0.1:", "rotates the token", "token.changed", "results read",
                        "is woken", "tells the user", "beat.recovered", "actor.crashed", "actor.restarted",
                        "── dev-workspace  online  beats ")
        self.interrupt(process)
        self.assertIn("Everything went through.", self.shown)
        self.assertNotIn("MISSING", self.shown)
        self.assertRegex(self.shown, COLOUR)
        self.assertEqual(os.listdir(self.folder), [], "what it has made is gone")

    def test_has_no_colours_where_none_are_wanted(self):
        process = self.start_on_a_terminal(NO_COLOR="1")
        self.wait_shown(process, "beat.delivered")
        self.interrupt(process)
        self.assertNotRegex(self.shown, COLOUR)

    def test_fails_when_its_time_is_too_short_for_something(self):
        ended = subprocess.run([f"{BUILD}/workspace-supervisor", "--dev", "--dev.duration=1s"], stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, timeout=GENEROUS, env=environment(self.folder), check=False)
        self.assertEqual(ended.returncode, 1, ended.stdout + ended.stderr)
        self.assertIn("MISSING token rotations", ended.stdout)
        self.assertIn("Not everything went through.", ended.stdout)
        self.assertNotIn("\x1b", ended.stdout)


if __name__ == "__main__":
    unittest.main()

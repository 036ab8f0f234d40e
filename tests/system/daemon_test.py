"""The daemon as a process: how it ends, and what it never says. python3 daemon_test.py BUILD-DIRECTORY"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
from unix_http import UnixConnection  # noqa: E402

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else "build"
GENEROUS = 30  # seconds: a limit that only something broken reaches
IN_TIME = 15  # seconds for an end that takes 5 at most by itself, on a machine that is busy
TOKEN = "a-token-that-nobody-may-read"


def bare_environment():
    """No setting reaches the daemon but those for how it was built."""
    kept = ("PATH", "ASAN_", "LSAN_", "TSAN_", "UBSAN_", "LLVM_PROFILE_")
    return {name: value for name, value in os.environ.items() if name.startswith(kept)}


class DaemonTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.platform = subprocess.Popen(
            [f"{BUILD}/test-platform", "--die-with-parent",
             f"--workspace=ws-1:Alpha::{TOKEN}:{self.folder.name}/.auth_token"],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, self.platform)
        self.url = self.platform.stdout.readline().split()[-1]
        self.admin = self.platform.stdout.readline().split()[-1]
        self.addCleanup(self.platform.stdout.close)

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()

    def configuration(self, more=""):
        path = f"{self.folder.name}/caf-application.conf"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""
workspace {{
  id = "ws-1"
  platform-url = "{self.url}"
  configs-dir = "{self.folder.name}"
  results-file = "{self.folder.name}/results.jsonl"
}}
heartbeat.interval = 200ms
delegation.interval = 200ms
control.http = ""
log.level = "debug"
{more}
""")
        return path

    def start(self, more=""):
        # Its own end of the file: who reads with the writer's would move the place where that writes on.
        with open(f"{self.folder.name}/log", "w", encoding="utf-8"):
            pass
        log = open(f"{self.folder.name}/log", "a", encoding="utf-8")
        self.addCleanup(log.close)
        process = subprocess.Popen([f"{BUILD}/workspace-supervisor", f"--config-file={self.configuration(more)}"],
                                   stderr=log, env=bare_environment())
        self.addCleanup(self.end, process)
        return process

    def said(self, process):
        with open(f"{self.folder.name}/log", encoding="utf-8") as log:
            return log.read()

    def wait_said(self, process, text):
        give_up = time.monotonic() + GENEROUS
        while text not in self.said(process):
            self.assertIsNone(process.poll(), self.said(process))
            self.assertLess(time.monotonic(), give_up, f"never said {text}: {self.said(process)}")
            time.sleep(0.02)

    def assert_ends(self, process, code, within=GENEROUS):
        self.assertEqual(process.wait(timeout=within), code, self.said(process))

    def test_sigterm_and_sigint_end_it_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start()
            self.wait_said(process, "beat.delivered")
            process.send_signal(number)
            self.assert_ends(process, 0, within=IN_TIME)

    def answer_of(self, *arguments, configuration=None, before=None, **more):
        return subprocess.run([f"{BUILD}/workspace-supervisor", *([f"--config-file={configuration}"] if configuration else []),
                               *arguments], capture_output=True, text=True, timeout=GENEROUS,
                              env=bare_environment() | more, check=False, preexec_fn=before)

    def test_tells_its_version(self):
        answer = self.answer_of("--version")
        self.assertEqual(answer.returncode, 0)
        self.assertRegex(answer.stdout, r"^workspace-supervisor \d+\.\d+\.\d+\n$")

    def test_a_check_of_the_configuration_tells_warnings_too(self):
        answer = self.answer_of("--check-config", configuration=self.configuration(), HTTP_PROXY="http://proxy")
        self.assertIn("warning: proxies are not used", answer.stderr)
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_a_file_of_certificates_that_is_a_folder_is_named(self):
        answer = self.answer_of("--check-config", "--workspace.platform-url=https://platform.example",
                                configuration=self.configuration(f'platform.ca-file = "{self.folder.name}"'))
        self.assertEqual(answer.returncode, 78)
        self.assertIn("it is a folder", answer.stderr)

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_only_root_runs_the_agent_as_another_user(self):
        os.chmod(self.folder.name, 0o755)
        path = self.configuration('agent.user = "daemon"\nagent.command = ["true"]')
        answer = self.answer_of("--check-config", configuration=path, before=lambda: os.setuid(65534))
        self.assertEqual(answer.returncode, 78, answer.stderr)
        self.assertIn("only root can run the command as", answer.stderr)

    def test_a_control_socket_that_another_serves_ends_it_with_75(self):
        taken = f"{self.folder.name}/taken.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(taken)
            listener.listen()
            process = self.start(f'control.socket = "{taken}"')
            self.assert_ends(process, 75)
            self.assertIn("control.unavailable", self.said(process))
            self.assertIn(taken, self.said(process))

    def test_a_control_socket_that_cannot_be_bound_ends_it_with_78(self):
        for wrong, told in ((f"{self.folder.name}/missing/control.sock", "No such file"),
                            (f"{self.folder.name}/" + "x" * 200, "at most 107 bytes")):
            process = self.start(f'control.socket = "{wrong}"')
            self.assert_ends(process, 78)
            self.assertIn(told, self.said(process))

    def test_a_file_in_the_place_of_the_control_socket_is_left_there(self):
        place = f"{self.folder.name}/control"
        with open(place, "w", encoding="ascii") as file:
            file.write("somebody's own")
        process = self.start(f'control.socket = "{place}"')
        self.assert_ends(process, 78)
        self.assertIn("found something else", self.said(process))
        with open(place, encoding="ascii") as file:
            self.assertEqual(file.read(), "somebody's own")

    def test_ends_in_time_while_the_platform_hangs(self):
        self.platform.send_signal(signal.SIGSTOP)
        self.addCleanup(self.platform.send_signal, signal.SIGCONT)
        process = self.start()
        self.wait_said(process, "supervisor.started")
        process.send_signal(signal.SIGTERM)
        self.assert_ends(process, 0, within=IN_TIME)

    def test_wrong_configuration_ends_it_with_78(self):
        process = self.start("heartbeat.intervall = 5s")
        self.assert_ends(process, 78)
        self.assertIn("heartbeat.interval", self.said(process))

    def test_second_one_on_the_same_state_ends_with_75(self):
        first = self.start()
        self.wait_said(first, "beat.delivered")
        second = self.start()
        self.assert_ends(second, 75)
        self.assertIsNone(first.poll())

    def test_supervision_that_gives_up_ends_it_with_70(self):
        process = self.start("supervisor { max-restarts = 1\n fault-injection = true }")
        self.wait_said(process, "beat.delivered")
        give_up = time.monotonic() + GENEROUS
        while process.poll() is None and time.monotonic() < give_up:
            connection = UnixConnection(f"{self.folder.name}/.supervisor/control.sock", GENEROUS)
            try:
                connection.request("POST", "/v1/debug/crash",
                                   json.dumps({"workspace": "ws-1", "actor": "heartbeat"}),
                                   {"Content-Type": "application/json"})
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                pass  # it is about to end
            finally:
                connection.close()
            time.sleep(0.05)
        self.assert_ends(process, 70)

    def test_never_says_the_token(self):
        process = self.start()
        self.wait_said(process, "beat.delivered")
        with open(f"{self.folder.name}/.auth_token", "w", encoding="utf-8") as file:
            file.write(TOKEN + "-that-is-refused")
        self.wait_said(process, "beat.failed")
        process.terminate()
        self.assert_ends(process, 0)
        self.assertNotIn(TOKEN, self.said(process))

    def test_lives_without_a_writable_state_directory(self):
        with open(f"{self.folder.name}/no-folder", "w", encoding="utf-8") as file:
            file.write("")
        process = self.start(f'workspace.state-dir = "{self.folder.name}/no-folder"\n'
                             f'control.socket = "{self.folder.name}/control.sock"')
        self.wait_said(process, "beat.delivered")


if __name__ == "__main__":
    unittest.main()

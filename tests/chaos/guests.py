"""Workspaces that are added at run time and removed again, and other calls of the control API, from threads of their
own: a call may wait for seconds."""

import json
import os
import random
import shutil
import threading
import time
from os import path

from workspace_supervisor import Supervisor as Control
from workspace_supervisor import SupervisorError
from workspace_supervisor._connection import Connection

from scene import HOSTS, MAIN

CALL_TIMEOUT = 5.0
RETRY = 0.3


class Guests:
    def __init__(self, scene):
        self.scene = scene
        self.count = self.removed = 0
        self.present = set()
        self.removed_at = {}
        self.ending = threading.Event()
        self.threads = []

    def come(self):
        self.count += 1
        guest = f"guest-{self.count}"
        folder = path.join(self.scene.disk.folder, guest)
        token = f"secret-of-{guest}"
        try:
            os.makedirs(folder, exist_ok=True)
            with open(path.join(folder, ".auth_token"), "w", encoding="ascii") as file:
                file.write(token)
        except OSError:
            pass  # a disk that is full: it is refused then, until it goes
        self.scene.secrets.add(token)
        self.scene.tokens[guest] = token
        self.scene.add_to_platform(guest)
        self.scene.rows[guest] = dict(enumerate(self.scene.platform.finished_rows(guest, range(5))))
        self.scene.list_rows(guest)
        self.add(guest, folder)
        return guest

    def add(self, workspace, folder):
        """Asks until it is there, or is to go."""
        body = {
            "configs_dir": folder,
            "results_file": path.join(self.scene.supervisor.out, workspace + ".jsonl"),
            "platform_url": f"http://{HOSTS[1]}:{self.scene.supervisor.port}",
        }
        self.present.add(workspace)
        self._begin(self._ask, workspace, "PUT", json.dumps(body).encode(), (200, 201))

    def go(self, guest):
        self.present.discard(guest)
        self._begin(self._remove, guest)

    def _begin(self, function, *arguments):
        self.threads.append(threading.Thread(target=function, args=arguments, daemon=True))
        self.threads[-1].start()

    def _ask(self, workspace, method, body, wanted):
        while not self.ending.is_set() and (method == "DELETE" or workspace in self.present):
            connection = Connection(self.scene.supervisor.socket)
            try:
                status, _ = connection.call(method, "/v1/workspaces/" + workspace, body, CALL_TIMEOUT)
                if status in wanted:
                    return True
            except SupervisorError:
                pass  # it is down or stopped
            finally:
                connection.close()
            time.sleep(RETRY)
        return False

    def _remove(self, guest):
        # A call to add it may still be under way: it is gone when it is not there twice in a row.
        if self._ask(guest, "DELETE", None, (204, 404)):
            time.sleep(CALL_TIMEOUT)
            if self._ask(guest, "DELETE", None, (204, 404)):
                self.removed_at[guest] = time.monotonic()
                self.removed += 1

    def are_settled(self):
        """Whether none is being added or removed."""
        self.threads = [thread for thread in self.threads if thread.is_alive()]
        return not self.threads

    def drop_from_platform(self):
        """On the script's own thread."""
        for guest in [guest for guest in self.removed_at if guest in self.scene.tokens]:
            if time.monotonic() > self.removed_at[guest] + 5:
                del self.scene.tokens[guest]
                del self.scene.rows[guest]
                self.scene.platform.remove_workspace(guest)
                shutil.rmtree(path.join(self.scene.disk.folder, guest), ignore_errors=True)

    def beats_after_removal(self):
        return {
            guest: late
            for guest, removed in self.removed_at.items()
            if (late := [beat - removed for beat in self.scene.record.beats[guest] if beat > removed + 1])
        }


class Callers:
    """Asks and tells the supervisor this and that."""

    def __init__(self, scene):
        self.control = Control(scene.supervisor.socket, workspace_id=MAIN, timeout=2.0)
        self.calls = self.failed = 0

    def call_something(self):
        threading.Thread(target=self._call, args=(random.random(),), daemon=True).start()

    def _call(self, which):
        control = self.control
        calls = (
            control.stats,
            control.metrics,
            control.ready,
            control.workspaces,
            lambda: control.results(limit=1000),
            lambda: control.beat(timeout=5.0),
            lambda: control.record_outcomes(successes=3, errors=1, sample_error="an error"),
            lambda: control.set_runtime_metadata({"chaos": which}),
            lambda: control._json("POST", "/v1/reload"),
        )
        self.calls += 1
        try:
            calls[int(which * len(calls))]()
        except (SupervisorError, OSError):
            self.failed += 1

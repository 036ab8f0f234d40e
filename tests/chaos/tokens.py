"""Rotates tokens, as a platform and its operators do: in time, late, and with rubbish in the file before."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from os import path

from workspace_supervisor import Supervisor as Control
from workspace_supervisor import SupervisorError

RUBBISH = (b"", b"\x00\x01\x02", b"no-such-token\n", b"x" * 9000)
CALL_TIMEOUT = 5.0


class Tokens:
    def __init__(self, scene, folders):
        """folders: by workspace the folder of its token."""
        self.scene, self.folders = scene, folders
        self.count = 0
        self._waiting = {}  # by workspace: [token, way, excuse, released]
        self._calls = ThreadPoolExecutor(1)
        self._call = None
        for workspace in folders:
            self._write(workspace, scene.tokens[workspace].encode())

    def _write(self, workspace, content):
        """As an operator's tool does: beside it, then renamed into place. False: the disk does not take it."""
        target = path.join(self.folders[workspace], ".auth_token")
        try:
            with open(target + ".new", "wb") as file:
                file.write(content)
            os.rename(target + ".new", target)
            return True
        except OSError:
            return False

    def is_waiting(self, workspace):
        return workspace in self._waiting

    def rotate(self, workspace, way):
        self.count += 1
        token = f"secret-{self.count}-of-{workspace}"
        self.scene.secrets.add(token)
        if way == "file-first" and not self._write(workspace, token.encode()):
            way = "at-once"
        excuse = self.scene.excuses.begin(time.monotonic(), "the token was stale", workspace)
        self.scene.tokens[workspace] = token
        self.scene.platform.call("POST", "token", {"workspace": workspace, "token": token})
        if way == "file-first":
            excuse.end = time.monotonic()
            return
        if way == "garbage":
            self._write(workspace, RUBBISH[self.count % len(RUBBISH)])
        self._waiting[workspace] = [token, way, excuse, way == "at-once"]
        self.go_on()

    def release(self, workspace):
        if workspace in self._waiting:
            self._waiting[workspace][3] = True

    def go_on(self):
        """Puts into place what waits for it."""
        for workspace, (token, way, excuse, released) in list(self._waiting.items()):
            if not released:
                continue
            if way == "over-control":
                if self._hand_over(workspace, token):
                    excuse.end = time.monotonic()
                    del self._waiting[workspace]
            elif self._write(workspace, token.encode()):
                excuse.end = time.monotonic()
                del self._waiting[workspace]

    def _hand_over(self, workspace, token):
        """True once the supervisor has taken it."""
        if self._call is None:
            control = Control(self.scene.supervisor.socket, workspace_id=workspace, timeout=CALL_TIMEOUT)
            self._call = workspace, self._calls.submit(control.set_token, token)
        called, future = self._call
        if called != workspace or not future.done():
            return False
        self._call = None
        return not isinstance(future.exception(), (SupervisorError, OSError))

"""The thread that passes on what the agent says, and holds the connection by which the supervisor sees it."""

from __future__ import annotations

import json
import logging
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Dict, Optional
from urllib.parse import quote

from ._batch import Batch
from ._connection import Connection
from ._errors import SupervisorUnavailable, error_of
from ._presence import Presence

if TYPE_CHECKING:
    from .heartbeat import HeartbeatLoop

_log = logging.getLogger("workspace_supervisor")

# Assignments that follow each other within this time (seconds) go together: an agent sets active_tasks and
# current_task in two statements, and the platform shall see them in one beat.
_LINGER = 0.01
_CALL_TIMEOUT = 10.0
_FIRST_RETRY = 0.1
_LAST_RETRY = 5.0
# A connection that ends may mean a supervisor that starts anew, which is told the state again; or one that has too
# many, which must not be asked for a new one at once for ever.
_TELL_ANEW_GAP = 5.0
# How long the last attempt to hand over what is left and to say goodbye may take.
_LAST_CALL_TIMEOUT = 1.0

# Answers that say that this batch will never be taken; to others there may be another answer later.
_FINAL = (400, 413, 415)
# A supervisor that is older does not know this call, and a sign of life is worth nothing later.
_FINAL_OF_PROGRESS = _FINAL + (404,)


class Sender:
    """The background thread, its connection and its attachment."""

    def __init__(self, loop: HeartbeatLoop) -> None:
        self._loop = loop
        self._target = f"/v1/workspaces/{quote(loop.workspace_id, safe='')}"
        self._connection = Connection(loop._socket_path)
        self._presence = Presence(loop._socket_path, self._target + "/attach")
        self._attached_before = False
        self._stopping = threading.Event()
        self._signalled = False
        self._trouble = ""
        self._refusals: Dict[str, str] = {}
        self._timed_out = False  # the last attempt to tell
        self._retry = _FIRST_RETRY
        self._retry_at: Optional[float] = None
        self._told_anew_at = -_TELL_ANEW_GAP
        self._tell_anew_at: Optional[float] = None
        self._woken, self._waker = socket.socketpair()
        try:
            self._woken.setblocking(False)
            self._waker.setblocking(False)
            self._thread = threading.Thread(target=self._run, name="workspace-supervisor", daemon=True)
            self._thread.start()
        except BaseException:
            self.close()
            raise

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self._stopping.set()
        self._signal()

    def wake(self) -> None:
        """Never blocks; one byte is enough for any number of calls."""
        if not self._signalled:
            self._signal()

    def _signal(self) -> None:
        self._signalled = True
        try:
            self._waker.send(b"\0")
        except OSError:
            pass  # full: the thread wakes anyway; closed: it has ended

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                if self._presence.go_on():
                    self._now_attached()
                if self._retry_at is None or time.monotonic() >= self._retry_at:
                    self._try_to_tell()
                self._wait()
            self._try_to_tell()
            self._say_goodbye()
        finally:
            self.close()

    def close(self) -> None:
        """Closes this process's descriptors; what another one holds of them stays open."""
        self._connection.close()
        self._presence.close()
        self._woken.close()
        self._waker.close()

    def _wait(self) -> None:
        """Until the agent says something, a connection ends, or something is due."""
        due = [at for at in (self._presence.due, self._retry_at, self._tell_anew_at) if at is not None]
        woken, connection, attachment = self._woken.fileno(), self._connection.fileno(), self._presence.fileno()
        with selectors.DefaultSelector() as selector:
            for watched in (woken, connection, attachment):
                if watched is not None:
                    selector.register(watched, selectors.EVENT_READ)
            ready = [key.fd for key, _ in selector.select(max(0.0, min(due) - time.monotonic()))]
        now = time.monotonic()
        if connection in ready:
            self._connection.close()
            if self._tell_anew_at is None:
                self._tell_anew_at = max(now, self._told_anew_at + _TELL_ANEW_GAP)
        if self._tell_anew_at is not None and now >= self._tell_anew_at:
            self._tell_anew(now)
        if woken in ready:
            self._woken.recv(64)
            if self._retry_at is None and not self._stopping.is_set():
                time.sleep(_LINGER)

    def _tell_anew(self, now: float) -> None:
        self._tell_anew_at = None
        self._told_anew_at = now
        self._loop._forgotten()

    def _now_attached(self) -> None:
        """The supervisor is there: what waits need not wait longer, and one that started anew has forgotten."""
        if self._attached_before:
            self._tell_anew(time.monotonic())
        self._attached_before = True
        self._retry = _FIRST_RETRY
        self._retry_at = None

    def _say_goodbye(self) -> None:
        """Without it, the end of the attachment is the end of an agent that crashed."""
        deadline = time.monotonic() + _LAST_CALL_TIMEOUT
        try:
            if self._timed_out or not self._presence.settle(deadline):
                return
            # Over a new connection: the supervisor may be closing a kept one in this moment.
            self._connection.close()
            patience = max(0.001, deadline - time.monotonic())
            status, answer = self._connection.call("POST", self._target + "/detach", None, patience)
            if status != 200:
                raise error_of(status, answer)
        except Exception as error:
            # As in _tell.
            _log.info("no goodbye to the supervisor: %s", error)

    def _try_to_tell(self) -> None:
        # Only now: whoever speaks before is heard in what follows, whoever speaks after wakes again.
        self._signalled = False
        if self._tell():
            self._retry = _FIRST_RETRY
            self._retry_at = None
        else:
            self._retry_at = time.monotonic() + self._retry
            self._retry = min(self._retry * 2, _LAST_RETRY)

    def _tell(self) -> bool:
        """Tells what waits. False: there is more to do, later."""
        self._timed_out = False
        batch = self._loop._take()
        if not batch:
            return True
        try:
            # Outcomes first: the beat that a change of activity causes has them.
            if batch.has_outcomes():
                outcomes: Dict[str, Any] = {"successes": max(0, batch.successes), "errors": batch.errors}
                if batch.sample_error is not None:
                    outcomes["sample_error"] = batch.sample_error
                self._call("POST", "/outcomes", outcomes, batch)
                batch.successes = batch.errors = 0
                batch.sample_error = None
            if batch.activity:
                self._call("PUT", "/activity", self._loop._activity(), batch)
                batch.activity = False
            if batch.progress is not None:
                self._call("POST", "/progress", {"note": batch.progress} if batch.progress else {}, batch)
            self._well()
            return True
        except Exception as error:
            # Not only what is expected: this thread must outlive whatever happens to it.
            self._connection.close()
            self._timed_out = isinstance(error, SupervisorUnavailable) and error.code == "timeout"
            self._loop._put_back(batch)
            self._loop._forgotten()
            self._badly(error)
            return False

    def _call(self, method: str, what: str, body: Dict[str, Any], batch: Batch) -> None:
        timeout = _LAST_CALL_TIMEOUT if self._stopping.is_set() else _CALL_TIMEOUT
        encoded = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        try:
            status, answer = self._connection.call(method, self._target + what, encoded, timeout)
        except SupervisorUnavailable as error:
            if error.code == "timeout" and what == "/outcomes":
                # It lives and has the request: told again, each retry would count once more.
                batch.successes = batch.errors = 0
                batch.sample_error = None
            raise
        if status == 200:
            return
        refusal = error_of(status, answer)
        if status not in (_FINAL_OF_PROGRESS if what == "/progress" else _FINAL):
            raise refusal
        if self._refusals.get(what) != str(refusal):
            _log.error("the supervisor refuses %s, it is not told again: %s", what, refusal)
            self._refusals[what] = str(refusal)

    def _well(self) -> None:
        if self._trouble:
            _log.info("the supervisor is back")
            self._trouble = ""

    def _badly(self, error: Exception) -> None:
        if self._trouble != str(error):
            _log.warning("the supervisor cannot be told, what is said is kept: %s", error)
            self._trouble = str(error)

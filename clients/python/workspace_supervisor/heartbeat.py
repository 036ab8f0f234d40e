"""The drop-in for an agent's own heartbeat loop: same class, but the beats are the supervisor's."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import selectors
import socket
import threading
import time
import weakref
from dataclasses import dataclass
from typing import Any, Dict, Optional
from urllib.parse import quote

from ._connection import Connection, default_socket_path
from ._errors import SupervisorUnavailable, error_of
from ._presence import Presence

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
# How long stop() tries to hand over what is left and to say goodbye.
_LAST_CALL_TIMEOUT = 1.0
_STOP_PATIENCE = 2.0
# A body has at most 64 KiB, and a character of a text at most 6 bytes in JSON.
_LONGEST_TEXT = 8192
_MOST_TOLD = 1_000_000_000

# Answers that say that this batch will never be taken; to others there may be another answer later.
_FINAL = (400, 413, 415)
# A supervisor that is older does not know this call, and a sign of life is worth nothing later.
_FINAL_OF_PROGRESS = _FINAL + (404,)


@dataclass
class _Batch:
    """What has still to be told. Merged, so that its size does not grow however long the supervisor is away."""

    successes: int = 0
    errors: int = 0
    sample_error: Optional[str] = None
    activity: bool = False
    progress: Optional[str] = None  # the note, "" for none

    def has_outcomes(self) -> bool:
        return self.successes > 0 or self.errors > 0 or self.sample_error is not None

    def __bool__(self) -> bool:
        return self.activity or self.progress is not None or self.has_outcomes()

    def put_back(self, older: "_Batch") -> None:
        self.successes = min(self.successes + older.successes, _MOST_TOLD)
        self.errors = min(self.errors + older.errors, _MOST_TOLD)
        if self.sample_error is None:
            self.sample_error = older.sample_error
        self.activity = self.activity or older.activity
        if not self.progress and older.progress is not None:
            self.progress = older.progress


class HeartbeatLoop:
    """What the agent says of itself, passed on to the supervisor by a background thread.

    No method and no assignment blocks or raises because the supervisor is slow, away or restarting. What is said
    meanwhile is merged (counts are added up, the last state and the last error text are kept) and arrives when it
    is back; an outcome is sent again when the connection ended before the answer, and not after a time-out, when
    the supervisor may well have it.

    From start() to stop() the supervisor sees that this process lives: a process that ends without stop() is taken
    for one that crashed.

    platform_url: kept for its readers; the supervisor knows the platform by its own configuration.
    socket_path: default WORKSPACE_SUPERVISOR_SOCKET, else .supervisor/control.sock in CONFIGS_DIR or /configs.
    """

    def __init__(self, platform_url: str, workspace_id: str, *, socket_path: Optional[str] = None) -> None:
        self.platform_url = platform_url
        self.workspace_id = workspace_id
        self.start_time = time.time()
        self._socket_path = socket_path or default_socket_path()

        self._lock = threading.Lock()  # guards what follows
        self._active_tasks = 0
        self._current_task = ""
        self._sample_error = ""
        self._error_count = 0
        self._request_count = 0
        self._waiting = _Batch()
        # By assignment a failed request counts twice: in error_count and in request_count. These are the halves
        # whose other half has not been assigned yet.
        self._errors_alone = 0
        self._requests_alone = 0
        self._sender: Optional[_Sender] = None
        _loops.add(self)

    # -- what the agent says

    @property
    def active_tasks(self) -> int:
        return self._active_tasks

    @active_tasks.setter
    def active_tasks(self, value: int) -> None:
        with self._lock:
            self._active_tasks = value
            self._waiting.activity = True
            self._wake()

    @property
    def current_task(self) -> str:
        return self._current_task

    @current_task.setter
    def current_task(self, value: str) -> None:
        with self._lock:
            self._current_task = value
            self._waiting.activity = True
            self._wake()

    @property
    def sample_error(self) -> str:
        """The last error's text."""
        return self._sample_error

    @sample_error.setter
    def sample_error(self, value: str) -> None:
        with self._lock:
            self._sample_error = value
            self._waiting.sample_error = _text(value)
            self._wake()

    @property
    def error_count(self) -> int:
        """Errors since the start, or since it was last assigned a lower number."""
        return self._error_count

    @error_count.setter
    def error_count(self, value: int) -> None:
        with self._lock:
            more = max(0, _count(value) - _count(self._error_count))
            self._error_count = value
            matched = min(more, self._requests_alone)
            self._requests_alone -= matched
            self._waiting.successes -= matched
            self._errors_alone += more - matched
            self._waiting.errors = min(self._waiting.errors + more, _MOST_TOLD)
            self._wake()

    @property
    def request_count(self) -> int:
        """Requests since the start, or since it was last assigned a lower number."""
        return self._request_count

    @request_count.setter
    def request_count(self, value: int) -> None:
        with self._lock:
            more = max(0, _count(value) - _count(self._request_count))
            self._request_count = value
            matched = min(more, self._errors_alone)
            self._errors_alone -= matched
            room = max(0, _MOST_TOLD - self._waiting.successes)
            self._requests_alone += min(more - matched, room)
            self._waiting.successes += min(more - matched, room)
            self._wake()

    @property
    def error_rate(self) -> float:
        """Errors over requests, as counted here; what the platform is told is the rate of the time since the
        last delivered beat."""
        return self._error_count / self._request_count if self._request_count else 0.0

    def record_error(self, error: str) -> None:
        with self._lock:
            self._error_count += 1
            self._request_count += 1
            self._sample_error = error
            self._waiting.errors = min(self._waiting.errors + 1, _MOST_TOLD)
            self._waiting.sample_error = _text(error)
            self._wake()

    def record_success(self) -> None:
        with self._lock:
            self._request_count += 1
            self._waiting.successes = min(self._waiting.successes + 1, _MOST_TOLD)
            self._wake()

    def progress(self, note: str = "") -> None:
        """A sign of life of a long task. note: how far it is; the last one is kept."""
        with self._lock:
            self._waiting.progress = _text(note) or self._waiting.progress or ""
            self._wake()

    # -- from start to end

    def start(self) -> None:
        """Begins to pass on what was and will be said, and to show the supervisor that this process lives. Needs
        no event loop."""
        with self._lock:
            if self._sender is not None:
                return
            # An agent before this one may have told another state.
            self._waiting.activity = True
            try:
                self._sender = _Sender(self)
            except (OSError, RuntimeError) as error:
                _log.error("no thread for the supervisor, it is told nothing: %s", error)

    async def stop(self) -> None:
        """Hands over what has not been told yet and says goodbye, as far as the supervisor takes it within 2 s,
        and ends."""
        with self._lock:
            sender, self._sender = self._sender, None
        if sender is None:
            return
        sender.stop()
        deadline = time.monotonic() + _STOP_PATIENCE
        while sender.is_alive() and time.monotonic() < deadline:
            await asyncio.sleep(0.005)

    # -- between the agent and the sender

    def _wake(self) -> None:
        """Under the lock."""
        if self._sender is not None:
            self._sender.wake()

    def _take(self) -> _Batch:
        with self._lock:
            batch, self._waiting = self._waiting, _Batch()
            self._requests_alone = 0
            return batch

    def _put_back(self, batch: _Batch) -> None:
        with self._lock:
            self._waiting.put_back(batch)

    def _activity(self) -> Dict[str, Any]:
        with self._lock:
            return {"active_tasks": _count(self._active_tasks), "current_task": _text(self._current_task)}

    def _forgotten(self) -> None:
        """A connection has ended: a supervisor that starts anew knows nothing of what the agent does."""
        with self._lock:
            if self._active_tasks or self._current_task:
                self._waiting.activity = True

    def _after_fork(self) -> None:
        # The child has the memory and the descriptors, but not the thread; and a lock that was held in that moment
        # stays held.
        self._lock = threading.Lock()
        if self._sender is not None:
            self._sender.close()
            self._sender = None


class _Sender:
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

    def _call(self, method: str, what: str, body: Dict[str, Any], batch: _Batch) -> None:
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


def _text(value: Any) -> str:
    return "" if value is None else str(value)[:_LONGEST_TEXT]


def _count(value: Any) -> int:
    try:
        return min(max(0, int(value)), _MOST_TOLD)
    except (TypeError, ValueError, OverflowError):
        return 0


_loops: "weakref.WeakSet[HeartbeatLoop]" = weakref.WeakSet()


def _after_fork() -> None:
    for loop in list(_loops):
        loop._after_fork()


os.register_at_fork(after_in_child=_after_fork)

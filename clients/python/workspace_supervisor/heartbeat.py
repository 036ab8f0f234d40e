"""The drop-in for an agent's own heartbeat loop: same class, but the beats are the supervisor's."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import weakref
from typing import Any, Dict, Optional

from ._batch import MOST_TOLD, Batch, count_of, text_of
from ._connection import default_socket_path
from ._sender import Sender

_log = logging.getLogger("workspace_supervisor")

# How long stop() waits for the thread to end.
_STOP_PATIENCE = 2.0


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
        self._waiting = Batch()
        # By assignment a failed request counts twice: in error_count and in request_count. These are the halves
        # whose other half has not been assigned yet.
        self._errors_alone = 0
        self._requests_alone = 0
        self._sender: Optional[Sender] = None
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
            self._waiting.sample_error = text_of(value)
            self._wake()

    @property
    def error_count(self) -> int:
        """Errors since the start, or since it was last assigned a lower number."""
        return self._error_count

    @error_count.setter
    def error_count(self, value: int) -> None:
        with self._lock:
            more = max(0, count_of(value) - count_of(self._error_count))
            self._error_count = value
            matched = min(more, self._requests_alone)
            self._requests_alone -= matched
            self._waiting.successes -= matched
            self._errors_alone += more - matched
            self._waiting.errors = min(self._waiting.errors + more, MOST_TOLD)
            self._wake()

    @property
    def request_count(self) -> int:
        """Requests since the start, or since it was last assigned a lower number."""
        return self._request_count

    @request_count.setter
    def request_count(self, value: int) -> None:
        with self._lock:
            more = max(0, count_of(value) - count_of(self._request_count))
            self._request_count = value
            matched = min(more, self._errors_alone)
            self._errors_alone -= matched
            room = max(0, MOST_TOLD - self._waiting.successes)
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
            self._waiting.errors = min(self._waiting.errors + 1, MOST_TOLD)
            self._waiting.sample_error = text_of(error)
            self._wake()

    def record_success(self) -> None:
        with self._lock:
            self._request_count += 1
            self._waiting.successes = min(self._waiting.successes + 1, MOST_TOLD)
            self._wake()

    def progress(self, note: str = "") -> None:
        """A sign of life of a long task. note: how far it is; the last one is kept."""
        with self._lock:
            self._waiting.progress = text_of(note) or self._waiting.progress or ""
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
                self._sender = Sender(self)
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

    def _take(self) -> Batch:
        with self._lock:
            batch, self._waiting = self._waiting, Batch()
            self._requests_alone = 0
            return batch

    def _put_back(self, batch: Batch) -> None:
        with self._lock:
            self._waiting.put_back(batch)

    def _activity(self) -> Dict[str, Any]:
        with self._lock:
            return {"active_tasks": count_of(self._active_tasks), "current_task": text_of(self._current_task)}

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


_loops: "weakref.WeakSet[HeartbeatLoop]" = weakref.WeakSet()


def _after_fork() -> None:
    for loop in list(_loops):
        loop._after_fork()


os.register_at_fork(after_in_child=_after_fork)

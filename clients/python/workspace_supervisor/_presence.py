"""That the supervisor sees the agent's process, whatever becomes of the supervisor."""

from __future__ import annotations

import logging
import time
from typing import Optional

from ._attachment import AttachStream
from ._connection import STREAM_SILENCE
from ._errors import SupervisorUnavailable

_log = logging.getLogger("workspace_supervisor")

# Pauses before it attaches again (seconds), doubling: a supervisor that was started anew shall know within a second
# that the agent lives; one that refuses (older, or with too many attachments) is asked more seldom.
_FIRST_PAUSE = 0.05
_LAST_PAUSE = 0.5
_LAST_PAUSE_REFUSED = 5.0
# An attachment that lasted this long was a good one: after it the pauses begin anew.
_GOOD = 1.0
_ANSWER_TIMEOUT = 10.0


class Presence:
    """An attachment that is made again whenever it ends. Used by one thread, which it never blocks."""

    def __init__(self, path: str, target: str) -> None:
        self._stream = AttachStream(path, target)
        self._pause = _FIRST_PAUSE
        self._since = 0.0
        self._refusal = ""
        # When it attaches again; while there is a connection, when it is given up unless something comes.
        self.due = time.monotonic()

    def fileno(self) -> Optional[int]:
        """To be watched: readable means that there is something for go_on()."""
        return self._stream.fileno()

    def go_on(self) -> bool:
        """Does what is due. True: the supervisor has attached this process just now."""
        try:
            return self._go_on(time.monotonic())
        except SupervisorUnavailable:
            self._end(_LAST_PAUSE)  # whoever tells it something says so in the log
        except Exception as error:
            # Not only refusals: this must go on whatever happens to it.
            self._end(_LAST_PAUSE_REFUSED)
            if self._refusal != str(error):
                _log.warning("the supervisor does not see whether the agent lives: %s", error)
                self._refusal = str(error)
        return False

    def settle(self, deadline: float) -> bool:
        """Waits for an answer that is on its way. Whether this process is attached, then."""
        while self._stream.fileno() is not None and not self._stream.attached:
            self._stream.read(max(0.001, deadline - time.monotonic()))
        return self._stream.attached

    def close(self) -> None:
        self._stream.close()

    def _go_on(self, now: float) -> bool:
        stream = self._stream
        if stream.fileno() is None:
            if now >= self.due:
                stream.open()
                self.due = now + _ANSWER_TIMEOUT
            return False
        was_attached = stream.attached
        if stream.read() and stream.attached:
            self.due = now + STREAM_SILENCE
        elif now >= self.due:
            raise SupervisorUnavailable("timeout", "the supervisor has been silent for too long")
        if was_attached or not stream.attached:
            return False
        self._since = now
        if self._refusal:
            _log.info("the supervisor sees that the agent lives")
            self._refusal = ""
        return True

    def _end(self, last_pause: float) -> None:
        now = time.monotonic()
        if self._stream.attached and now - self._since >= _GOOD:
            self._pause = _FIRST_PAUSE
        self._stream.close()
        pause = min(self._pause, last_pause)
        self._pause = pause * 2
        self.due = now + pause

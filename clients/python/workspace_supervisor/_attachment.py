"""An attachment: the connection by which the supervisor sees that this process lives."""

from __future__ import annotations

import os
import socket
import threading
import weakref
from typing import Callable, Optional

from ._connection import STREAM_SILENCE
from ._errors import SupervisorError, SupervisorUnavailable, error_of

# A refusal has a body of some hundred bytes; whoever sends more than this is no supervisor.
_LONGEST_ANSWER = 65536


class AttachStream:
    """Asks for an attachment and holds it. Used by one thread.

    The methods wait for at most `patience` seconds, by default not at all.
    """

    def __init__(self, path: str, target: str) -> None:
        self.attached = False
        self._path = path
        self._request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode("ascii")
        self._answer = b""
        self._socket: Optional[socket.socket] = None
        _streams.add(self)

    def fileno(self) -> Optional[int]:
        return None if self._socket is None else self._socket.fileno()

    def open(self, patience: float = 0.0) -> None:
        """Connects and asks. Raises SupervisorUnavailable, with the connection closed."""
        self.close()
        try:
            with _fork_guard:
                opened = self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            opened.settimeout(patience)
            opened.connect(self._path)
            opened.sendall(self._request)
        except OSError as error:
            self.close()
            raise SupervisorUnavailable("unreachable", f"{self._path}: {error.strerror or error}") from error

    def read(self, patience: float = 0.0) -> bool:
        """Takes what has come and throws it away, but for the answer's head. Whether anything came.

        Raises SupervisorError when the attachment is refused, SupervisorUnavailable when it has ended.
        """
        if self._socket is None:
            raise SupervisorUnavailable("closed", "the attachment is closed")
        try:
            self._socket.settimeout(patience)
            received = self._socket.recv(65536)
        except BlockingIOError:
            return False
        except socket.timeout as error:
            raise SupervisorUnavailable("timeout", f"{self._path} has been silent for too long") from error
        except OSError as error:
            raise SupervisorUnavailable("closed", f"{self._path}: {error.strerror or error}") from error
        if not self.attached:
            self._take_answer(received)
        elif not received:
            raise SupervisorUnavailable("closed", f"{self._path} has ended the attachment")
        return True

    def end(self) -> None:
        """Ends the connection for whoever waits for it, in another thread too, and for all who hold a copy."""
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already

    def close(self) -> None:
        """Closes this process's descriptor; what another one holds of it stays open."""
        self.attached = False
        self._answer = b""
        if self._socket is not None:
            with _fork_guard:
                self._socket.close()
            self._socket = None

    def _take_answer(self, received: bytes) -> None:
        self._answer += received
        head, end, body = self._answer.partition(b"\r\n\r\n")
        too_long = len(self._answer) > _LONGEST_ANSWER
        if not end:
            if not received:
                raise SupervisorUnavailable("closed", f"the connection to {self._path} ended early")
            if too_long:
                raise SupervisorUnavailable("no_http", f"{self._path}: the answer's head does not end")
            return
        try:
            status = int(head.split(b" ", 2)[1])
        except (IndexError, ValueError) as error:
            raise SupervisorUnavailable("no_http", f"{self._path}: {head[:80]!r}") from error
        if status == 200:
            self.attached = True
            self._answer = b""
        elif not received or too_long:
            raise error_of(status, body)


class Attachment:
    """While it is open, the supervisor knows that this process lives; should the process die, the supervisor
    knows at once. For one life of the supervisor: when that ends, so does the attachment.

        with supervisor.attach(): ...
    """

    def __init__(self, stream: AttachStream, say_goodbye: Callable[[], None]) -> None:
        self._stream = stream
        self._say_goodbye = say_goodbye
        self._ended = False
        # Somebody must read: the supervisor gives up whoever leaves its comment lines lying.
        self._thread = threading.Thread(target=self._read_on, name="workspace-supervisor-attachment", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether it has ended: by close(), with the supervisor, or because that has been silent for 45 s."""
        return self._ended or self._stream.fileno() is None

    def fileno(self) -> int:
        """To be watched, not to be read: readable for good when the attachment has `ended`, and now and then,
        for a moment, before. -1 after close()."""
        descriptor = self._stream.fileno()
        return -1 if descriptor is None else descriptor

    def close(self) -> None:
        """A goodbye: the supervisor does not take the end of this process for a crash. Does not raise when it
        gives no answer; may be repeated."""
        try:
            if not self.ended:
                self._say_goodbye()
        except SupervisorError:
            pass  # the end of the stream has to do
        finally:
            self._stream.end()
            self._thread.join()
            self._stream.close()

    def __enter__(self) -> "Attachment":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_on(self) -> None:
        try:
            while True:
                self._stream.read(STREAM_SILENCE)
        except SupervisorError:
            pass
        self._ended = True
        self._stream.end()


# A child made by fork has a copy of each descriptor, and with it would keep an attachment open beyond its parent's
# death. It closes them; so that it knows of each, none is made or closed in the moment of a fork.
_streams: "weakref.WeakSet[AttachStream]" = weakref.WeakSet()
_fork_guard = threading.RLock()


def _before_fork() -> None:
    _fork_guard.acquire()


def _after_fork_in_parent() -> None:
    _fork_guard.release()


def _after_fork_in_child() -> None:
    _fork_guard.release()
    for stream in list(_streams):
        stream.close()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)

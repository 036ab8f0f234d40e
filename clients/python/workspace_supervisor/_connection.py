"""HTTP over the supervisor's Unix socket."""

from __future__ import annotations

import http.client
import os
import socket
import time
from typing import Optional, Tuple

from ._errors import SupervisorUnavailable

# The supervisor sends a comment line into a silent stream every 15 s: one that is silent for this long (seconds) has
# ended.
STREAM_SILENCE = 45.0


def default_socket_path() -> str:
    """Where the supervisor's socket is, as the environment says."""
    path = os.environ.get("WORKSPACE_SUPERVISOR_SOCKET")
    if path:
        return path
    return os.path.join(os.environ.get("CONFIGS_DIR") or "/configs", ".supervisor", "control.sock")


class _DeadlineSocket(socket.socket):
    """A socket whose reads and writes together end at a deadline."""

    deadline = 0.0

    def _arm(self) -> None:
        self.settimeout(max(0.001, self.deadline - time.monotonic()))

    def recv_into(self, *arguments):  # type: ignore[no-untyped-def]
        self._arm()
        return super().recv_into(*arguments)

    def sendall(self, *arguments):  # type: ignore[no-untyped-def]
        self._arm()
        return super().sendall(*arguments)


class _UnixHTTPConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path
        self.deadline = 0.0

    def connect(self) -> None:
        connecting = _DeadlineSocket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connecting.settimeout(max(0.001, self.deadline - time.monotonic()))
            connecting.connect(self._path)
        except BaseException:
            connecting.close()
            raise
        self.sock = connecting


class Connection:
    """A connection that is kept from one call to the next. Used by one thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._http: Optional[_UnixHTTPConnection] = None

    def fileno(self) -> Optional[int]:
        """To be watched between calls: readable means that the supervisor has closed the connection."""
        if self._http is None or self._http.sock is None:
            return None
        return int(self._http.sock.fileno())

    def close(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    def call(self, method: str, target: str, body: Optional[bytes], timeout: float) -> Tuple[int, bytes]:
        """The status and body of an answer. timeout: seconds for all of it.

        Raises SupervisorUnavailable, with the connection closed.
        """
        try:
            return self._call(method, target, body, time.monotonic() + timeout)
        except socket.timeout as error:
            self.close()
            raise SupervisorUnavailable("timeout", f"no answer within {timeout:g} s from {self._path}") from error
        except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected,
                http.client.IncompleteRead) as error:
            self.close()
            raise SupervisorUnavailable("closed", f"the connection to {self._path} ended early") from error
        except http.client.HTTPException as error:
            self.close()
            raise SupervisorUnavailable("no_http", f"{self._path}: {error!r}") from error
        except OSError as error:
            self.close()
            raise SupervisorUnavailable("unreachable", f"{self._path}: {error.strerror or error}") from error
        except BaseException:
            self.close()
            raise

    def _call(self, method: str, target: str, body: Optional[bytes], deadline: float) -> Tuple[int, bytes]:
        if self._http is None:
            self._http = _UnixHTTPConnection(self._path)
        connection = self._http
        connection.deadline = deadline
        if connection.sock is None:
            connection.connect()
        if isinstance(connection.sock, _DeadlineSocket):
            connection.sock.deadline = deadline
        headers = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

"""The supervisor's control socket, as the benchmark uses it: docs/control-api.md says what the calls are."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

from processes import PATIENCE

CHUNK = 1 << 20


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class ControlApi:
    """A keep-alive connection to the socket."""

    def __init__(self, path: Path) -> None:
        self._connection = _UnixConnection(path)

    def __enter__(self) -> "ControlApi":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def read(self, target: str) -> int:
        """Gets it and throws it away. Returns its length."""
        self._connection.request("GET", target)
        answer = self._connection.getresponse()
        length = 0
        while chunk := answer.read(CHUNK):
            length += len(chunk)
        if answer.status != 200:
            raise RuntimeError(f"GET {target}: status {answer.status}")
        return length

    def crash(self, actor: str, workspace: Optional[str] = None) -> bool:
        """Orders an actor to throw. Returns whether it was there to hear it."""
        order = {"actor": actor, **({"workspace": workspace} if workspace else {})}
        self._connection.request("POST", "/v1/debug/crash", json.dumps(order), {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status not in (200, 503):
            raise RuntimeError(f"crash of {actor}: status {answer.status}: {body.decode()}")
        return answer.status == 200


class Events:
    """The stream of events: each one's object, as it comes."""

    def __init__(self, path: Path) -> None:
        self._connection = _UnixConnection(path)
        self._connection.request("GET", "/v1/events")
        self._answer = self._connection.getresponse()
        if self._answer.status != 200:
            raise RuntimeError(f"events: status {self._answer.status}")
        self._answer.readline()  # a comment that says that the stream is open

    def __enter__(self) -> "Events":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        while line := self._answer.readline():
            if line.startswith(b"data:"):
                yield json.loads(line[len(b"data:"):])

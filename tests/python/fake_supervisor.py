"""A stand-in for the supervisor that answers as a test wants it to."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from pathlib import Path
from typing import BinaryIO, Callable, List, Tuple


class FakeSupervisor:
    """Answers each request as `behaviour` says (a status, "close" or "silence"), and keeps what it answered 200.

    Attachments are answered with the status `attach` after `attach_delay` seconds, or not at all when it is 0;
    `attached` are those that are open, and each that has ended is in `taken` as ("end", {}).
    """

    def __init__(self, path: Path, behaviour: Callable[[str, dict], object]) -> None:
        self._behaviour = behaviour
        self._ended = threading.Event()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self.keeps_open = True
        self.attach = 404
        self.attach_delay = 0.0
        self.attach_requests = 0
        self.attached: List[socket.socket] = []
        self.taken: List[Tuple[str, dict]] = []
        self.asked: List[Tuple[str, dict]] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def outcomes(self, name: str) -> int:
        return sum(body[name] for target, body in self.taken if target.endswith("/outcomes"))

    def calls(self) -> List[str]:
        """The last words of what was answered 200."""
        return [target.rpartition("/")[2] for target, _ in self.taken]

    def end_attachments(self) -> None:
        """@post None of them is in `attached`: whoever waits for an attachment then waits for the next."""
        while self.attached:
            try:
                self.attached.pop().shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has ended already

    def end(self) -> None:
        self._ended.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.end_attachments()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            try:
                while self._answer(connection, stream):
                    pass
            except OSError:
                pass  # who asked did not wait

    def _answer(self, connection: socket.socket, stream: BinaryIO) -> bool:
        line = stream.readline()
        if not line:
            return False
        length = 0
        for header in iter(stream.readline, b"\r\n"):
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        if line.startswith(b"GET ") and b"/attach " in line:
            self.attach_requests += 1
            self._hold(connection, stream)
            return False
        request = (line.split()[1].decode(), json.loads(stream.read(length) or "{}"))
        self.asked.append(request)
        answer = self._behaviour(*request)
        if answer == "silence":
            self._ended.wait()
        if not isinstance(answer, int):
            return False
        if answer == 200:
            self.taken.append(request)
        connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % answer)
        return self.keeps_open

    def _hold(self, connection: socket.socket, stream: BinaryIO) -> None:
        self._ended.wait(self.attach_delay)
        if self.attach == 200:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: attached\n\n")
            self.attached.append(connection)
            stream.read()
            with contextlib.suppress(ValueError):  # end_attachments has taken it out
                self.attached.remove(connection)
            self.taken.append(("end", {}))
        elif self.attach == 0:
            stream.read()
        else:
            connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % self.attach)

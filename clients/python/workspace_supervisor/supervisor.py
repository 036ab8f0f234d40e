"""The control API of the supervisor, a method for each call."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import dataclass
from typing import Any, AsyncIterator, Dict, List, Mapping, Optional
from urllib.parse import quote

from ._attachment import Attachment, AttachStream
from ._connection import STREAM_SILENCE, Connection, default_socket_path
from ._errors import SupervisorUnavailable, error_of

_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Event:
    """Something that happened: its name ("beat.delivered"), and all that is known of it."""

    name: str
    data: Dict[str, Any]


class Supervisor:
    """Talks to a running supervisor. Methods block for at most their timeout, may be called from any thread,
    and raise SupervisorError when the supervisor refuses, SupervisorUnavailable when it gives no answer.

    socket_path: default WORKSPACE_SUPERVISOR_SOCKET, else .supervisor/control.sock in CONFIGS_DIR or /configs.
    workspace_id: what methods are about that are not told otherwise; default WORKSPACE_ID.
    timeout: seconds for a whole call.
    """

    def __init__(self, socket_path: Optional[str] = None, *, workspace_id: Optional[str] = None,
                 timeout: float = 15.0) -> None:
        self.socket_path = socket_path or default_socket_path()
        self.workspace_id = workspace_id or os.environ.get("WORKSPACE_ID") or ""
        self.timeout = timeout

    # -- what it says of itself

    def health(self) -> Dict[str, Any]:
        """Raises SupervisorError (503) when the tree of actors does not answer."""
        return self._json("GET", "/healthz")

    def ready(self) -> Dict[str, Any]:
        """Whether all is well ("ready"), and what is not; not ready is no error."""
        status, body = self._call("GET", "/readyz", None, self.timeout)
        answer = _object(body)
        if status not in (200, 503) or "ready" not in answer:
            raise error_of(status, body)
        return answer

    def metrics(self) -> str:
        """In Prometheus' text format."""
        return self._checked("GET", "/metrics").decode("utf-8")

    def stats(self) -> Dict[str, Any]:
        return self._json("GET", "/v1/stats")

    def workspaces(self) -> List[Dict[str, Any]]:
        return list(self._json("GET", "/v1/workspaces")["workspaces"])

    def workspace(self, workspace: Optional[str] = None) -> Dict[str, Any]:
        return self._json("GET", self._path(workspace))

    def results(self, after: int = 0, limit: int = 100, workspace: Optional[str] = None) -> List[Dict[str, Any]]:
        """Results of delegations with a "seq" beyond `after`, oldest first; at most `limit` (1 to 1000), and
        fewer where they are long: ask on after the last one until none comes."""
        target = f"{self._path(workspace)}/results?after={int(after)}&limit={int(limit)}"
        return list(self._json("GET", target)["results"])

    # -- what the agent says

    def set_activity(self, active_tasks: Optional[int] = None, current_task: Optional[str] = None,
                     workspace: Optional[str] = None) -> None:
        """What is None stays as it was. A change is sent to the platform at once, at most once a second."""
        body: Dict[str, Any] = {}
        if active_tasks is not None:
            body["active_tasks"] = active_tasks
        if current_task is not None:
            body["current_task"] = current_task
        self._json("PUT", self._path(workspace, "activity"), body)

    def record_outcomes(self, successes: int = 0, errors: int = 0, sample_error: Optional[str] = None,
                        workspace: Optional[str] = None) -> None:
        body: Dict[str, Any] = {"successes": successes, "errors": errors}
        if sample_error is not None:
            body["sample_error"] = sample_error
        self._json("POST", self._path(workspace, "outcomes"), body)

    def set_runtime_state(self, state: str, reason: str = "", workspace: Optional[str] = None) -> None:
        """state: "wedged", or "" for healthy."""
        self._json("PUT", self._path(workspace, "runtime-state"), {"state": state, "reason": reason})

    def set_runtime_metadata(self, metadata: Mapping[str, Any], workspace: Optional[str] = None) -> None:
        """Passed on with each beat; an empty one clears it."""
        self._json("PUT", self._path(workspace, "runtime-metadata"), dict(metadata))

    def set_token(self, token: str, workspace: Optional[str] = None) -> None:
        """Saved to disk, and used from the next request on."""
        self._json("PUT", self._path(workspace, "token"), {"token": token})

    def progress(self, note: Optional[str] = None, workspace: Optional[str] = None) -> None:
        """A sign of life of a long task. note: how far it is."""
        self._json("POST", self._path(workspace, "progress"), {} if note is None else {"note": note})

    # -- that the agent lives

    def attach(self, workspace: Optional[str] = None) -> Attachment:
        """Lets the supervisor see that this process lives, until the Attachment is closed or the process ends.
        At most 4 at a time for a workspace (else 503). HeartbeatLoop attaches by itself."""
        stream = AttachStream(self.socket_path, self._path(workspace, "attach"))
        deadline = time.monotonic() + self.timeout
        try:
            stream.open(self.timeout)
            while not stream.attached:
                stream.read(max(0.001, deadline - time.monotonic()))
            return Attachment(stream, lambda: self.detach(workspace))
        except BaseException:
            stream.close()
            raise

    def detach(self, workspace: Optional[str] = None) -> None:
        """A goodbye: ends all attachments of this process, and its end is no crash."""
        self._json("POST", self._path(workspace, "detach"))

    # -- what it shall do

    def agent_start(self, workspace: Optional[str] = None, timeout: float = 60.0) -> Dict[str, Any]:
        """Only for an agent that the supervisor launches, as the next two; for another, SupervisorError (409)."""
        return self._json("POST", self._path(workspace, "agent/start"), timeout=timeout)

    def agent_stop(self, workspace: Optional[str] = None, timeout: float = 60.0) -> Dict[str, Any]:
        return self._json("POST", self._path(workspace, "agent/stop"), timeout=timeout)

    def agent_restart(self, workspace: Optional[str] = None, timeout: float = 60.0) -> Dict[str, Any]:
        return self._json("POST", self._path(workspace, "agent/restart"), timeout=timeout)

    def beat(self, workspace: Optional[str] = None, timeout: float = 90.0) -> Dict[str, Any]:
        """A beat and a poll now; waits for both and returns their outcomes."""
        return self._json("POST", self._path(workspace, "beat"), timeout=timeout)

    def crash(self, actor: str, workspace: Optional[str] = None) -> None:
        """Lets an actor throw (supervisor.fault-injection must be on). workspace: "" for those that serve all
        workspaces; None for the usual one."""
        body = {"actor": actor}
        chosen = self.workspace_id if workspace is None else workspace
        if chosen:
            body["workspace"] = chosen
        self._json("POST", "/v1/debug/crash", body)

    async def events(self) -> AsyncIterator[Event]:
        """What happens, as it happens; ends when the supervisor does.

            async for event in supervisor.events(): ...
        """
        reader, writer = await self._open_events()
        try:
            name, data = "", ""
            while True:
                line = (await self._line(reader)).decode("utf-8", "replace")
                if not line:
                    return
                field, _, value = line.rstrip("\r\n").partition(":")
                value = value[1:] if value.startswith(" ") else value
                if line in ("\n", "\r\n"):
                    if data:
                        yield Event(name or "message", _object(data.encode("utf-8")))
                    name, data = "", ""
                elif field == "event":
                    name = value
                elif field == "data":
                    data += ("\n" if data else "") + value
        finally:
            writer.close()

    # -- how

    def _path(self, workspace: Optional[str], what: str = "") -> str:
        chosen = workspace or self.workspace_id
        if not chosen:
            raise ValueError("which workspace? Give workspace_id to Supervisor, or set WORKSPACE_ID")
        return f"/v1/workspaces/{quote(chosen, safe='')}" + (f"/{what}" if what else "")

    def _call(self, method: str, target: str, body: Optional[bytes], timeout: float) -> "tuple[int, bytes]":
        connection = Connection(self.socket_path)
        try:
            return connection.call(method, target, body, timeout)
        finally:
            connection.close()

    def _checked(self, method: str, target: str, body: Optional[Mapping[str, Any]] = None,
                 timeout: Optional[float] = None) -> bytes:
        encoded = None if body is None else json.dumps(body).encode("ascii")
        status, answer = self._call(method, target, encoded, self.timeout if timeout is None else timeout)
        if status != 200:
            raise error_of(status, answer)
        return answer

    def _json(self, method: str, target: str, body: Optional[Mapping[str, Any]] = None,
              timeout: Optional[float] = None) -> Dict[str, Any]:
        return _object(self._checked(method, target, body, timeout))

    async def _open_events(self) -> "tuple[asyncio.StreamReader, asyncio.StreamWriter]":
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_unix_connection(self.socket_path, limit=_LONGEST_LINE), self.timeout)
        except (OSError, asyncio.TimeoutError) as error:
            raise SupervisorUnavailable("unreachable", f"{self.socket_path}: {error}") from error
        try:
            writer.write(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), self.timeout)
            status = int(head.split(b" ", 2)[1])
            if status != 200:
                raise error_of(status, await asyncio.wait_for(reader.read(_LONGEST_LINE), self.timeout))
            return reader, writer
        except asyncio.TimeoutError as error:
            writer.close()
            raise SupervisorUnavailable("timeout", f"no answer from {self.socket_path}") from error
        except (OSError, EOFError, asyncio.LimitOverrunError, IndexError, ValueError) as error:
            writer.close()
            raise SupervisorUnavailable("closed", f"{self.socket_path}: {error}") from error
        except BaseException:
            writer.close()
            raise

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        """b"" at the end."""
        try:
            return await asyncio.wait_for(reader.readline(), STREAM_SILENCE)
        except asyncio.TimeoutError as error:
            raise SupervisorUnavailable("timeout", f"{self.socket_path} has been silent for too long") from error
        except ConnectionError:
            return b""


def _object(body: bytes) -> Dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise SupervisorUnavailable("no_http", "the answer is no JSON object")
    return answer

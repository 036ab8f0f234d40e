"""A platform with many workspaces, and a supervisor that is given some of them, by its file or as it runs."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from processes import BUILD, PATIENCE, Platform, clean_environment, field_of, listens, wait_until
from unix_http import UnixConnection


class Answer(NamedTuple):
    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> str:
        return str(self.json["error"]["message"])


@contextlib.contextmanager
def listening(path: str) -> Iterator[None]:
    """Somebody else is at this socket, and answers nothing."""
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(path)
        theirs.listen()
        yield


class Caller(UnixConnection):
    """Of the control API, over one connection."""

    def __init__(self, path: str) -> None:
        super().__init__(path, PATIENCE)

    def call(self, method: str, target: str, body: Optional[Dict[str, Any]] = None) -> Answer:
        text = None if body is None else json.dumps(body)
        self.request(method, target, text, {} if body is None else {"Content-Type": "application/json"})
        answer = self.getresponse()
        return Answer(answer.status, answer.read().decode())


class Host:
    """`main` is the workspace of the file; ws-0, ws-1, ... are those that the platform knows besides."""

    def __init__(self, folder: Path, known: int = 20, binary: Path = BUILD / "workspace-supervisor") -> None:
        self.folder = folder
        self.binary = binary
        self.known = known
        self.platform = Platform(folder, workspace="main", many=known)
        self.socket = str(folder / "control.sock")
        self.file = folder / "caf-application.conf"
        self.process: Optional["subprocess.Popen[bytes]"] = None
        self._log = folder / "supervisor.log"
        self.write_file()

    # -- what is configured

    def home(self, workspace: str) -> Path:
        """The folder of a workspace, with its token."""
        home = self.folder / workspace
        if not home.is_dir():
            home.mkdir()
            (home / ".auth_token").write_text("token-" + workspace.rsplit("-", 1)[1])
        return home

    def write_empty_file(self, **keys: str) -> None:
        """No workspace, not even `main`."""
        self.write_file(supervisor__may_be_empty="true", **keys)
        unwanted = re.compile(r"workspace\.(id|configs-dir|results-file) ")
        self.file.write_text("".join(line for line in self.file.read_text().splitlines(keepends=True) if not unwanted.match(line)))

    def write_file(self, *workspaces: str, **keys: str) -> None:
        """The configuration: `main`, these, each a text or an id, and keys ("log__level" for "log.level")."""
        values = {"heartbeat.interval": "200ms", "delegation.interval": "200ms", "supervisor.fault-injection": "true"}
        values.update({name.replace("__", ".").replace("_", "-"): value for name, value in keys.items()})
        lines = [
            'workspace.id = "main"',
            f'workspace.platform-url = "{self.platform.url}"',
            f'workspace.configs-dir = "{self.folder}"',
            f'workspace.results-file = "{self.folder / "results.jsonl"}"',
            f'workspace.state-dir = "{self.folder / "state"}"',
            f'control.socket = "{self.socket}"',
            'control.http = ""',
            *(f"{name} = {value}" for name, value in values.items()),
            "workspaces {",
            *(text if " " in text else f'{text} {{ configs-dir = "{self.home(text)}" }}' for text in workspaces),
            "}",
        ]
        self.file.write_text("\n".join(lines) + "\n")

    # -- the supervisor

    def start(self, **environment: str) -> None:
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.binary), f"--config-file={self.file}"], cwd=self.folder,
                env={**clean_environment(), **environment}, stdin=subprocess.DEVNULL, stderr=log)
        wait_until(self._answers, lambda: "the control socket; the log: " + self.log())

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log()
        return listens(self.socket)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_log(self, text: str, after: int = 0) -> str:
        return wait_until(lambda: self.log()[after:] if text in self.log()[after:] else "",
                          lambda: f"{text!r} in the log: {self.log()}")

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(PATIENCE)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        assert self.process is not None
        return self.process.wait(PATIENCE)

    def restart(self) -> None:
        assert self.stop() == 0, self.log()
        self.start()

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait()
        self.platform.stop()

    def descriptors(self) -> int:
        assert self.process is not None
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def status_of(self, name: str) -> int:
        """A number of /proc/PID/status: VmRSS in KiB, Threads."""
        assert self.process is not None
        return int(field_of(self.process.pid, name).split()[0])

    # -- the control API

    def caller(self, path: str = "") -> Caller:
        return Caller(path or self.socket)

    def call(self, method: str, target: str, body: Optional[Dict[str, Any]] = None, path: str = "") -> Answer:
        caller = self.caller(path)
        try:
            return caller.call(method, target, body)
        finally:
            caller.close()

    def put(self, workspace: str, **more: str) -> Answer:
        return self.call("PUT", f"/v1/workspaces/{workspace}", {"configs_dir": str(self.home(workspace)), **more})

    def delete(self, workspace: str) -> Answer:
        return self.call("DELETE", f"/v1/workspaces/{workspace}")

    def reload(self) -> Answer:
        return self.call("POST", "/v1/reload")

    def workspaces(self) -> Dict[str, str]:
        """Where each comes from, by id."""
        listed = self.call("GET", "/v1/workspaces").json["workspaces"]
        return {workspace["id"]: workspace["origin"] for workspace in listed}

    def workspace(self, workspace: str) -> Dict[str, Any]:
        return dict(self.call("GET", f"/v1/workspaces/{workspace}").json)

    # -- what can be seen of it

    def beats(self, workspace: str) -> List[Dict[str, Any]]:
        return [beat for beat in self.platform.beats() if beat["body"]["workspace_id"] == workspace]

    def wait_beats(self, workspace: str, more: int = 1) -> None:
        """So many from now on."""
        before = len(self.beats(workspace))
        wait_until(lambda: len(self.beats(workspace)) >= before + more,
                   lambda: f"a beat of {workspace}; the log: {self.log()}")

    def lines(self, workspace: str) -> List[Dict[str, Any]]:
        """What stands in the results file."""
        file = self.folder / workspace / "delegation_results.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def rows(self, query: str) -> List[Tuple[Any, ...]]:
        """Of the database, when no supervisor has it."""
        with contextlib.closing(sqlite3.connect(self.folder / "state" / "results.db")) as database, database:
            return database.execute(query).fetchall()

    def rows_of(self, workspace: str) -> Dict[str, int]:
        """How many rows of each table have to do with the workspace."""
        ids = f"(select id from workspaces where name = '{workspace}')"
        count = {
            "workspaces": f"select count(*) from workspaces where name = '{workspace}'",
            "added_workspaces": f"select count(*) from added_workspaces where name = '{workspace}'",
            **{table: f"select count(*) from {table} where workspace in {ids}"
               for table in ("results", "messages", "message_results", "message_attempts")},
            # Of no workspace at all, nor of a result.
            "orphans": "select (select count(*) from results where workspace not in (select id from workspaces)) + "
                       "(select count(*) from result_texts where seq not in (select seq from results)) + "
                       "(select count(*) from message_results where seq not in (select seq from results))",
        }
        return {table: self.rows(query)[0][0] for table, query in count.items()}

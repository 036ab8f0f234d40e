from __future__ import annotations

import json


class SupervisorError(Exception):
    """The supervisor refused a call.

    code: a word for programs ("not_found", "bad_request", ...); message: for people; status: the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 0) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class SupervisorUnavailable(SupervisorError):
    """No answer came: code is "unreachable" (nobody listens), "closed" (the connection ended before the
    answer), "timeout" or "no_http"."""


def error_of(status: int, body: bytes) -> SupervisorError:
    """The error that an answer tells."""
    try:
        error = json.loads(body)["error"]
        return SupervisorError(str(error["code"]), str(error["message"]), status)
    except (ValueError, KeyError, TypeError):
        return SupervisorError("unexpected", body[:200].decode("utf-8", "replace"), status)

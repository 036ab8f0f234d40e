"""One event is one line, in text and in JSON, under the same name in both and in the stream of events."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from typing import Callable, Dict, List

import pytest

from scene import Scene, wait_until

TEXT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|info|debug) ([a-z.-]+)( [a-z_]+=(\"(\\.|[^\"])*\"|\S+))*: .*")
HOSTILE_ID = "w \"s\"=1: \u202e\u2028{x}"
# No answer of HTTP at all, with what would begin a line of its own in the log.
HOSTILE_ANSWER = "HTTP/1.1 503 \x1b[31mred\x07\u2028\r\n2026-01-01T00:00:00.000Z error token.present: forged\n\r\n"


def names_in(lines: List[str], form: str) -> List[str]:
    if form == "json":
        return [json.loads(line)["event"] for line in lines]
    found = [TEXT.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found) if not match]
    return [match.group(2) for match in found if match]


@pytest.mark.parametrize("form", ["text", "json"])
def test_hostile_text_stays_in_its_line(make_scene: Callable[..., Scene], form: str) -> None:
    scene = make_scene([HOSTILE_ID], None, f"--log.format={form}")
    scene.platform.order("fault", **{"class": "beat", "action": "raw", "body": HOSTILE_ANSWER})
    wait_until(lambda: "beat.failed" in scene.log(), "a failed beat")
    scene.crash(HOSTILE_ID, "notifier")
    wait_until(lambda: "actor.restarted" in scene.log(), "the restart in the log")
    raw = (scene.folder / "supervisor.log").read_bytes()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw)
    lines = raw.decode().split("\n")
    assert lines.pop() == ""
    names = names_in(lines, form)
    assert {"supervisor.started", "token.present", "beat.failed", "actor.crashed", "actor.restarted"} <= set(names)
    # Once, from the start: the answer has added none.
    assert names.count("token.present") == 1
    if form == "json":
        assert {json.loads(line).get("workspace") for line in lines} == {None, HOSTILE_ID}


def test_log_and_stream_tell_the_same(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(["ws-1"], None, "--log.format=json")
    connection = http.client.HTTPConnection("127.0.0.1", scene.port, timeout=30)
    connection.request("GET", "/v1/events?recent=200")
    stream = connection.getresponse()
    assert stream.status == 200
    scene.crash("ws-1", "activity")
    told: List[Dict[str, object]] = []
    name = ""
    while not any(one["event"] == "actor.restarted" for one in told):
        line = stream.readline().decode().rstrip("\n")
        if line.startswith("event: "):
            name = line[7:]
        if line.startswith("data: "):
            told.append(json.loads(line[6:]))
            assert told[-1]["event"] == name
    connection.close()

    def logged() -> bool:
        return all(one in [json.loads(line) for line in scene.log().splitlines()] for one in told)

    wait_until(logged, "what the stream told in the log")
    assert {"token.present", "actor.crashed"} <= {str(one["event"]) for one in told}

"""What the platforms of a run have seen, one after the other, and how long beats were missing that could have come."""

import json
from collections import defaultdict
from dataclasses import dataclass

DELIVERED = (200, 202)


class Record:
    def __init__(self):
        self.beats = defaultdict(list)  # by workspace: when they were delivered, on the steady clock
        self.last_beat = {}  # by workspace: its body
        self.messages = defaultdict(list)
        self.notifications = defaultdict(list)
        self._after = 0
        self._taken = set()

    def next_platform(self):
        """Its requests are counted from one again."""
        self._after = 0
        self._taken = set()

    def read(self, platform):
        """Takes what has come since, and what was waited for."""
        waiting = []
        newest = self._after
        for request in platform.call("GET", f"requests?after={self._after}"):
            number = request["seq"]
            newest = max(newest, number)
            if number in self._taken:
                continue
            if request["status"] == 0 and not request["ended"]:
                waiting.append(number)
            else:
                self._taken.add(number)
                self._take(request)
        self._after = min(waiting, default=newest + 1) - 1
        self._taken = {number for number in self._taken if number > self._after}

    def _take(self, request):
        if request["status"] not in DELIVERED or request["class"] not in ("beat", "a2a", "notify"):
            return
        workspace, body = request["workspace"], json.loads(request["body"])
        if request["class"] == "beat":
            self.beats[workspace].append(request["steady"])
            self.last_beat[workspace] = body
        elif request["class"] == "a2a":
            message = body["params"]["message"]
            self.messages[workspace].append({"message_id": message["messageId"], "text": message["parts"][0]["text"]})
        else:
            self.notifications[workspace].append(body)


@dataclass
class Excuse:
    """A time in which no beat can be asked for."""

    begin: float
    end: float
    why: str
    workspace: str = ""  # "": of all


def merged(spans):
    result = []
    for begin, end in sorted(spans):
        if result and begin <= result[-1][1]:
            result[-1][1] = max(result[-1][1], end)
        else:
            result.append([begin, end])
    return result


def length_within(spans, begin, end):
    return sum(max(0.0, min(end, b) - max(begin, a)) for a, b in spans)


class Excuses:
    """Which times are not held against the supervisor: the platform was away or refused beats, the supervisor was
    down or stopped, its token was stale, or names were not to be had and it could not know the address."""

    def __init__(self):
        self.list = []
        self.no_names = []  # when look-ups hung or failed
        self.unsettled = []  # when it may have lost its address: starts, and times without descriptors or memory

    def begin(self, now, why, workspace=""):
        """Counts until its `end` is set."""
        self.list.append(Excuse(now, float("inf"), why, workspace))
        return self.list[-1]

    def spans(self, workspace, beats):
        own = merged((e.begin, e.end) for e in self.list if e.workspace in ("", workspace))
        losses = merged([*map(tuple, own), *self.unsettled])
        for begin, end in self.no_names:
            # From the first moment on at which the address may be forgotten.
            before = max((beat for beat in beats if beat < begin), default=float("-inf"))
            lost = [max(a, begin) for a, b in losses if b > before and a < end]
            if lost:
                own.append([min(lost), end])
        return merged(map(tuple, own))

    def longest_gap(self, workspace, beats, begin, end):
        """(seconds without a beat that could have come, of how many in a row, when it began)."""
        spans = self.spans(workspace, beats)
        points = [begin, *(beat for beat in beats if begin < beat < end), end]
        return max(
            (b - a - length_within(spans, a, b), b - a, a) for a, b in zip(points, points[1:])
        )

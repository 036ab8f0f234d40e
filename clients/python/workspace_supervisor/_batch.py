"""What the agent has said and the supervisor has not heard yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

# A body has at most 64 KiB, and a character of a text at most 6 bytes in JSON.
_LONGEST_TEXT = 8192
MOST_TOLD = 1_000_000_000


@dataclass
class Batch:
    """What has still to be told. Merged, so that its size does not grow however long the supervisor is away."""

    successes: int = 0
    errors: int = 0
    sample_error: Optional[str] = None
    activity: bool = False
    progress: Optional[str] = None  # the note, "" for none

    def has_outcomes(self) -> bool:
        return self.successes > 0 or self.errors > 0 or self.sample_error is not None

    def __bool__(self) -> bool:
        return self.activity or self.progress is not None or self.has_outcomes()

    def put_back(self, older: "Batch") -> None:
        self.successes = min(self.successes + older.successes, MOST_TOLD)
        self.errors = min(self.errors + older.errors, MOST_TOLD)
        if self.sample_error is None:
            self.sample_error = older.sample_error
        self.activity = self.activity or older.activity
        if not self.progress and older.progress is not None:
            self.progress = older.progress


def text_of(value: Any) -> str:
    return "" if value is None else str(value)[:_LONGEST_TEXT]


def count_of(value: Any) -> int:
    try:
        return min(max(0, int(value)), MOST_TOLD)
    except (TypeError, ValueError, OverflowError):
        return 0

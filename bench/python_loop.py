#!/usr/bin/env python3
"""What the supervisor stands in the place of: a loop in Python with httpx, one asyncio task for each workspace. It
beats, polls, files what is new, wakes the agent by a self-message, and sleeps; all in the same task, one after the
other, and by a client of its own, as each agent's process has one. Nothing is kept, retried or restarted.

  python_loop.py URL WORKSPACES INTERVAL_SECONDS MESSAGE_TIMEOUT_SECONDS TOKEN FOLDER
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Set

import httpx

SPREAD_ABOVE = 50  # workspaces; more than that begin over one interval, as the supervisor's do


class Workspace:
    def __init__(self, url: str, number: int, token: str, timeout: float, folder: Path) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=10)
        self._id = f"ws-{number}"
        self._head = {"Authorization": f"Bearer {token}"}
        self._timeout = timeout
        self._results = folder / f"{self._id}.jsonl"
        self._known: Set[str] = set()

    async def run(self, delay: float, interval: float) -> None:
        await asyncio.sleep(delay)
        due = time.monotonic()
        while True:
            try:
                await self._cycle()
            except httpx.HTTPError as error:
                print(f"{self._id}: {error!r}", file=sys.stderr)
            while due <= time.monotonic():
                due += interval
            await asyncio.sleep(due - time.monotonic())

    async def _cycle(self) -> None:
        beat = {"workspace_id": self._id, "error_rate": 0, "sample_error": "", "active_tasks": 0, "current_task": "",
                "uptime_seconds": 0}
        await self._client.post("/registry/heartbeat", json=beat, headers=self._head)
        answer = await self._client.get(f"/workspaces/{self._id}/delegations", headers=self._head)
        new = [row for row in answer.json()
               if row["id"] not in self._known and row["status"] in ("completed", "failed")]
        if new:
            await self._tell(new)

    async def _tell(self, new: List[Dict[str, Any]]) -> None:
        self._known.update(row["id"] for row in new)
        with open(self._results, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in new)
        text = "Results have come: " + "; ".join(row["summary"] for row in new)
        message = {"jsonrpc": "2.0", "id": new[0]["id"], "method": "message/send", "params": {"message": {
            "role": "user", "messageId": new[0]["id"], "parts": [{"kind": "text", "text": text}]}}}
        try:
            await self._client.post(f"/workspaces/{self._id}/a2a", json=message, headers=self._head,
                                    timeout=self._timeout)
        except httpx.TimeoutException:
            pass  # the agent's turn may take longer than anybody waits


async def main() -> None:
    url, workspaces, interval, timeout, token, folder = sys.argv[1:]
    number, seconds = int(workspaces), float(interval)
    await asyncio.gather(*(
        Workspace(url, n, token, float(timeout), Path(folder)).run(
            seconds * n / number if number > SPREAD_ABOVE else 0, seconds)
        for n in range(number)))


if __name__ == "__main__":
    asyncio.run(main())

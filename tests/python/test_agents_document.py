"""The entry point and the agent of docs/agents.md, run as they are written."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import List

import pytest

from processes import BUILD, PATIENCE, Platform, clean_environment, wait_until

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")


def blocks(language: str) -> List[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def container(tmp_path: Path, platform: Platform):
    """The entry point as a process, with its own process group so that nothing of it stays."""
    (tmp_path / "entrypoint.sh").write_text(blocks("bash")[0])
    (tmp_path / "my_agent.py").write_text(blocks("python")[0])
    (tmp_path / "caf-application.conf").write_text('control.http = ""\n')
    environment = clean_environment(
        PATH=f"{BUILD}:{os.environ['PATH']}", PYTHONPATH=f"{ROOT / 'clients' / 'python'}:{tmp_path}",
        PYTHONDONTWRITEBYTECODE="1", WORKSPACE_ID="ws-1", PLATFORM_URL=platform.url, CONFIGS_DIR=str(tmp_path),
        DELEGATION_RESULTS_FILE=str(tmp_path / "results.jsonl"))
    running = subprocess.Popen(["bash", "entrypoint.sh"], cwd=tmp_path, env=environment, start_new_session=True,
                               stderr=subprocess.DEVNULL)
    yield running
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    running.wait()


def test_the_platform_sees_what_the_agent_does(container, platform: Platform) -> None:
    beat = wait_until(lambda: [b["body"] for b in platform.beats() if b["body"]["current_task"]], "the task")[0]
    assert (beat["current_task"], beat["active_tasks"]) == ("sorting the mail", 1)


def test_both_end_when_the_container_is_stopped(container, platform: Platform) -> None:
    wait_until(lambda: any(beat["body"]["current_task"] for beat in platform.beats()), "the task")
    container.send_signal(signal.SIGTERM)
    assert container.wait(PATIENCE) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(container.pid, 0)


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_each_python_block_is_python(number: int) -> None:
    # One of them stands in a coroutine of the reader's.
    body = "".join(f"    {line}\n" for line in blocks("python")[number].splitlines())
    compile(f"async def reader():\n{body}", "docs/agents.md", "exec")

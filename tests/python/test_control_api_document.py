"""Every shell block of docs/control-api.md works as it is written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from processes import PATIENCE, SupervisorProcess, clean_environment

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "control-api.md"
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 8


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{number}" for number in range(1, len(BLOCKS) + 1)])
def test_block(block: str, supervisor: SupervisorProcess, tmp_path: Path) -> None:
    block = block.replace("/tmp/", f"{tmp_path}/")  # another run of this test has its own
    environment = clean_environment(SOCKET=supervisor.socket, WORKSPACE="ws-1")
    run = subprocess.run(["bash", "-euo", "pipefail", "-c", block], env=environment, timeout=PATIENCE,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert run.returncode == 0, f"{block}\n{run.stdout}"
    assert '"error":{' not in run.stdout, f"{block}\n{run.stdout}"

"""The client as a wheel, installed without the network into fresh environments of every Python that is here."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import List

import pytest

from processes import Platform, SupervisorProcess, clean_environment

ROOT = Path(__file__).resolve().parents[2]
OLDEST = (3, 9)
PROGRAM = """
import sys
import workspace_supervisor
from workspace_supervisor import Supervisor
assert "site-packages" in workspace_supervisor.__file__, workspace_supervisor.__file__
client = Supervisor(sys.argv[1], workspace_id="ws-1")
client.set_activity(active_tasks=1, current_task="told by " + sys.version.split()[0])
client.beat()
print(workspace_supervisor.__version__)
"""


def version_of(python: str) -> "tuple[int, int]":
    done = subprocess.run([python, "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    major, minor = (int(number) for number in done.stdout.split()) if done.returncode == 0 else (0, 0)
    return major, minor


def pythons() -> List[str]:
    """One of each version from the oldest on: Debian's, and those of pyenv, if it is there."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for python in ["/usr/bin/python3", *map(str, sorted(versions.glob("3.*/bin/python3")))]:
        if os.access(python, os.X_OK) and version_of(python) >= OLDEST:
            found.setdefault(version_of(python), python)
    return list(found.values())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> str:
    done = subprocess.run([str(ROOT / "scripts/make-wheel"), str(tmp_path_factory.mktemp("wheel"))], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The newest, for all environments: an older one fails in newer Pythons, and one for each takes most of the time."""
    environment = tmp_path_factory.mktemp("pip") / "environment"
    subprocess.run([max(pythons(), key=version_of), "-m", "venv", str(environment)], check=True, env=clean_environment())
    return str(environment / "bin/pip")


def test_there_is_a_python() -> None:
    assert pythons(), "expected one with venv and ensurepip (Debian: python3-venv)"


@pytest.mark.parametrize("python", pythons())
def test_installed_it_speaks_with_a_supervisor(python: str, pip: str, wheel: str, platform: Platform,
                                               supervisor: SupervisorProcess, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([python, "-m", "venv", "--without-pip", str(environment)], check=True, env=clean_environment())
    subprocess.run([pip, "--python", str(environment / "bin/python"), "install", "--quiet", "--no-index",
                    "--disable-pip-version-check", wheel], check=True, env=clean_environment())
    done = subprocess.run([str(environment / "bin/python"), "-c", PROGRAM, supervisor.socket], text=True, cwd=tmp_path,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment(), check=False)
    assert done.returncode == 0, done.stderr
    version = re.search(r"^project\(workspace_supervisor VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(), re.M)
    assert version and done.stdout.strip() == version[1]
    told = subprocess.run([python, "-c", "import sys; print('told by', sys.version.split()[0])"], stdout=subprocess.PIPE,
                          text=True, check=True).stdout.strip()
    assert platform.beats()[-1]["body"]["current_task"] == told

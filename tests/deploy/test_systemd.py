"""The unit: as systemd reads it, how exposed it is, and under a real manager of a user, with its watchdog."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest
from processes import BUILD, PATIENCE, Platform, clean_environment

UNIT = Path(__file__).resolve().parents[2] / "deploy/systemd/workspace-supervisor.service"
HERE = Path(__file__).resolve().parent
MOST_EXPOSED = 2.5  # of 10

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd (Debian: systemd)")


def analyze(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["systemd-analyze", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False, env={"PATH": os.environ["PATH"], "LANG": "C"})


def settings_of(unit: str) -> Dict[str, str]:
    return dict(re.findall(r"^([A-Za-z]+)=(.*)$", unit, re.M))


def test_systemd_has_nothing_to_say_against_it(tmp_path: Path) -> None:
    # What is not installed here: the program itself, and its manual.
    text = UNIT.read_text().replace("/usr/bin/workspace-supervisor", str(BUILD / "workspace-supervisor"))
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.M))
    done = analyze("verify", "--man=no", str(copy))
    about_it = [line for line in done.stdout.splitlines() if UNIT.name in line]
    assert about_it == [] and done.returncode == 0, done.stdout


def test_verification_would_find_a_mistake(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("Type=notify", "Type=notifies"))
    assert "notifies" in analyze("verify", "--man=no", str(copy)).stdout


def test_exposure() -> None:
    done = analyze("security", "--offline=true", f"--threshold={int(MOST_EXPOSED * 10)}", str(UNIT))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found and float(found[1]) < MOST_EXPOSED, done.stdout
    assert done.returncode == 0, done.stdout


def can_have_namespaces() -> bool:
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"], capture_output=True, check=False).returncode == 0


def user_unit(folder: Path, platform: Platform) -> str:
    """The unit as a user's manager can run it: without an account of its own and a view of its own of the files."""
    text = UNIT.read_text()
    sandbox = (r"User|ReadWritePaths|CapabilityBoundingSet|AmbientCapabilities|OOMScoreAdjust|RestrictNamespaces|Private\w+"
               r"|Protect\w+|RestrictSUIDSGID|RestrictRealtime|RestrictAddressFamilies|SystemCall\w+|MemoryDenyWriteExecute"
               r"|LockPersonality|RemoveIPC|LimitNOFILE|NoNewPrivileges|StateDirectory\w*|RuntimeDirectory\w*")
    text = re.sub(rf"^(?:{sandbox})=.*\n", "", text, flags=re.M)
    text = re.sub(r"^ExecStart=.*$", "ExecStart=" + " ".join([
        str(BUILD / "workspace-supervisor"), "--workspace.id=ws-1", f"--workspace.platform-url={platform.url}",
        f"--workspace.configs-dir={folder}", f"--workspace.results-file={folder}/results.jsonl", "--control.http=",
        "--heartbeat.interval=200ms"]), text, flags=re.M)
    # Sanitizers want their settings.
    for name, value in clean_environment().items():
        text = text.replace("[Service]\n", f"[Service]\nEnvironment=\"{name}={value}\"\n")
    return text.replace("WatchdogSec=30s", "WatchdogSec=12s")


@pytest.mark.skipif(not can_have_namespaces(), reason="a manager of its own needs root and namespaces")
def test_under_a_real_manager(tmp_path: Path) -> None:
    platform = Platform(tmp_path)
    try:
        units = tmp_path / "units/systemd/user"
        units.mkdir(parents=True)
        (units / UNIT.name).write_text(user_unit(tmp_path, platform))
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-B",
             str(HERE / "systemd_scene.py"), str(tmp_path / "units"), UNIT.name],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=8 * PATIENCE, check=False,
            env={"PATH": os.environ["PATH"], "LANG": "C", "PYTHONPATH": os.environ.get("PYTHONPATH", "")})
        assert done.returncode == 0, done.stdout + done.stderr
        seen: Dict[str, Any] = json.loads(done.stdout)
    finally:
        platform.stop()
    assert seen["started"]["ActiveState"] == "active", "it told that it is ready"
    assert platform_saw(seen["online"], "ws-1 is online")
    assert seen["stopped by SIGSTOP"]["NRestarts"] == "1", "the watchdog ended it, and it was started again"
    assert seen["stopped by SIGSTOP"]["MainPID"] != seen["started"]["MainPID"]
    assert seen["ended"]["ActiveState"] == "inactive"
    assert seen["ended"]["Result"] == "success"


def platform_saw(shown: Dict[str, str], status: str) -> bool:
    return shown["StatusText"] == status

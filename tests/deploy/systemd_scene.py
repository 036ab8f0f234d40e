"""Within namespaces of its own: a manager of a user with one unit, and what it shows of it, as JSON.

    systemd_scene.py FOLDER-WITH-UNITS UNIT
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Dict

from processes import PATIENCE, wait_until


class Manager:
    def __init__(self, units: str) -> None:
        run = "/run/user/0"
        # systemd asks by this folder whether it manages the machine.
        for command in (["mount", "--make-rprivate", "/"], ["mount", "-t", "tmpfs", "tmpfs", "/run"],
                        ["mkdir", "-p", "-m", "700", "/run/systemd/system", run]):
            subprocess.run(command, check=True)
        self._environment = {**os.environ, "XDG_RUNTIME_DIR": run, "XDG_CONFIG_HOME": units}
        self._process = subprocess.Popen(["/lib/systemd/systemd", "--user", "--log-target=console"],
                                         env=self._environment, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        wait_until(lambda: os.path.exists(f"{run}/systemd/private"), "the manager")

    def ask(self, *words: str) -> str:
        return subprocess.run(["systemctl", "--user", *words], env=self._environment, stdout=subprocess.PIPE, text=True,
                              timeout=PATIENCE, check=True).stdout

    def show(self, unit: str) -> Dict[str, str]:
        text = self.ask("show", unit, "-p", "ActiveState,StatusText,NRestarts,MainPID,Result")
        return dict(line.split("=", 1) for line in text.splitlines())

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()


def main(units: str, unit: str) -> None:
    manager = Manager(units)
    seen: Dict[str, Dict[str, str]] = {}
    manager.ask("start", unit)
    seen["started"] = manager.show(unit)
    wait_until(lambda: manager.show(unit)["StatusText"].endswith("online"), "its status")
    seen["online"] = manager.show(unit)

    os.kill(int(seen["started"]["MainPID"]), signal.SIGSTOP)
    wait_until(lambda: manager.show(unit)["NRestarts"] == "1", "the watchdog", patience=2 * PATIENCE)
    wait_until(lambda: manager.show(unit)["ActiveState"] == "active", "its second start", patience=2 * PATIENCE)
    seen["stopped by SIGSTOP"] = manager.show(unit)

    manager.ask("stop", unit)
    seen["ended"] = manager.show(unit)
    manager.end()
    print(json.dumps(seen))


main(*sys.argv[1:])

#!/usr/bin/env python3
"""The Debian package in a fresh Debian: installed, beating from there, upgraded, purged. As root, with the mirrors of apt.

    package.py DEB      with SUPERVISOR_BUILD, where test-platform was built, and tests/python in PYTHONPATH
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from chroot import Chroot, check, say
from processes import Platform, wait_until

UNIT_LINK = "etc/systemd/system/multi-user.target.wants/workspace-supervisor.service"
CONFIGURATION = "etc/workspace-supervisor/caf-application.conf"
STATE = "var/lib/workspace-supervisor"


def next_version(deb: str, folder: str) -> str:
    """The same package under a higher version, with another line in its configuration."""
    subprocess.run(["dpkg-deb", "-R", deb, f"{folder}/next"], check=True)
    control = Path(folder, "next/DEBIAN/control")
    control.write_text(re.sub(r"^Version: (.*)$", r"Version: \1+next", control.read_text(), flags=re.M))
    with open(f"{folder}/next/{CONFIGURATION}", "a", encoding="utf-8") as file:
        file.write("# A line of the next version.\n")
    subprocess.run(["dpkg-deb", "-b", f"{folder}/next", f"{folder}/next.deb"], check=True, stdout=subprocess.DEVNULL)
    return f"{folder}/next.deb"


def beat_from(chroot: Chroot, platform: Platform, what: str) -> None:
    before = len(platform.beats())
    log_path = chroot.root / "tmp/log"
    with open(log_path, "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            chroot.command("setpriv", "--reuid=workspace-supervisor", "--regid=workspace-supervisor", "--clear-groups",
                           "workspace-supervisor", "--config-file=/" + CONFIGURATION, f"--workspace.platform-url={platform.url}"),
            stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until(lambda: len(platform.beats()) > before or process.poll() is not None, what)
        say("ok: " + what)
        if process.poll() is not None:
            raise SystemExit("package.py: it ended: " + log_path.read_text(errors="replace"))
        wait_until(lambda: (chroot.root / STATE / "results.db").exists(), "the durable state to be where the package has it")
        say("ok: the durable state is where the package has it")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def main(deb: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        depends = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], stdout=subprocess.PIPE, text=True, check=True).stdout
        chroot = Chroot.fresh(f"{folder}/root", [word.split()[0] for word in depends.split(",")])
        root = chroot.root
        say("a fresh Debian, with what it depends on")
        before = chroot.files()
        (root / "tmp/x.deb").write_bytes(Path(deb).read_bytes())
        chroot.run("dpkg", "-i", "/tmp/x.deb")
        say("installed")

        check("workspace-supervisor:" in (root / "etc/passwd").read_text(), "it has an account")
        owner = (root / STATE).stat()
        check(owner.st_uid != 0 and owner.st_mode & 0o777 == 0o700, "its state directory is its own")
        check((root / UNIT_LINK).is_symlink(), "its unit is enabled")
        check(CONFIGURATION in chroot.run("dpkg-query", "-W", "-f", "${Conffiles}", "workspace-supervisor"),
              "its configuration is a conffile")
        check("workspace-supervisor 0." in chroot.run("workspace-supervisor", "--version"), "it runs")
        check("Commands" in chroot.run("workspacectl", "--help"), "workspacectl runs")

        configuration = root / CONFIGURATION
        configuration.write_text(configuration.read_text().replace('# id = "my-workspace"', 'id = "ws-1"'))
        (root / "configs").mkdir()
        (root / "run/workspace-supervisor").mkdir()
        for path in (root / "configs", root / "run/workspace-supervisor"):
            os.chown(path, owner.st_uid, owner.st_gid)
        platform = Platform(root / "configs")
        try:
            os.chmod(root / "configs/.auth_token", 0o644)
            beat_from(chroot, platform, "it beats, with the configuration that is installed")
            (root / "tmp/x.deb").write_bytes(Path(next_version(deb, folder)).read_bytes())
            chroot.run("dpkg", "--force-confold", "-i", "/tmp/x.deb")
            check("+next" in chroot.run("dpkg-query", "-W", "-f", "${Version}", "workspace-supervisor"), "it is upgraded")
            check('id = "ws-1"' in configuration.read_text(), "its configuration is as it was changed")
            check((root / UNIT_LINK).is_symlink(), "its unit is still enabled")
            beat_from(chroot, platform, "it beats")
        finally:
            platform.stop()

        chroot.run("dpkg", "--purge", "workspace-supervisor")
        for path in ("configs/.auth_token", "configs"):
            (root / path).unlink() if (root / path).is_file() else (root / path).rmdir()
        left = sorted(chroot.files() - before)
        check(not left, f"nothing is left of it: {left}")
        check("workspace-supervisor" not in (root / "etc/passwd").read_text(), "nor of its account")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])

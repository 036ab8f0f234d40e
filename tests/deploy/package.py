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
import time
from pathlib import Path
from typing import List, Set

from processes import Platform, wait_until

UNIT_LINK = "etc/systemd/system/multi-user.target.wants/workspace-supervisor.service"
CONFIGURATION = "etc/workspace-supervisor/caf-application.conf"
STATE = "var/lib/workspace-supervisor"


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:7.1f} s  {text}", flush=True)


BEGAN = time.monotonic()


def check(condition: object, what: str) -> None:
    if not condition:
        raise SystemExit(f"package.py: does not hold: {what}")
    say("ok: " + what)


class Chroot:
    def __init__(self, folder: str, packages: List[str]) -> None:
        self.root = Path(folder)
        subprocess.run(["mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(packages)}", "bookworm", folder],
                       check=True)

    def command(self, *words: str) -> List[str]:
        script = 'mount --make-rprivate /; mount -t proc proc "$0/proc"; exec chroot "$0" "$@"'
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", script, str(self.root), *words]

    def run(self, *words: str) -> str:
        done = subprocess.run(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8"})
        if done.returncode != 0:
            raise SystemExit(f"package.py: {' '.join(words)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def files(self) -> Set[str]:
        """But for what dpkg, apt and adduser keep for themselves."""
        own = re.compile(r"^(var/(lib/(dpkg|apt)|cache|log|backups)|tmp|run|proc|sys|dev|root)(/|$)|etc/ld\.so\.cache$"
                         r"|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|.*\.dpkg-")
        found = set()
        for folder, _, names in os.walk(self.root):
            for name in ["", *names]:
                path = os.path.relpath(os.path.join(folder, name), self.root).removesuffix("/.")
                if not own.match(path):
                    found.add(path)
        return found


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
        check((chroot.root / STATE / "results.db").exists(), "the durable state is where the package has it")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def main(deb: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        depends = subprocess.run(["dpkg-deb", "-f", deb, "Depends"], stdout=subprocess.PIPE, text=True, check=True).stdout
        chroot = Chroot(f"{folder}/root", [word.split()[0] for word in depends.split(",")])
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

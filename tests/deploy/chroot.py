"""A fresh Debian in a folder, for what is installed or built there. As root, with the mirrors of apt."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Sequence, Set

BEGAN = time.monotonic()
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LANG": "C.UTF-8"}


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:7.1f} s  {text}", flush=True)


def check(condition: object, what: str) -> None:
    if not condition:
        raise SystemExit(f"{Path(sys.argv[0]).name}: does not hold: {what}")
    say("ok: " + what)


class Chroot:
    """A folder that is a root; `fresh` makes one."""

    def __init__(self, folder: str) -> None:
        self.root = Path(folder)

    @classmethod
    def fresh(cls, folder: str, packages: Sequence[str] = ()) -> "Chroot":
        include = [f"--include={','.join(packages)}"] if packages else []
        # What it mounts there is of this machine, and must not be seen by whoever removes the folder after an interruption.
        subprocess.run(["unshare", "--mount", "--propagation=private", "mmdebstrap", "--quiet", "--variant=apt", *include,
                        "bookworm", folder], check=True)
        return cls(folder)

    def copy(self, folder: str) -> "Chroot":
        subprocess.run(["cp", "--archive", str(self.root), folder], check=True)
        return Chroot(folder)

    def command(self, *words: str, mounts: str = "") -> List[str]:
        """In namespaces of its own for mounts and processes; `mounts` is a script that finds the root in $0."""
        script = 'mount --make-rprivate /; mount -t proc proc "$0/proc"; ' + mounts + '\nexec chroot "$0" "$@"'
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", script, str(self.root), *words]

    def run(self, *words: str, mounts: str = "", environment: Dict[str, str] = {}) -> str:
        done = subprocess.run(self.command(*words, mounts=mounts), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, env={**ENVIRONMENT, **environment})
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}")
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

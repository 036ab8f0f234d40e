#!/usr/bin/env python3
"""The container image without an engine: the steps of its Dockerfile in fresh Debians, from the archive of the sources. Then
what the container is: its files, the same bytes each time, and a supervisor that beats from there with a root file system
that cannot be written, as nobody in particular, without a capability. As root, with the mirrors of apt.

    image.py ARCHIVE BUILD    BUILD: the release build of the same sources, from anywhere
                              with SUPERVISOR_BUILD, where test-platform was built, and tests/python in PYTHONPATH
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, Tuple

from chroot import ENVIRONMENT, Chroot, check, say
from processes import Platform, wait_until

DOCKERFILE = Path(__file__).parents[2] / "deploy/container/Dockerfile"
PROGRAMS = ("workspace-supervisor", "workspacectl")
# What makes programs, and what fetches them.
UNWANTED = ("cc", "c++", "gcc", "g++", "clang", "ld", "as", "make", "cmake", "ninja", "python3", "curl", "wget", "git")
# An engine gives a container the resolver of its host.
RESOLVER = 'mount --bind /etc/resolv.conf "$0/etc/resolv.conf"\n'
# And mounts some things of its own, which cannot be written.
MOUNTED = RESOLVER + """
mount -t sysfs -o ro sysfs "$0/sys"
mount --bind /etc/hostname "$0/etc/hosts"
mount -o remount,bind,ro "$0/etc/hosts"
"""


class Dockerfile:
    """What the last stage says of the container."""

    def __init__(self, text: str) -> None:
        text = re.sub(r"^#.*\n", "", text, flags=re.M).replace("\\\n", " ")
        self.stages = [stage.splitlines() for stage in text.split("\nFROM ")[1:]]

    def last(self, instruction: str) -> str:
        found = [line.split(None, 1)[1] for line in self.stages[-1] if line.startswith(instruction + " ")]
        assert len(found) == 1, f"{instruction} in the last stage"
        return found[0]

    def environment(self) -> Dict[str, str]:
        return dict(pair.split("=", 1) for pair in self.last("ENV").split())

    def health_check(self) -> List[str]:
        return json.loads(self.last("HEALTHCHECK").split("CMD ", 1)[1])


def tree(root: Path) -> Dict[str, Tuple]:
    """Everything in a file system but the contents of what an engine mounts."""
    found = {}
    for folder, folders, names in os.walk(root):
        if os.path.relpath(folder, root) in ("proc", "sys", "dev", "tmp"):
            folders.clear()
            continue
        for path in [folder, *(os.path.join(folder, name) for name in names),
                     *(os.path.join(folder, name) for name in folders if os.path.islink(os.path.join(folder, name)))]:
            status = os.lstat(path)
            content = (os.readlink(path) if stat.S_ISLNK(status.st_mode)
                       else hashlib.sha256(Path(path).read_bytes()).hexdigest() if stat.S_ISREG(status.st_mode) else "")
            found[os.path.relpath(path, root)] = (oct(status.st_mode), status.st_uid, status.st_gid, int(status.st_mtime), content)
    return found


def stripped(path: Path, folder: str) -> bytes:
    out = f"{folder}/stripped"
    subprocess.run(["strip", "-o", out, str(path)], check=True)
    return Path(out).read_bytes()


def compile_in(base: Chroot, archive: str, out: Path, folder: str, build: Path) -> None:
    """The first stage, in a folder of another name than here."""
    compiling = base.copy(f"{folder}/compiling")
    (compiling.root / "source").mkdir()
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", str(compiling.root / "source"), "--strip-components=1"],
                   check=True)
    compiling.run("/source/deploy/container/compile", "/source", "/out", mounts=RESOLVER, environment={"SNAPSHOT": ""})
    say("compiled, from the archive of the sources in a fresh Debian")
    shutil.copytree(compiling.root / "out", out)
    shutil.rmtree(compiling.root)
    for program in PROGRAMS:
        check((out / program).read_bytes() == stripped(build / program, folder), f"{program} is what {build} has, byte by byte")


def install_in(base: Chroot, out: Path, folder: str) -> Chroot:
    image = base.copy(folder)
    image.run("/mnt/install", mounts=MOUNTED + f'mount --bind {out} "$0/mnt"\n', environment={"SNAPSHOT": ""})
    return image


class Container:
    """The image as a container with `--read-only --cap-drop=ALL`, and the network of the machine."""

    def __init__(self, image: Chroot, dockerfile: Dockerfile, volumes: Path) -> None:
        self.image, self.dockerfile, self.volumes = image, dockerfile, volumes

    def command(self, *words: str) -> List[str]:
        mounts = 'mount --bind "$0" "$0"\n'
        for volume in json.loads(self.dockerfile.last("VOLUME")):
            mounts += f'mount --bind {self.volumes}{volume} "$0{volume}"\n'
        mounts += 'mount -o remount,bind,ro "$0"\n'
        user, group = self.dockerfile.last("USER").split(":")
        return self.image.command("sh", "-ec", f'cd {self.dockerfile.last("WORKDIR")}; exec setpriv --reuid={user} --regid={group} '
                                  '--clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"', "sh", *words, mounts=mounts)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={**ENVIRONMENT, **self.dockerfile.environment()})

    def start(self, log: Path, **environment: str) -> "subprocess.Popen[bytes]":
        with open(log, "w", encoding="utf-8") as file:
            return subprocess.Popen(self.command(*json.loads(self.dockerfile.last("ENTRYPOINT"))), stdout=file, stderr=file,
                                    env={**ENVIRONMENT, **self.dockerfile.environment(), **environment})


def supervisor_of(process: "subprocess.Popen[bytes]") -> int:
    """The number of the process that is 1 in the container: all before it but unshare have become it by exec."""
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


def check_it_runs(image: Chroot, dockerfile: Dockerfile, folder: str) -> None:
    volumes = Path(folder, "volumes")
    user = int(dockerfile.last("USER").split(":")[0])
    for volume in ("configs", "results"):
        (volumes / volume).mkdir(parents=True)
        os.chown(volumes / volume, user, user)
    volumes.chmod(0o755)
    platform = Platform(volumes / "configs")
    os.chown(volumes / "configs/.auth_token", user, user)
    container = Container(image, dockerfile, volumes)
    log = Path(folder, "log")
    process = container.start(log, WORKSPACE_ID="ws-1", PLATFORM_URL=platform.url)
    try:
        wait_until(lambda: platform.beats() or process.poll() is not None, "the first beat")
        if process.poll() is not None:
            raise SystemExit(f"image.py: it ended: {log.read_text()}")
        say("ok: it beats")
        status = Path(f"/proc/{supervisor_of(process)}/status").read_text()
        check(re.search(rf"^Uid:\t{user}\t{user}\t{user}\t{user}$", status, re.M), "it is not root")
        check(re.search(r"^CapBnd:\t0+$", status, re.M) and re.search(r"^NoNewPrivs:\t1$", status, re.M), "and cannot become it")
        health = container.run(*dockerfile.health_check())
        check((health.returncode, health.stdout) == (0, "Healthy.\n"), f"its health check says that it works: {health.stdout.strip()}")
        ready = container.run("workspacectl", "health", "--ready")
        check(ready.returncode == 0, f"and it is ready: {ready.stdout.strip()}")
        # Anybody may write there, but for that.
        check("Read-only file system" in container.run("touch", "/tmp/x").stdout, "its root cannot be written")
        check((volumes / "configs/.supervisor/results.db").exists(), "its state is in the volume")
        os.kill(supervisor_of(process), signal.SIGTERM)
        check(process.wait(20) == 0, "SIGTERM ends it in order")
        check(container.run(*dockerfile.health_check()).returncode == 69, "its health check says that it has ended")
    finally:
        process.kill()
        process.wait()
        platform.stop()


def main(archive: str, build: str) -> None:
    dockerfile = Dockerfile(DOCKERFILE.read_text())
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        base = Chroot.fresh(f"{folder}/base")
        for name in ("resolv.conf", "hosts"):
            (base.root / "etc" / name).touch()
        say("a fresh Debian, as the image's base")
        out = Path(folder, "out")
        compile_in(base, archive, out, folder, Path(build))
        image = install_in(base, out, f"{folder}/image")
        say("installed")
        again = tree(install_in(base, out, f"{folder}/again").root)
        first = tree(image.root)
        differs = sorted(path for path in first.keys() | again.keys() if first.get(path) != again.get(path))
        check(len(first) > 1000 and not differs, f"a second one has the same bytes, owners and times: {differs[:10]}")
        for program in PROGRAMS:
            check("not found" not in image.run("ldd", f"/usr/bin/{program}"), f"{program} finds its libraries")
        found = [name for name in UNWANTED if any((image.root / path / name).exists() for path in ("usr/bin", "usr/local/bin"))]
        check(not found, f"no compiler is left in it: {found}")
        check_it_runs(image, dockerfile, folder)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(sys.argv[1], sys.argv[2])

"""The disk that the supervisor's files lie on: a small tmpfs where mounts are allowed, else a plain folder."""

import ctypes
import os
import subprocess

SIZE = 24 << 20
CLONE_NEWNS = 0x00020000


def leave_mounts_to_this_process():
    """What it mounts from now on goes with it and its children, however they end."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0:
        subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, check=False)


class Disk:
    def __init__(self, folder):
        self.folder = folder
        self._filling = os.path.join(folder, "filling")
        os.makedirs(folder, exist_ok=True)
        leave_mounts_to_this_process()
        self.is_mounted = self._mount("-t", "tmpfs", "-o", f"size={SIZE}", "none")

    def _mount(self, *options):
        try:
            done = subprocess.run(["mount", *options, self.folder], capture_output=True, check=False)
        except FileNotFoundError:
            return False
        return done.returncode == 0

    def fill(self):
        """Takes all the room that is left. It can be called again for what was freed since."""
        try:
            with open(self._filling, "ab", buffering=0) as file:
                for size in (1 << 20, 4096, 1):
                    try:
                        while True:
                            file.write(bytes(size))
                    except OSError:
                        pass
        except OSError:
            pass  # it is read-only just now

    def free(self):
        if os.path.exists(self._filling):
            os.unlink(self._filling)

    def make_read_only(self):
        """False where the system refuses: while a file is open for writing."""
        return self.is_mounted and self._mount("-o", "remount,ro")

    def make_writable(self):
        if self.is_mounted and not self._mount("-o", f"remount,rw,size={SIZE}"):
            raise RuntimeError("cannot make the disk writable again")

    def close(self):
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", self.folder], check=False)

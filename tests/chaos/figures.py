"""What a process holds, from /proc."""

import os
import re
import time
from collections import Counter

# What a quiet process may have grown by: pages of the heap that free blocks keep (one arena's top of up to 128 KiB and
# what lies between blocks in use), and of the database's cache.
MEMORY_ALLOWANCE = 2 << 20


def descriptors(pid):
    """Its open files by what they are: sockets together, files by name."""
    found = Counter()
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        try:
            target = os.readlink(os.path.join(folder, name))
        except OSError:
            continue
        found[re.sub(r":\[\d+\]$", "", target)] += 1
    return found


def threads(pid):
    """Its threads by name."""
    found = Counter()
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/comm", encoding="utf-8") as file:
                found[file.read().strip()] += 1
        except OSError:
            pass
    return found


def status(pid, field):
    """A line of its status in bytes."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) << 10
    return 0


def expects(pid, number):
    """Whether the process has blocked, ignores or catches a signal: it does from some moment after its start on."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        masks = [int(line.split()[1], 16) for line in file if line.startswith(("SigBlk:", "SigIgn:", "SigCgt:"))]
    return any(mask >> (number - 1) & 1 for mask in masks)


class Figures:
    def __init__(self, pid, folders):
        self.descriptors = descriptors(pid)
        self.threads = threads(pid)
        self.memory = status(pid, "RssAnon")
        self.resident = status(pid, "VmRSS")
        self.files = {folder: sorted(os.listdir(folder)) for folder in folders}

    def __str__(self):
        return (
            f"{self.descriptors.total()} descriptors, {self.threads.total()} threads, "
            f"{self.memory / 1024:.0f} KiB of its own ({self.resident / 1024:.0f} KiB resident), "
            f"{sum(map(len, self.files.values()))} files"
        )

    @classmethod
    def least(cls, pid, folders, length=1.0):
        """Of some taken in so many seconds: an attempt to connect or a look-up is there for a moment."""
        taken = []
        end = time.monotonic() + length
        while time.monotonic() < end:
            taken.append(cls(pid, folders))
            time.sleep(0.05)
        return min(taken, key=lambda figures: (figures.descriptors.total() + figures.threads.total(), figures.memory))

    def growth_since(self, before, allowance):
        """What is more than before, in words; nothing when all is well."""
        problems = []
        for what in ("descriptors", "threads"):
            now, then = getattr(self, what), getattr(before, what)
            if now.total() > then.total():
                problems.append(f"{what}: {dict(then)} before, {dict(now)} after; new: {dict(now - then)}")
        if self.memory > before.memory + allowance:
            problems.append(f"memory: {before.memory >> 10} KiB before, {self.memory >> 10} KiB after")
        if self.files != before.files:
            problems.append(f"files: {before.files} before, {self.files} after")
        return problems

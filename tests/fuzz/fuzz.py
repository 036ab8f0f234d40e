#!/usr/bin/env python3
"""Runs the fuzzers of a build, as many at a time as there are processors, and says what each did. With status 1 when one has found
something: its input is kept in BUILD/found.

    fuzz.py BUILD --time=60s              all of them in this time
    fuzz.py BUILD --runs=10000000         so many inputs each
    fuzz.py BUILD --only=texts,database   these alone
    fuzz.py BUILD --merge                 what reaches further than the corpus that is kept here, into it
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
LONGEST = 16384  # bytes of an input that is kept
# Twice as fast: with a stack of its own for what was returned from, each exception goes through all of it.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_stack_use_after_return=0:malloc_context_size=4", **os.environ}
UNITS = {"": 1, "s": 1, "min": 60, "h": 3600}


def seconds(text):
    """5min, 90s or 90."""
    match = re.fullmatch(r"(\d+)(s|min|h|)", text)
    if not match or int(match[1]) == 0:
        raise argparse.ArgumentTypeError("expected a time such as 60s, 5min or 1h")
    return int(match[1]) * UNITS[match[2]]


def count(text):
    if not re.fullmatch(r"[1-9]\d*", text):
        raise argparse.ArgumentTypeError("expected a number of inputs, such as 10000000")
    return int(text)


class Fuzzer:
    def __init__(self, build, binary):
        self.name = binary.name.removesuffix("_fuzz")
        self.binary = binary
        self.kept = HERE / "corpus" / self.name
        self.words = HERE / "words" / f"{self.name}.dict"
        self.further = build / "corpus" / self.name  # what it has found beyond
        self.found = build / "found"
        self.log = build / "logs" / f"{self.name}.log"
        for folder in (self.further, self.found, self.log.parent):
            folder.mkdir(parents=True, exist_ok=True)

    def run(self, bound):
        """@returns whether it found nothing. `bound`: the options that end it."""
        command = [self.binary, *bound, "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=1"]
        command.append(f"-artifact_prefix={self.found}/{self.name}-")
        if self.words.exists():
            command.append(f"-dict={self.words}")
        command += [self.further, *([self.kept] if self.kept.is_dir() else [])]
        with open(self.log, "w", encoding="utf-8") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=ENVIRONMENT)
            status = process.wait()
        # One that was aborted has left its folder (tests/support/fuzz_input.hpp).
        for memory in ("/dev/shm", tempfile.gettempdir()):
            shutil.rmtree(f"{memory}/supervisor-fuzz-{process.pid}", ignore_errors=True)
        text = self.log.read_text(errors="replace")
        print(self.line(text, status), flush=True)
        if status:
            print(f"{self.name}: its log ends with\n{text[-6000:]}", flush=True)
        return status == 0

    def line(self, log, status):
        def last(pattern):
            found = re.findall(pattern, log)
            return int(found[-1]) if found else 0

        executed = last(r"stat::number_of_executed_units: *(\d+)")
        speed = last(r"stat::average_exec_per_sec: *(\d+)")
        coverage = last(r" cov: (\d+)")
        corpus = last(r" corp: (\d+)")
        return (
            f"{self.name:20} {executed:12,} inputs {speed:8,}/s {coverage:6} places {corpus:5} in the corpus  "
            f"{'FOUND' if status else 'ok'}"
        )

    def merge(self):
        """Takes into the corpus that is kept what reaches further; keeps the names of those that were written by hand."""
        self.kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            command = [self.binary, "-merge=1", f"-max_len={LONGEST}", f"-artifact_prefix={scratch}/", self.kept, self.further]
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        files = list(self.kept.iterdir())
        print(f"{self.name:20} {len(files)} inputs, {sum(file.stat().st_size for file in files)} bytes")


def fuzzers(build, only):
    found = [Fuzzer(build, path) for path in sorted(build.glob("*_fuzz")) if os.access(path, os.X_OK)]
    known = [fuzzer.name for fuzzer in found]
    for name in only:
        if name not in known:
            sys.exit(f"fuzz.py: no fuzzer {name!r}; expected of {', '.join(known) or 'none: build the preset fuzz'}")
    chosen = [fuzzer for fuzzer in found if not only or fuzzer.name in only]
    if not chosen:
        sys.exit(f"fuzz.py: no fuzzer in {build}; expected what the preset `fuzz` builds")
    return chosen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--time", type=seconds, default=60)
    parser.add_argument("--runs", type=count)
    parser.add_argument("--jobs", type=count, default=os.cpu_count())
    parser.add_argument("--only", type=lambda text: text.split(","), default=[])
    parser.add_argument("--merge", action="store_true")
    arguments = parser.parse_args()
    chosen = fuzzers(arguments.build.resolve(), arguments.only)
    if arguments.merge:
        for fuzzer in chosen:
            fuzzer.merge()
        return 0
    jobs = min(arguments.jobs, len(chosen))
    each = max(1, arguments.time // -(-len(chosen) // jobs))
    bound = [f"-runs={arguments.runs}"] if arguments.runs else [f"-max_total_time={each}"]
    with ThreadPoolExecutor(jobs) as pool:
        sound = list(pool.map(lambda fuzzer: fuzzer.run(bound), chosen))
    if not all(sound):
        print(f"Findings: {arguments.build}/found. One again: BUILD/NAME_fuzz FILE")
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())

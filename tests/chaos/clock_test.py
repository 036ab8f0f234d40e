#!/usr/bin/env python3
"""The wall clock is set while what could not be delivered waits for its next attempt: it waits no longer for that."""

import argparse
import sys
from os import path

HERE = path.dirname(path.abspath(__file__))
sys.path.insert(0, path.join(HERE, "..", "crash"))

# pylint: disable=wrong-import-position
from harness import Agent, Daemon, Platform, make_folder, remove_folder, tally, wait_for
from switches import Switches

WORKSPACE = "clock"
DAY = 86400
TASKS = 3


def run(build, tools, before, after):
    """Returns what went wrong."""
    folder = make_folder()
    platform = Platform(tools)
    platform.add_workspace(WORKSPACE)
    switches = Switches(path.join(folder, "switches"))
    switches.clock_step = before
    daemon = Daemon(build, platform, folder, WORKSPACE, delegation__backlog="8760h", notifier__max_age="8760h")
    agent = Agent(daemon.results)
    try:
        for kind in ("a2a", "notify"):
            platform.call("POST", "fault", {"action": "status", "status": 500, "class": kind})
        daemon.launch(
            {
                "LD_PRELOAD": path.join(tools, "tests/chaos/libclock_and_names.so"),
                "CHAOS_SWITCHES": switches.path,
            }
        )
        platform.finish_delegations(WORKSPACE, range(TASKS))
        for what in ("self-message.failed", "notification.failed"):
            wait_for(lambda what=what: what in daemon.log_text(), what)
        switches.clock_step = after
        platform.call("DELETE", "fault")
        wait_for(lambda: tally(platform, agent, WORKSPACE).is_complete(TASKS), "all told")
        daemon.stop()
        return ""
    except (TimeoutError, RuntimeError) as problem:
        return f"{problem}\n{daemon.log_text()[-2000:]}"
    finally:
        if not daemon.ended():
            daemon.kill()
        platform.stop()
        remove_folder(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="build folder with workspace-supervisor")
    parser.add_argument("--tools", help="build folder with test-platform and tests/ (that of the supervisor)")
    arguments = parser.parse_args()
    failed = False
    for before, after in ((DAY, 0), (0, -DAY), (0, DAY)):
        problem = run(arguments.build, arguments.tools or arguments.build, before, after)
        failed = failed or bool(problem)
        print(f"clock set from {before:+} s to {after:+} s: {problem or 'all told'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""An agent with the real client: works at tasks, now well, now badly, and takes results files away at any moment.

    agent.py FOLDER_OF_RESULTS JOURNAL PEACE

Every line that it has read goes to JOURNAL before its file is deleted. Once the file PEACE is there it works at its
last task, whose name stands in that file, and takes what comes.
"""

import asyncio
import os
import random
import signal
import sys

from workspace_supervisor import HeartbeatLoop

TAKEN = ".taken"


def take(path, journal):
    """Renames it, reads it, deletes it. One that a predecessor had renamed comes first."""
    taken = path + TAKEN
    if not os.path.exists(taken):
        os.rename(path, taken)
    with open(taken, "rb") as file:
        content = file.read()
    if content and not content.endswith(b"\n"):
        content += b"\n"  # torn: the supervisor writes it again
    os.write(journal, content)
    os.unlink(taken)


def take_all(folder, journal):
    for name in {name.removesuffix(TAKEN) for name in os.listdir(folder)}:
        try:
            take(os.path.join(folder, name), journal)
        except FileNotFoundError:
            pass
        except OSError as error:
            print(f"cannot take {name}: {error}", flush=True)  # a disk that is read-only: another time


async def work(heartbeat, peace):
    number = 0
    while not os.path.exists(peace):
        number += 1
        heartbeat.active_tasks += 1
        heartbeat.current_task = f"work {number}"
        await asyncio.sleep(random.uniform(0.05, 2))
        heartbeat.progress("half done")
        if random.random() < 0.2:
            heartbeat.record_error(f"work {number} failed")
        else:
            heartbeat.record_success()
        heartbeat.active_tasks -= 1
        heartbeat.current_task = ""
    with open(peace, encoding="utf-8") as file:
        heartbeat.active_tasks = 1
        heartbeat.current_task = file.read()


async def main(folder, journal, peace):
    heartbeat = HeartbeatLoop(os.environ["PLATFORM_URL"], os.environ["WORKSPACE_ID"])
    heartbeat.start()
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    working = asyncio.ensure_future(work(heartbeat, peace))
    output = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while not ending.is_set():
        take_all(folder, output)
        await asyncio.sleep(random.uniform(0.001, 0.1))
    working.cancel()
    await heartbeat.stop()


asyncio.run(main(*sys.argv[1:]))

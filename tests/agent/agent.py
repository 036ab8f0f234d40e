"""An agent for tests: does what its arguments say, one after the other, and tells of it in its folder's files.

    agent.py FOLDER STEP...

Each start adds a line with what it found to FOLDER/starts. It speaks with the supervisor by hand, so that what is tested is
the socket and not a client.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

FOLDER = sys.argv[1]
WORKSPACE = os.environ.get("WORKSPACE_ID", "")


def note(name, **found):
    with open(os.path.join(FOLDER, name), "a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")


def connect():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ["WORKSPACE_SUPERVISOR_SOCKET"])
    return connection


def call(method, what, body=None):
    text = b"" if body is None else json.dumps(body).encode()
    with connect() as connection:
        connection.sendall(f"{method} /v1/workspaces/{WORKSPACE}/{what} HTTP/1.1\r\nHost: localhost\r\n"
                           f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
                           "Connection: close\r\n\r\n".encode() + text)
        answer = b""
        while part := connection.recv(4096):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200"), answer


def status(field):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(line.split(":", 1)[1].strip() for line in file if line.startswith(field + ":"))


def found_at_start():
    with os.scandir("/proc/self/fd") as entries:
        descriptors = sorted(int(entry.name) for entry in entries)
    terminal = os.isatty(0)
    return {"pid": os.getpid(), "parent": os.getppid(), "group": os.getpgrp(), "session": os.getsid(0),
            "user": os.getuid(), "groups": os.getgroups(), "descriptors": descriptors,
            "blocked": int(status("SigBlk"), 16),
            "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "foreground": os.tcgetpgrp(0) if terminal else None,
            "environment": {name: os.environ.get(name) for name in
                            ("WORKSPACE_ID", "PLATFORM_URL", "WORKSPACE_SUPERVISOR_SOCKET", "MINE")}}


attachment = None


def attach():
    global attachment
    attachment = connect()
    attachment.sendall(f"GET /v1/workspaces/{WORKSPACE}/attach HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert attachment.recv(4096).startswith(b"HTTP/1.1 200")


def say_signal(number, _frame):
    note("signals", signal=number)


def wait(path):
    """Until somebody makes the file."""
    while not os.path.exists(os.path.join(FOLDER, path)):
        time.sleep(0.01)


def orphan():
    """A child that outlives this process, in a session of its own, until the file `end-orphan` is there."""
    child = subprocess.Popen(["setsid", "sh", "-c", f"while [ ! -e {FOLDER}/end-orphan ]; do sleep 0.05; done"])
    note("orphans", pid=child.pid)


def hand_down():
    """A child that keeps the attachment's connection open."""
    if os.fork() == 0:
        wait("end-child")
        os._exit(0)


def do(step):
    name, _, value = step.partition("=")
    if name == "exit":
        sys.stdout.flush()
        os._exit(int(value))
    elif name == "die":
        signal.signal(int(value), signal.SIG_DFL) if int(value) not in (9, 19) else None
        os.kill(os.getpid(), int(value))
    elif name == "sleep":
        time.sleep(float(value))
    elif name == "ignore":
        signal.signal(int(value), signal.SIG_IGN)
    elif name == "hear":
        signal.signal(int(value), say_signal)
    elif name == "end-when":
        signal.signal(signal.SIGTERM, lambda *_: (note("signals", signal=15), wait(value), os._exit(0)))
    elif name == "task":
        call("PUT", "activity", {"active_tasks": 1, "current_task": value})
    elif name == "progress":
        call("POST", "progress", {"note": value})
    elif name == "detach":
        call("POST", "detach")
    elif name == "close":
        attachment.close()
    elif name == "wait":
        wait(value)
    elif name == "print":
        print(value, flush=True)
    elif name in ("attach", "orphan", "hand_down"):
        globals()[name]()
    elif name == "forever":
        note("ready", pid=os.getpid())
        while True:
            time.sleep(0.2)  # not signal.pause(): a signal just before it would be heard with the next one
    else:
        raise SystemExit(f"no such step: {step}")


note("starts", **found_at_start())
for given in sys.argv[2:]:
    do(given)

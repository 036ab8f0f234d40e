"""What each kind of fault does when it begins, and how its end undoes it. The names are those of plan.KINDS, with
underscores."""

import errno
import os
import resource
import signal
import time

import figures
from plan import HARMLESS_TO_BEATS
from scene import WORKSPACES


class NotNow(Exception):
    """It cannot begin because of another fault (it is left out then), or not end yet (it is tried again)."""


class Trouble:
    """A fault under way: `begin_KIND` returns what `end_KIND` needs."""

    def __init__(self, scene, tokens, guests, callers):
        self.scene, self.tokens, self.guests, self.callers = scene, tokens, guests, callers
        self.failing = {}  # why calls on the disk fail: by kind the error

    def begin(self, fault):
        return getattr(self, "begin_" + fault.kind.replace("-", "_"))(fault)

    def end(self, fault, kept):
        getattr(self, "end_" + fault.kind.replace("-", "_"), lambda fault, kept: None)(fault, kept)

    def need_platform(self):
        if not self.scene.platform_answers():
            raise NotNow

    # -- the supervisor's process

    def begin_kill(self, _fault):
        self.scene.kill_supervisor()
        self.scene.start_supervisor()

    def begin_terminate(self, _fault):
        self.scene.terminate_supervisor()
        self.scene.start_supervisor()

    def begin_supervisor_stopped(self, _fault):
        self.scene.stop_supervisor()
        return self.scene.excuses.begin(time.monotonic(), "the supervisor was stopped")

    def end_supervisor_stopped(self, _fault, excuse):
        self.scene.resume_supervisor()
        excuse.end = time.monotonic()

    def begin_memory_limit(self, fault):
        pid = self.scene.supervisor.pid
        limit = figures.status(pid, "VmSize") + fault.with_["room"]
        # Before what ends it for want of memory has been seen.
        self.scene.supervisor.limited_until = float("inf")
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        return pid, time.monotonic()

    def end_memory_limit(self, _fault, kept):
        pid, begin = kept
        now = time.monotonic()
        self.scene.excuses.unsettled.append((begin, now))
        if self.scene.supervisor.pid == pid and not self.scene.supervisor.ended():
            resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            # What it could not allocate may end it a moment later.
            self.scene.supervisor.limited_until = now + 1

    def begin_descriptors(self, _fault):
        pid = self.scene.supervisor.pid
        taken = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # One that has only just begun needs some to start.
        self.scene.supervisor.few_descriptors_until = float("inf")
        free = next(number for number in range(len(taken) + 1) if number not in taken)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, before[1]))
        return pid, before, time.monotonic()

    def end_descriptors(self, _fault, kept):
        pid, before, begin = kept
        self.scene.excuses.unsettled.append((begin, time.monotonic()))
        if self.scene.supervisor.pid == pid and not self.scene.supervisor.ended():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
            self.scene.supervisor.few_descriptors_until = time.monotonic() + 1

    # -- the agent's

    def begin_agent_kill(self, _fault):
        self.scene.agent.kill()
        self.scene.agent.wait()

    def end_agent_kill(self, _fault, _kept):
        # Killed twice, it is started once.
        if self.scene.agent.poll() is not None:
            self.scene.start_agent()

    def begin_agent_stopped(self, _fault):
        self.scene.agent.send_signal(signal.SIGSTOP)

    def end_agent_stopped(self, _fault, _kept):
        # Perhaps another one by now.
        self.scene.agent.send_signal(signal.SIGCONT)

    # -- the disk

    def begin_disk_full(self, _fault):
        if self.scene.disk.is_mounted:
            self.scene.disk.fill()
        else:
            self.fail_calls("full", errno.ENOSPC)

    def end_disk_full(self, _fault, _kept):
        if not self.scene.disk.is_mounted:
            return self.fail_calls("full", 0)
        try:
            self.scene.disk.free()
        except OSError as error:
            raise NotNow from error  # it is read-only

    def begin_disk_failing(self, fault):
        self.fail_calls("failing", getattr(errno, fault.with_["error"]))

    def end_disk_failing(self, _fault, _kept):
        self.fail_calls("failing", 0)

    def begin_read_only_start(self, _fault):
        self.scene.kill_supervisor()
        if not self.scene.disk.make_read_only():
            self.fail_calls("read-only", errno.EROFS)
        self.scene.start_supervisor()

    def end_read_only_start(self, _fault, _kept):
        self.scene.disk.make_writable()
        self.fail_calls("read-only", 0)

    def fail_calls(self, why, error):
        self.failing.pop(why, None)
        if error:
            self.failing[why] = error
        link = self.scene.supervisor.failing_while
        if self.failing:
            os.symlink(str(list(self.failing.values())[-1]), link + ".new")
            os.rename(link + ".new", link)
        elif os.path.lexists(link):
            os.unlink(link)

    # -- time and names

    def begin_clock_step(self, fault):
        self.scene.switches.clock_step = fault.with_["seconds"]

    def end_clock_step(self, _fault, _kept):
        self.scene.switches.clock_step = 0

    def begin_names_hang(self, _fault):
        self.scene.switches.names_hang = 1
        return time.monotonic()

    def end_names_hang(self, _fault, begin):
        self.scene.switches.names_hang = 0
        self.scene.excuses.no_names.append((begin, time.monotonic()))

    def begin_names_fail(self, _fault):
        self.scene.switches.names_fail = 1
        return time.monotonic()

    def end_names_fail(self, _fault, begin):
        self.scene.switches.names_fail = 0
        self.scene.excuses.no_names.append((begin, time.monotonic()))

    def begin_names_dead_first(self, _fault):
        self.scene.switches.dead_first = 1

    def end_names_dead_first(self, _fault, _kept):
        self.scene.switches.dead_first = 0

    # -- the platform

    def begin_platform_stopped(self, _fault):
        self.need_platform()
        self.scene.platform.process.send_signal(signal.SIGSTOP)
        self.scene.platform_is_stopped = True
        return self.scene.excuses.begin(time.monotonic(), "the platform was stopped")

    def end_platform_stopped(self, _fault, excuse):
        self.scene.platform.process.send_signal(signal.SIGCONT)
        self.scene.platform_is_stopped = False
        excuse.end = time.monotonic()

    def begin_platform_killed(self, _fault):
        self.need_platform()
        excuse = self.scene.excuses.begin(time.monotonic(), "the platform was down")
        self.scene.kill_platform()
        return excuse

    def end_platform_killed(self, _fault, excuse):
        self.scene.restart_platform()
        excuse.end = time.monotonic()

    def begin_platform_away(self, fault):
        self.need_platform()
        excuse = self.scene.excuses.begin(time.monotonic(), "the platform was away")
        self.scene.away.add(fault.kind)
        self.scene.listen()
        return excuse

    def end_platform_away(self, fault, excuse):
        self.need_platform()
        self.scene.away.discard(fault.kind)
        self.scene.listen()
        excuse.end = time.monotonic()

    begin_platform_away_long = begin_platform_away
    end_platform_away_long = end_platform_away

    def begin_platform_faulty(self, fault):
        self.need_platform()
        order = fault.with_
        excuse = None
        if order.get("class", "beat") == "beat" and order["action"] not in HARMLESS_TO_BEATS:
            excuse = self.scene.excuses.begin(time.monotonic(), f"beats met {order['action']}")
        number = self.scene.platform.call("POST", "fault", order)["id"]
        return self.scene.platform, number, excuse

    def end_platform_faulty(self, _fault, kept):
        platform, number, excuse = kept
        if self.scene.platform is platform and not self.scene.platform_is_killed:
            self.need_platform()
            platform.call("DELETE", f"fault?id={number}")
        if excuse:
            excuse.end = time.monotonic()

    # -- tokens, workspaces and calls

    def begin_token(self, fault):
        self.need_platform()
        workspace = WORKSPACES[int(fault.with_["which"] * len(WORKSPACES))]
        if self.tokens.is_waiting(workspace):
            raise NotNow
        self.tokens.rotate(workspace, fault.with_["way"])
        return workspace

    def end_token(self, _fault, workspace):
        self.tokens.release(workspace)

    def begin_workspace_added(self, _fault):
        self.need_platform()
        return self.guests.come()

    def end_workspace_added(self, _fault, guest):
        self.guests.go(guest)

    def begin_control_calls(self, _fault):
        self.callers.call_something()

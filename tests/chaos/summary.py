"""The checks at a run's end, and what is said of them."""

import re
import time

import figures
from plan import TTL
from scene import LOOK_UP_BOUND, TOO_MANY_AFTER, WORKSPACES, Journal

REPORTS = re.compile(r"ERROR: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")
# What the store keeps in memory of a finished result (bytes): its id, status and texts of some hundred bytes.
BYTES_OF_A_RESULT = 1024


def lines_of(counts):
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def check_results(chaos, problems):
    lost, twice, lines = {}, {}, []
    for workspace, counts in chaos.tallies().items():
        sent = chaos.sent[workspace]
        lost[workspace], twice[workspace] = counts.lost(sent), counts.duplicates()
        lines.append(
            f"  {workspace}: {sent} sent; {len(counts.filed)} in the file, "
            f"{len(counts.woken) + counts.woken_unnamed} in {len(counts.deliveries)} self-messages, "
            f"{len(counts.notified)} notified\n    twice: {twice[workspace]}\n    lost: {lost[workspace]}"
        )
        if any(lost[workspace].values()):
            problems.append(f"{workspace}: lost {lost[workspace]}")
        if counts.texts_changed:
            problems.append(f"{workspace}: {counts.texts_changed} messages changed between attempts")
    return lines


def check_beats(chaos, end, problems):
    scene = chaos.scene
    lines = []
    for workspace in WORKSPACES:
        beats = scene.record.beats[workspace]
        gap, whole, begin = scene.excuses.longest_gap(workspace, beats, chaos.first_beats[workspace], end)
        lines.append(
            f"  {workspace}: {len(beats)} beats; longest without one that could have come: {gap:.1f} s "
            f"(TTL {TTL:g} s), in {whole:.1f} s without any from {begin - chaos.begin:.1f} s on"
        )
        if gap > TTL:
            problems.append(f"{workspace}: no beat for {gap:.1f} s, from {begin - chaos.begin:.1f} s on")
    late = chaos.guests.beats_after_removal()
    if late:
        problems.append(f"removed workspaces beat on (seconds after): {late}")
    return lines


def check_figures(chaos, problems):
    allowance = figures.MEMORY_ALLOWANCE + BYTES_OF_A_RESULT * chaos.results_in_one_life
    if chaos.impossible:
        return "not compared: freed memory is kept by the instrumented build", problems.extend(
            problem for problem in chaos.after.growth_since(chaos.before, float("inf"))
        )
    problems.extend(chaos.after.growth_since(chaos.before, allowance))
    if gone := dict(chaos.before.descriptors - chaos.after.descriptors):
        return f"no longer there: {gone}; memory may have grown by {allowance >> 10} KiB", None
    return f"memory may have grown by {allowance >> 10} KiB", None


def check_logs(chaos, problems):
    for name in ("log", "agent-log"):
        with open(f"{chaos.scene.folder}/{name}", encoding="utf-8", errors="replace") as file:
            text = file.read()
        told = [secret for secret in chaos.scene.secrets if secret in text]
        if told:
            problems.append(f"tokens in {name}: {told[:3]}")
        found = REPORTS.search(text)
        if found:
            problems.append(f"{name}: {text[found.start() : found.start() + 300]}")


def conclude(chaos, end):
    """Prints it. True: all is well."""
    scene = chaos.scene
    problems = scene.problems
    results = check_results(chaos, problems)
    beats = check_beats(chaos, end, problems)
    allowance, _ = check_figures(chaos, problems)
    check_logs(chaos, problems)
    look_ups = scene.switches.most_look_ups
    if look_ups > LOOK_UP_BOUND:
        problems.append(f"{look_ups} look-ups at a time")
    if scene.most_look_up_threads:
        problems.append(f"{scene.most_look_up_threads} threads for look-ups, for more than {TOO_MANY_AFTER:g} s")
    skipped = {**chaos.impossible}
    if not scene.disk.is_mounted:
        skipped["full and read-only disks"] = "no mounts here: calls are made to fail instead"
    torn = Journal(scene.journal, "")
    torn.seen()
    print(
        f"\n{time.monotonic() - chaos.begin:.0f} s, seed {chaos.arguments.seed}, {scene.supervisor.lives} lives of the "
        f"supervisor\nfaults: {lines_of(chaos.begun)}\nleft out beside others: {lines_of(chaos.left_out)}\n"
        f"not possible here: {lines_of(skipped)}\n"
        f"tokens rotated: {chaos.tokens.count}; workspaces added {chaos.guests.count + 1}, removed {chaos.guests.removed}; "
        f"control calls {chaos.trouble.callers.calls}, of which {chaos.trouble.callers.failed} got no good answer\n"
        "results:\n" + "\n".join(results) + "\n"
        f"  lines read torn, and written again: {torn.torn}\n"
        "beats:\n" + "\n".join(beats) + "\n"
        f"figures before: {chaos.before}\n        after: {chaos.after}; {allowance}\n"
        f"look-ups: {scene.switches.look_ups_begun} in all, at most {look_ups} at a time (bound {LOOK_UP_BOUND}, one a "
        f"host name); at most {scene.most_threads} threads; a dead address was {chaos.dead.address}\n"
        f"ends by itself: {lines_of(scene.ends)}; the slowest SIGTERM took {scene.longest_stop:.2f} s"
    )
    for problem in problems:
        print(f"FAILED: {problem}")
    print("all is well" if not problems else f"{len(problems)} checks failed")
    return not problems

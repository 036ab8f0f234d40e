"""Manual pages and completions, as the tools that they are for read them."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import List

import pytest
from processes import BUILD, PATIENCE, clean_environment

DOCUMENTS = BUILD / "documents"
PROGRAMS = ("workspace-supervisor", "workspacectl")
PAGES = ("workspace-supervisor.1", "workspacectl.1", "caf-application.conf.5")


def output(*command: str) -> str:
    return subprocess.run(command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=PATIENCE, check=True).stdout


def page_text(page: str) -> str:
    text = subprocess.run(["man", "-l", "-Tutf8", str(DOCUMENTS / "man" / page)], stdout=subprocess.PIPE, text=True,
                          env=clean_environment(MANWIDTH="200", LANG="C.UTF-8"), check=True).stdout
    return re.sub(".\x08|\x1b\\[[0-9;]*m", "", text.replace("‐", "-"))


@pytest.mark.skipif(not shutil.which("man"), reason="no man (Debian: man-db)")
@pytest.mark.parametrize("page", PAGES)
def test_a_manual_page_has_nothing_that_man_warns_of(page: str) -> None:
    done = subprocess.run(["man", "--warnings", "-l", "-Tutf8", str(DOCUMENTS / "man" / page)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, env=clean_environment(LANG="C.UTF-8", MANROFFSEQ=""),
                          check=True)
    assert done.stderr == ""


@pytest.mark.skipif(not shutil.which("man"), reason="no man (Debian: man-db)")
def test_the_manual_has_what_help_has() -> None:
    help_text = output(str(BUILD / "workspace-supervisor"), "--help")
    options, keys = help_text.split("\nKeys:\n")
    manual = page_text("workspace-supervisor.1")
    for option in re.findall(r"^  (--[a-z.-]+)", options, re.M):
        assert option in manual, option
    keys_manual = page_text("caf-application.conf.5")
    found = re.findall(r"^  ([a-z][a-zA-Z.*-]+)$", keys, re.M)
    assert len(found) > 40
    for key in found:
        assert re.search(rf"^ +{re.escape(key)}(?= |$)", keys_manual, re.M), key
    client = page_text("workspacectl.1")
    for name in re.findall(r"^  ([a-z]+(?: [a-z]+)?)", output(str(BUILD / "workspacectl"), "--help").split("\nOptions of")[0], re.M):
        assert re.search(rf"^ +{name}\b", client, re.M), name


def test_they_are_the_same_whenever_they_are_made_and_what_cannot_be_is_told(tmp_path: Path) -> None:
    program = str(BUILD / "make-documents")
    output(program, str(tmp_path / "again"))
    made = [path for path in (tmp_path / "again").rglob("*") if path.is_file()]
    assert len(made) == 9
    for path in made:
        assert path.read_bytes() == (DOCUMENTS / path.relative_to(tmp_path / "again")).read_bytes()
    (tmp_path / "again" / "bash" / "workspacectl").unlink()
    (tmp_path / "again" / "bash" / "workspacectl").mkdir()
    for arguments, code, told in (([str(tmp_path / "again")], 1, "cannot write "), ([], 2, "usage: ")):
        refused = subprocess.run([program, *arguments], env=clean_environment(), stderr=subprocess.PIPE, text=True,
                                 timeout=PATIENCE, check=False)
        assert refused.returncode == code and told in refused.stderr


LINES = [
    ("workspacectl st", "status"), ("workspacectl crash heart", "heartbeat"), ("workspacectl task --d", "--done"),
    ("workspacectl --json res", "results"), ("workspacectl token ", "set"), ("workspacectl outcome --su", "--success"),
    ("workspacectl workspace ad", "add"), ("workspacectl workspace add --conf", "--configs-dir"),
    ("workspace-supervisor --check", "--check-config"), ("workspace-supervisor --heartbeat.inter", "--heartbeat.interval"),
]


def bash_candidates(line: str) -> List[str]:
    words = line.split(" ")
    function = "_" + words[0].replace("-", "_")
    script = f'''source "{DOCUMENTS / 'bash' / words[0]}"
        COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}
        {function} {words[0]}; printf '%s\\n' "${{COMPREPLY[@]}}"'''
    return [word.rstrip("=") for word in output("bash", "-eu", "-c", script).split()]


@pytest.mark.parametrize("line, wanted", LINES)
def test_bash(line: str, wanted: str) -> None:
    assert wanted in bash_candidates(line)


@pytest.mark.parametrize("words, wanted", [
    (["workspace-supervisor", "--log.format", "=", "j"], "json"), (["workspacectl", "--timeout", "=", "5", "sta"], "status"),
    (["workspacectl", "--timeout", "5", "crash", "act"], "activity"),
])
def test_bash_where_words_break_at_equals_signs(words: List[str], wanted: str) -> None:
    function = "_" + words[0].replace("-", "_")
    script = f'''source "{DOCUMENTS / 'bash' / words[0]}"
        COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}
        {function} {words[0]}; printf '%s\\n' "${{COMPREPLY[@]}}"'''
    assert wanted in output("bash", "-eu", "-c", script).split()


@pytest.mark.skipif(not shutil.which("fish"), reason="no fish")
@pytest.mark.parametrize("line, wanted", LINES)
def test_fish(line: str, wanted: str) -> None:
    program = line.split(" ")[0]
    said = output("fish", "--no-config", "-c", f"source '{DOCUMENTS}/fish/{program}.fish'; complete -C '{line}'")
    assert wanted in [candidate.split("\t")[0].rstrip("=") for candidate in said.splitlines()]


class Zsh:
    """An interactive one, in a terminal."""

    def __init__(self, folder: Path) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.environ.update(TERM="dumb", ZDOTDIR=str(folder), PS1="> ")
            os.execvp("zsh", ["zsh", "-f", "-i"])
        self.say(f"fpath=({DOCUMENTS}/zsh $fpath); autoload -U compinit; compinit -u -D; setopt no_beep; print RE'A'DY\n")
        self.wait("READY")

    def say(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def wait(self, wanted: str) -> None:
        seen, deadline = "", time.monotonic() + PATIENCE
        while wanted not in seen:
            assert select.select([self._terminal], [], [], max(0, deadline - time.monotonic()))[0], seen
            seen += os.read(self._terminal, 65536).decode(errors="replace")

    def end(self) -> None:
        os.kill(self._pid, 9)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)


@pytest.mark.skipif(not shutil.which("zsh"), reason="no zsh")
@pytest.mark.parametrize("line, wanted", LINES)
def test_zsh(line: str, wanted: str, tmp_path: Path) -> None:
    shell = Zsh(tmp_path)
    try:
        shell.say(line + "\t")
        shell.wait(wanted)
    finally:
        shell.end()

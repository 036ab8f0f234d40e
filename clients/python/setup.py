"""The version is that of the whole project: beside this file where the client was packed alone, else from its CMakeLists.txt."""

import re
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent


def version() -> str:
    packed = HERE / "VERSION"
    if packed.exists():
        return packed.read_text(encoding="utf-8").strip()
    project = (HERE.parents[1] / "CMakeLists.txt").read_text(encoding="utf-8")
    found = re.search(r"^project\(workspace_supervisor VERSION ([0-9.]+)", project, re.M)
    if not found:
        raise SystemExit("setup.py: expected the project's version in CMakeLists.txt")
    return found[1]


setup(version=version())

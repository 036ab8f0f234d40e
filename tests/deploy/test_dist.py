"""The source archive and its bill of materials. That the archive builds by itself is tested with the container image."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import List

import pytest

from processes import clean_environment

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    if not shutil.which("git") or not (PROJECT / ".git").exists():
        pytest.skip("no repository: an archive is made from one")
    return make(tmp_path / "dist")


def make(folder: Path) -> Path:
    subprocess.run([str(PROJECT / "scripts/make-dist"), str(folder)], check=True, stdout=subprocess.DEVNULL,
                   env=clean_environment(SOURCE_DATE_EPOCH="1700000000"))
    return folder


def archive_of(dist: Path) -> Path:
    archive, = dist.glob("workspace-supervisor-*.tar.gz")
    return archive


def test_the_same_sources_make_the_same_bytes(tmp_path: Path, dist: Path) -> None:
    again = make(tmp_path / "again")
    assert archive_of(dist).read_bytes() == archive_of(again).read_bytes()


def test_it_has_what_git_has(dist: Path) -> None:
    known = subprocess.run(["git", "ls-files"], cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    with tarfile.open(archive_of(dist)) as archive:
        names = archive.getnames()
        assert {member.uid for member in archive} == {0}
    top = archive_of(dist).name.removesuffix(".tar.gz") + "/"
    assert sorted(names) == sorted(top + name for name in known)


def test_the_bill_of_materials_has_every_library(dist: Path) -> None:
    document = json.loads(next(dist.glob("*.spdx.json")).read_text())
    assert document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0"
    assert document["SPDXID"] == "SPDXRef-DOCUMENT" and document["documentNamespace"].startswith("http")
    assert document["creationInfo"]["created"] == "2023-11-14T22:13:20Z"
    packages = {package["name"]: package for package in document["packages"]}
    for package in packages.values():
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", package["SPDXID"]) and package["versionInfo"]
        assert package["downloadLocation"] and package["filesAnalyzed"] is False
    assert sorted(set(packages) - {"workspace-supervisor"}) == libraries()
    related = {relationship["relatedSpdxElement"] for relationship in document["relationships"]
               if relationship["relationshipType"] == "DEPENDS_ON"}
    assert related == {packages[name]["SPDXID"] for name in libraries()}


def libraries() -> List[str]:
    """What the build takes of the system's packages, as scripts/ensure-packages has it."""
    script = (PROJECT / "scripts/ensure-packages").read_text()
    build = re.search(r"^    build\)\n(.*?);;", script, re.S | re.M)
    assert build
    return sorted(word for word in re.findall(r"[a-z0-9.+-]+", build.group(1)) if word.endswith("-dev"))

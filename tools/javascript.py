"""Our JavaScript: Biome holds its form, TypeScript the types in its comments, and Node runs its unit tests."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tools import downloads
from tools.paths import LOCAL_CACHE, ROOT, STATIC
from tools.steps import Command, digest, run

PROJECTS = (STATIC, STATIC / "engine", ROOT / "tools", ROOT / "tools" / "docs", ROOT / "tests" / "static")
"""Folders with a ``tsconfig.json``: the page, its workers, what runs under Node, the documents, and the unit tests."""

BIOME = Path("@biomejs", "biome", "bin", "biome")
TSC = Path("typescript", "bin", "tsc")


def check_form(root: Path = ROOT) -> None:
    """Check format and lint of what ``biome.json`` in ``root`` names.

    Raises:
        BuildError: a file is formatted otherwise or breaks a rule; Biome has said which.
    """
    command: Command = [*downloads.node("node"), downloads.node_modules() / BIOME]
    remedy = f"Format it with: {' '.join(str(part) for part in [*command[-1:], 'check', '--write'])}"
    run([*command, "ci", "--error-on-warnings", "--colors=off"], f"Biome complains; see above. {remedy}", cwd=root)


def check_types(projects: Sequence[Path] = PROJECTS) -> None:
    """Check the types of each project.

    The packages' types are in the download cache, so what is compiled is a configuration that adds their place.

    Args:
        projects: folders with a ``tsconfig.json``.

    Raises:
        BuildError: a type is wrong; TypeScript has said where.
    """
    for project in projects:
        run(_tsc(project), f"The types in {os.path.relpath(project, ROOT)} are wrong; see above.", cwd=ROOT)


def files_of(project: Path) -> set[Path]:
    """Our own files that a project's check covers."""
    command = [*_tsc(project), "--listFilesOnly"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {Path(line) for line in listed.splitlines() if Path(line).is_relative_to(ROOT)}


def _tsc(project: Path) -> Command:
    """The command that checks a project."""
    modules = downloads.node_modules()
    settings = {
        "extends": (project / "tsconfig.json").as_posix(),
        "compilerOptions": {
            "paths": {"*": [f"{modules.as_posix()}/@types/*", f"{modules.as_posix()}/*"]},
            "typeRoots": [f"{modules.as_posix()}/@types"],
        },
    }
    text = json.dumps(settings)
    path = LOCAL_CACHE / "types" / f"tsconfig.{digest([text])[:16]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return [*downloads.node("node"), modules / TSC, "--project", path]


def test_command(files: Sequence[Path]) -> Command:
    """The command that runs unit tests under Node. Its last lines say how many there were, and how many passed."""
    return [*downloads.node("node"), "--test", "--test-reporter=tap", *files]

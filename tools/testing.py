"""``build.py test``: everything the tests need, then the tests."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tools import environment, site
from tools.paths import PYTHON, ROOT
from tools.real_models import wheels
from tools.steps import BuildError, timed

_FIND = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"


Selection = Literal["usual", "quick", "all", "oracles"]

MOST_WORKERS = 4
"""More processes than this wait for the longest file of tests."""

SAMPLE = 16
"""``--quick`` alone runs every sixteenth case of each test."""

_DESELECTED = {"usual": "not heavy", "quick": "not (browser or slow or heavy)"}


def run_tests(arguments: Sequence[str], *, selection: Selection = "usual") -> None:
    """Install, build, and run pytest; its own summary comes last.

    Args:
        arguments: passed to pytest. They come last, so that they override what is chosen here.
        selection: ``"usual"`` leaves out the tests marked ``heavy``; ``"quick"`` also those marked ``slow`` and those
            in a browser, and unless arguments choose tests most cases of those with many; it builds the kernels and no
            site; ``"all"`` leaves out none and draws new examples for the tests of properties; ``"oracles"`` runs
            ``tests/oracles``, which need ``requirements/oracles.txt``, and nothing else.

    Raises:
        BuildError: a test failed, or something could not be set up.
    """
    environment.ensure("site")
    environment.ensure("test")
    variables = dict(os.environ)
    if selection == "oracles":
        environment.ensure_oracles()
    if selection in ("oracles", "quick"):
        site.build_kernels()
    else:
        variables["PLAYGROUND_CHROMIUM"] = chromium()
        site.build()
        wheels.fetch(wheels.MEGABYTES if selection == "all" else wheels.SMALL)
    sys.stdout.flush()
    workers = parallel(arguments)
    if workers:  # else each has as many threads as there are cores
        variables.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1"))
    sample = ["--sample", str(SAMPLE)] if selection == "quick" and not arguments else []
    command = [str(PYTHON), "-m", "pytest", *chosen(selection), *sample, *workers, *arguments]
    code = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    if code != 0:
        raise BuildError(f"pytest ended with code {code}; see above.")


def chosen(selection: Selection) -> list[str]:
    """Which tests run, as arguments of pytest."""
    if selection == "oracles":
        return ["tests/oracles"]
    if selection == "all":
        seed = secrets.randbelow(2**32)
        return ["--ignore=tests/oracles", "--hypothesis-profile=fuzzing", f"--hypothesis-seed={seed}"]
    return ["--ignore=tests/oracles", "-m", _DESELECTED[selection]]


def parallel(arguments: Sequence[str]) -> list[str]:
    """How many processes run the tests, as arguments of pytest: one a core, or this one for a single file.

    A file's tests stay in one process, in which fixtures of modules and sessions are made once. The order of files is
    kept (``tests/conftest.py``): tests in a browser have to come last in each process.
    """
    if sum(".py" in argument for argument in arguments) == 1:
        return []
    workers = min(MOST_WORKERS, os.cpu_count() or 1)
    return ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]


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
        raise BuildError(
            "Chromium is missing and could not be installed. Install it and name it in PLAYGROUND_CHROMIUM."
        )
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

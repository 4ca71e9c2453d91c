"""``build.py shots``: pictures of every view and state of the page, both themes, from a phone to a large screen."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools import bench, environment, site, testing
from tools.paths import LOCAL_CACHE, PYTHON, ROOT
from tools.steps import Command, run

FOLDER = LOCAL_CACHE / "shots"
MOVING = ROOT / "docs" / "images" / "tensor.webp"


def take(only: str | None = None) -> None:
    """Build the site and take the pictures into ``.cache/shots``.

    Args:
        only: a part of the names of the states to take; None: all of them.

    Raises:
        BuildError: something could not be set up, or a state could not be reached.
    """
    if only is None:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    _drive("tools.shots_driver", FOLDER, *([only] if only else []))
    print(f"The pictures are in {FOLDER}")


def take_moving() -> None:
    """Build the site and make the README's moving picture.

    Raises:
        BuildError: something could not be set up, or the page does not answer.
    """
    _drive("tools.moving_picture", MOVING)
    print(f"The picture is {MOVING}, {MOVING.stat().st_size / 1e3:.0f} kB")


def _drive(module: str, *arguments: str | Path) -> None:
    """Run a module that takes pictures of the served site."""
    folder = site.build()
    environment.ensure("test")
    variables = {**os.environ, "PLAYGROUND_CHROMIUM": testing.chromium()}
    with bench.served(folder) as address:
        command: Command = [PYTHON, "-m", module, address, *arguments]
        run(command, "The pictures could not be taken.", environment=variables, quiet=False)

"""``build.py shots``: pictures of every view and state of the page, both themes, from a phone to a large screen."""

from __future__ import annotations

import os
import shutil

from tools import bench, environment, site, testing
from tools.paths import LOCAL_CACHE, PYTHON
from tools.steps import Command, run

FOLDER = LOCAL_CACHE / "shots"


def take(only: str | None = None) -> None:
    """Build the site and take the pictures into ``.cache/shots``.

    Args:
        only: a part of the names of the states to take; None: all of them.

    Raises:
        BuildError: something could not be set up, or a state could not be reached.
    """
    folder = site.build()
    environment.ensure("test")
    if only is None:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    variables = {**os.environ, "PLAYGROUND_CHROMIUM": testing.chromium()}
    with bench.served(folder) as address:
        command: Command = [PYTHON, "-m", "tools.shots_driver", address, FOLDER, *([only] if only else [])]
        run(command, "The pictures could not be taken.", environment=variables, quiet=False)
    print(f"The pictures are in {FOLDER}")

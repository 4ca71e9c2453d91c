"""``build.py models``: what measuring real models needs, then the measurement."""

from __future__ import annotations

import contextlib
import sys

from tools import environment, site
from tools.paths import PYTHON
from tools.steps import Command, run


def run_models(only: str | None, *, as_json: bool = False) -> None:
    """Measure the models and write docs/real-models.md; of a choice of models only print what was found.

    Args:
        only: text that the ids of the chosen models hold.
        as_json: print JSON and write nothing.

    Raises:
        BuildError: something could not be set up or downloaded.
    """
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        environment.ensure("site")
        environment.ensure("test")
        site.build_kernels()
    command: Command = [PYTHON, "-m", "tools.real_models", *(["--only", only] if only else [])]
    run([*command, *(["--json"] if as_json else [])], "Measuring the models failed; see above.", quiet=False)

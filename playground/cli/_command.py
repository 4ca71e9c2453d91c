"""What a command is; its file has its name, and the help's line about it is in ``playground/cli/__init__.py``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from playground.cli._console import Console, Result


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the command line.

    Attributes:
        configure: adds its options to a parser.
        run: does the work; None: it has printed what there is. Raises PlaygroundError for whatever the input provokes.
        show: lays the result out for people.
    """

    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Console], Result | None]
    show: Callable[[Result, Console], None]

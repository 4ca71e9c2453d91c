"""``playground serve``: the built site on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

from playground.cli._command import Command
from playground.cli._console import Console, Result
from playground.serving import DEFAULT_PORT, make_server

_INSTALLED = Path(__file__).parents[1] / "site"
"""The site that a wheel brings."""

_CHECKOUT = Path(__file__).parents[2] / "dist"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port to listen on; default %(default)s, 0 for any free port"
    )
    parser.add_argument(
        "--site",
        type=Path,
        metavar="DIR",
        help="folder of the built site; default the installed one, ./dist, or the one of the checkout",
    )


def run(args: argparse.Namespace, console: Console) -> None:
    """Print the address as soon as it can be opened, and serve; Ctrl-C is how it ends."""
    with make_server(_site(args.site), args.port) as server:
        console.result({"url": server.url}, show)
        with suppress(KeyboardInterrupt):
            server.serve_forever()


def show(result: Result, console: Console) -> None:
    """The address."""
    console.line(f"{result['url']}  (Ctrl-C stops)")


def _site(given: Path | None) -> Path:
    """The folder that was named, else the first default there is; ``make_server`` judges it."""
    if given is not None:
        return given
    if _INSTALLED.is_dir():
        return _INSTALLED
    return _CHECKOUT if not Path("dist").is_dir() and _CHECKOUT.is_dir() else Path("dist")


COMMAND = Command(configure, run, show)

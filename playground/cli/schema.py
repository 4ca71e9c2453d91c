"""``playground schema NAME``: the JSON Schema of what the package reads and writes."""

from __future__ import annotations

import argparse
import json

from playground.cli._command import Command
from playground.cli._console import Console, Result
from playground.schemas import SCHEMAS, schema


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("name", choices=SCHEMAS, help="of which document")


def run(args: argparse.Namespace, _: Console) -> Result:
    """Make it."""
    return schema(args.name)


def show(result: Result, console: Console) -> None:
    """The schema as JSON: it is meant for programs, with ``--json`` or without."""
    for line in json.dumps(result, indent=2).splitlines():
        console.line(line)


COMMAND = Command(configure, run, show)
"""What the command line offers."""

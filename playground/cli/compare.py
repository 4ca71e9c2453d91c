"""``playground compare A B``: two model files, tensor by tensor."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from playground.analysis.comparison import comparison_task, file_data
from playground.analysis.renaming import renamed
from playground.cli._command import Command
from playground.cli._console import Console, Result
from playground.cli._files import ModelFile, open_model
from playground.errors import cut, plural
from playground.render import numbers
from playground.tasks import run_sync

MOST_SHOWN = 50
"""Tensors that are listed for people: the worst. The JSON has all."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("a", metavar="A", help="the file that is measured against, such as the float model")
    parser.add_argument("b", metavar="B", help="the other file")
    parser.add_argument(
        "--rename",
        action="append",
        metavar="REGEX=REPLACEMENT",
        help=r"how names in A become those in B, for instance '^model\.(.*)=\1'; may be repeated",
    )


def run(args: argparse.Namespace, console: Console) -> Result:
    """Both files, the tensors that they share with differences and sizes, the worst first, and what only one has."""
    rename = renamed(args.rename or ())
    a, b = open_model(args.a), open_model(args.b)
    found = run_sync(comparison_task(a.model, b.model, rename), console.progress)
    console.end_progress()
    return {"a": _file(a), "b": _file(b), **found.as_dict()}


def _file(opened: ModelFile) -> dict[str, Any]:
    return file_data(opened.name, opened.model, opened.nbytes)


def show(result: Result, console: Console) -> None:
    """Sizes, then the tensors as a table."""
    a, b, pairs = result["a"], result["b"], result["pairs"]
    both = (sum(pair["bytes"][i] for pair in pairs) for i in (0, 1))
    exact = sum(pair["max_error"] == 0 for pair in pairs)
    console.pairs(
        {
            "A": f"{a['file']} ({a['format']}, {numbers.size(a['bytes'])})",
            "B": f"{b['file']} ({b['format']}, {numbers.size(b['bytes'])})",
            "in both": f"{plural(len(pairs), 'tensor')}, {' → '.join(map(numbers.size, both))}; {exact} equal",
            "in A only": _listed(result["missing"]),
            "in B only": _listed(result["added"]),
            "other shapes": _listed([entry["name"] for entry in result["other_shapes"]]),
            "names": _proposal(result["proposal"]),
            "notes": " ".join([*a["notes"], *b["notes"]]),
        }
    )
    shown = pairs[:MOST_SHOWN]
    if not shown:
        return
    columns = {
        "tensor": [cut(pair["name"], 60) for pair in shown],
        "shape": [numbers.shape(tuple(pair["shape"])) for pair in shown],
        "types": [" → ".join(pair["dtypes"]) for pair in shown],
        "bytes": [" → ".join(map(numbers.size, pair["bytes"])) for pair in shown],
        "SQNR": [_decibels(pair) for pair in shown],
        "largest difference": [_digits(pair["max_error"]) for pair in shown],
    }
    console.line()
    console.table(columns, right=("bytes", "SQNR", "largest difference"))
    if more := len(pairs) - len(shown):
        console.line(f"and {more} more that differ less")


def _proposal(patterns: list[str]) -> str:
    """The options by which more tensors would match."""
    options = " ".join(f"--rename {shlex.quote(pattern)}" for pattern in patterns)
    return f"more match with {options}" if options else ""


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(cut(name, 60) for name in names[:5]) + more


def _digits(value: float | None) -> str:
    return "" if value is None else numbers.digits(value)


def _decibels(pair: dict[str, Any]) -> str:
    problem: str = pair["problem"]
    if problem:
        return problem
    return "equal" if pair["max_error"] == 0 else f"{numbers.digits(pair['sqnr_db'])} dB"


COMMAND = Command(configure, run, show)

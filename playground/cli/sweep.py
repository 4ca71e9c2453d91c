"""``playground sweep FILE``: every width for all layers, and the best formats for each layer at every size."""

from __future__ import annotations

import argparse
from typing import Any

from playground.analysis.mixed_precision import WIDTHS, mixed_precision_task
from playground.analysis.precision_front import MixedPrecision
from playground.cli._command import Command
from playground.cli._console import Console, Result
from playground.cli._files import add_file, open_model, target
from playground.cli._study import add_samples, add_study, quantized_by, report_of, samples_of, write_report
from playground.errors import InvalidInputError
from playground.host.output import write_file
from playground.model.recipe import Recipe
from playground.render import numbers
from playground.tasks import run_sync


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_file(parser)
    add_samples(parser)
    add_study(parser)
    parser.add_argument(
        "--widths",
        metavar="BITS",
        default=",".join(map(str, WIDTHS)),
        help="numbers of bits to choose from; default %(default)s",
    )
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--max-bytes", type=int, metavar="N", help="choose the smallest error within N bytes")
    budget.add_argument(
        "--max-error",
        type=float,
        metavar="E",
        help="choose the smallest size whose answers are at most E from the float model's (see 'error' in the table)",
    )
    parser.add_argument(
        "--greedy", action="store_true", help="choose by a greedy search instead of the exact one; needs --max-bytes"
    )
    parser.add_argument("-o", "--output", metavar="JSON", help="write the chosen recipe")


def run(args: argparse.Namespace, console: Console) -> Result:
    """Measure, choose, and write the requested files."""
    chosen = args.max_bytes is not None or args.max_error is not None
    if args.output and not chosen:
        raise InvalidInputError(
            "a budget is needed to choose a model", where="--output", hint="Add --max-bytes or --max-error"
        )
    if args.greedy and args.max_bytes is None:
        raise InvalidInputError("the option needs a budget of bytes", where="--greedy", hint="Add --max-bytes")
    output, page = (target(path, args.file) if path else None for path in (args.output, args.report))
    opened = open_model(args.file)
    samples = samples_of(args, opened.graph, opened.gallery_id)
    quantized, told = quantized_by(args, opened, console)
    work = mixed_precision_task(quantized, samples.given, samples.labels, _bits(args.widths), args.answer)
    mixed = run_sync(work, console.progress)
    recipe = _chosen(args, mixed)
    if output and recipe:
        write_file(output, recipe.to_json())
    if page:
        write_report(page, report_of(opened, quantized, samples, console, engines=False, mixed=mixed))
    console.end_progress()
    found = {"file": opened.name, "data": samples.name, "samples": samples.count, **mixed.as_dict()}
    found |= {
        "calibration": told,
        "recipe": recipe.as_dict() if recipe else None,
        "output": args.output,
        "report": args.report,
    }
    return found


def _bits(text: str) -> tuple[int, ...]:
    try:
        found = sorted({int(part) for part in text.split(",")}, reverse=True)
    except ValueError:
        raise InvalidInputError(
            f"{text!r} is not a list of whole numbers", where="--widths", hint="Write 8,4, for instance"
        ) from None
    if not found or found[0] > 8 or found[-1] < 2:
        raise InvalidInputError(f"{text!r} is out of range", where="--widths", hint="Use numbers from 2 to 8")
    return tuple(found)


def _chosen(args: argparse.Namespace, mixed: MixedPrecision) -> Recipe | None:
    if args.max_bytes is not None:
        return mixed.greedy(args.max_bytes) if args.greedy else mixed.within_bytes(args.max_bytes)
    return None if args.max_error is None else mixed.within_error(args.max_error)


def show(result: Result, console: Console) -> None:
    """Uniform formats, then the front, then what was chosen."""
    console.line(f"{result['samples']} samples of {result['data']}")
    if result["calibration"]:
        console.paragraph(result["calibration"])
    original = result["original"]
    console.paragraph(f"answers are read as {original['answers']}: {original['why']}")
    console.line(f"error is the {original['distance_name']}, against the float model")
    console.paragraph("the same format for all layers")
    _points(result["uniform"], console)
    console.paragraph("a format for each layer")
    _points(result["points"], console)
    if result["recipe"]:
        console.paragraph("chosen")
        weights = {choice["weight"] for choice in result["choices"]}
        chosen = (held for held in result["recipe"]["overrides"] if held["tensor"] in weights)
        console.pairs({held["tensor"]: held["scheme"]["format"] for held in chosen})
    for key, what in (("output", "recipe"), ("report", "report")):
        if result[key]:
            console.paragraph(f"{what} written to {result[key]}")


def _points(points: list[dict[str, Any]], console: Console) -> None:
    labelled = points[0]["measured"]["accuracy"] is not None
    columns = {
        "size": [numbers.size(p["bytes"]) for p in points],
        "error": [numbers.digits(p["measured"]["distance"]) for p in points],
    }
    if labelled:
        columns["accuracy"] = [numbers.percent(p["measured"]["accuracy"]) for p in points]
        columns["cross-entropy"] = [f"{numbers.digits(p['measured']['cross_entropy'])} nats" for p in points]
    columns["formats"] = [p["uniform"] or " ".join(p["formats"].values()) for p in points]
    console.table(columns, right=("size", "error", "accuracy", "cross-entropy"))


COMMAND = Command(configure, run, show)

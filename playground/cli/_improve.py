"""``playground quantize --improve``: remedies that are tried, measured and, the best ones, applied."""

from __future__ import annotations

import argparse
from typing import Any

from playground import gallery
from playground.analysis.improve import improve
from playground.analysis.improvement import Improvement
from playground.cli._calibration import DATA, Calibration
from playground.cli._console import Console
from playground.cli._files import ModelFile
from playground.cli._study import Samples, samples_of
from playground.errors import plural
from playground.model.recipe import Recipe
from playground.ptq.range_cache import FolderCache
from playground.render import numbers


def add_improve(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--improve",
        action="store_true",
        help="try what may reduce the error (scales per channel, algorithms, other calibrators, layers in float), "
        "measure it on samples that were held out, and apply the best; needs --data or --calibration",
    )


def improvement_of(
    args: argparse.Namespace,
    opened: ModelFile,
    recipe: Recipe,
    calibration: Calibration,
    samples: Samples | None,
    *,
    console: Console,
) -> Improvement:
    """What the remedies give, on the samples that were named; these are divided where there are no others.

    Raises:
        InvalidInputError: there are none.
    """
    given: Any = calibration.given
    if opened.gallery_id:
        given = given or dict(gallery.calibration(opened.gallery_id))
        samples = samples or samples_of(args, opened.graph, opened.gallery_id)
    apart = samples is not None and bool(args.data or args.gallery or opened.gallery_id) and calibration.flag != DATA
    with calibration.blamed():
        found = improve(
            opened.model,
            recipe,
            given if apart or samples is None else samples.feeds,
            samples.feeds if apart and samples is not None else None,
            None if samples is None else samples.labels,
            progress=console.progress,
            choice=args.answer,
            shapes=calibration.shapes,
            cache=FolderCache(args.ranges) if args.ranges else None,
            verify=args.verify,
        )
    console.end_progress()
    return found


def show_improvement(found: dict[str, Any], console: Console) -> None:
    """The table of remedies that gain, the best first; then what was taken, and what was tried for nothing."""
    listed, best = found["listed"], found["best"]
    console.paragraph(f"remedies, measured on {plural(found['samples'], 'sample')}: {found['told']}")
    console.line(f"loss ({found['loss_name']}) without any: {numbers.digits(found['loss'])}")
    if listed:
        shown = listed if best is None or len(best["remedies"]) == 1 else [*listed, best]
        columns = {
            "remedy": [trial["name"] for trial in shown],
            "loss": [numbers.digits(trial["loss"]) for trial in shown],
            "gain": [numbers.digits(trial["gain"]) for trial in shown],
            "size": [_more(trial["bytes"]) for trial in shown],
            "gain per kB": ["free" if t["gain_per_kb"] is None else numbers.digits(t["gain_per_kb"]) for t in shown],
        }
        console.table(columns, right=("loss", "gain", "size", "gain per kB"))
    if best is not None:
        console.line(f"applied: {best['name']}")
    else:
        console.line("applied: none, since " + ("nothing is lost that is worth bytes" if listed else "none gains"))
    if found["useless"]:
        console.line(f"no gain: {', '.join(found['useless'])}")
    for name, reason in found["failed"].items():
        console.line(f"not possible: {name}: {reason}")


def _more(count: int) -> str:
    return f"{'−' if count < 0 else '+'}{numbers.size(abs(count))}"

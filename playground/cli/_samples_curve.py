"""``quantize --samples-curve``: the error against the number of calibration samples."""

from __future__ import annotations

import argparse
from typing import Any

from playground.analysis.answer_kinds import DECIBELS, Measure
from playground.analysis.samples_curve import SamplesCurve, samples_curve_task
from playground.cli._calibration import DATA, Calibration
from playground.cli._console import Console
from playground.cli._study import Samples
from playground.errors import InvalidInputError
from playground.ptq.pipeline import QuantizedModel
from playground.render import numbers
from playground.render.compared import shown
from playground.render.samples_told import about, sentence
from playground.tasks import run_sync

OPTION = "--samples-curve"


def add_curve(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        OPTION,
        action="store_true",
        help="also measure the error against the number of calibration samples: whether there are enough",
    )


def curve_of(
    args: argparse.Namespace,
    quantized: QuantizedModel,
    calibration: Calibration,
    samples: Samples | None,
    console: Console,
) -> SamplesCurve | None:
    """What more samples give, measured on ``--data`` or on a part of the samples; None if it is not asked for.

    Raises:
        InvalidInputError: there is no calibration data, or too little.
        UnsupportedError: the activations have no ranges.
    """
    if not args.samples_curve:
        return None
    if calibration.given is None:
        raise InvalidInputError("there is no calibration data", where=OPTION, hint="Give --calibration or --data")
    other = samples if calibration.flag != DATA and (args.data or args.gallery) else None
    with calibration.blamed():
        labelled = samples is not None and samples.labels is not None
        feeds = other.feeds if other else None
        work = samples_curve_task(quantized, calibration.given, feeds, choice=args.answer, labelled=labelled)
        found = run_sync(work, console.progress)
    console.end_progress()
    return found


def curve_data(found: SamplesCurve) -> dict[str, Any]:
    """It as plain data, with what it says."""
    return {**found.as_dict(), "sentence": sentence(found), "told": about(found)}


def show_curve(found: dict[str, Any], console: Console) -> None:
    """The points as a table, and what they say."""
    console.paragraph("error against the number of calibration samples")
    points, measure = found["points"], found["measure"]
    columns = {
        "samples": [numbers.grouped(point["samples"]) for point in points],
        measure: [shown(Measure(measure, point["value"], found["unit"])) for point in points],
    }
    if found["unit"] != DECIBELS:
        columns |= {
            found["distance_name"]: [numbers.digits(point["distance"]) for point in points],
            "SQNR": [f"{numbers.digits(point['sqnr_db'])} dB" for point in points],
        }
    console.table(columns, right=tuple(columns))
    console.paragraph(found["sentence"])
    console.line(found["told"])

"""What ``evaluate --sensitivity`` and ``sweep`` share: samples, the quantized model, and where the report goes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import gallery
from playground.analysis.answer_kinds import AUTO, Measure, answer_kinds
from playground.analysis.answers import answers_task
from playground.analysis.divergence import divergences
from playground.analysis.labels import LABELS, checked_labels
from playground.analysis.model_report import ModelReport, model_report
from playground.analysis.race import race_task
from playground.cli._calibration import add_calibration, calibration_of
from playground.cli._console import Console
from playground.cli._files import Arrays, ModelFile, feeds_of, read_samples
from playground.cli._shapes import shapes_of
from playground.engines.fitting import fitted
from playground.errors import InvalidInputError, PlaygroundError
from playground.host.output import write_file
from playground.model.graph import Graph
from playground.model.recipe import Recipe
from playground.model.recipe.given import recipe_file
from playground.model.writers.onnx import to_onnx
from playground.ptq.made_up import as_option, example_shapes, made_up_feeds
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.ptq.range_cache import FolderCache
from playground.ptq.without_graph import QuantizedTensors
from playground.render.compared import shown
from playground.render.report_page import report_html
from playground.tasks import run_sync

DATA: Mapping[str, str] = {entry.data.id: entry.id for entry in reversed(list(gallery.entries().values()))}
"""Samples of the gallery -> a model that reads them."""

COMPARED = 64
"""Samples on which engines are compared and timed."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Feeds by input name, and the right classes if they are known: one a sample, or one a position."""

    feeds: Arrays
    labels: NDArray[np.int64] | None
    name: str
    count: int
    shapes: dict[str, tuple[int, ...]] | None = None
    """Of made-up samples the sizes that were given for them; None of others."""

    @property
    def given(self) -> Arrays | None:
        """The samples as analyses take them: None where they are made up."""
        return None if self.shapes is not None else self.feeds


def add_samples(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is measured on."""
    data = parser.add_mutually_exclusive_group()
    data.add_argument(
        "--data", metavar="NPZ", help=f"samples: an .npz file with an array for each input, and {LABELS!r} if known"
    )
    data.add_argument(
        "--gallery",
        choices=tuple(DATA),
        help="held-out samples of the gallery; default for its models and for those that take the digits",
    )
    parser.add_argument(
        "--answer",
        choices=(AUTO, *answer_kinds()),
        default=AUTO,
        help="what the outputs are, and so what is compared; default: as they look (docs/answers.md)",
    )


def add_study(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a float model is quantized to be studied, and where the report goes."""
    parser.add_argument("--recipe", metavar="JSON", help="recipe file; default int8 per channel")
    add_calibration(parser)
    add_report(parser)


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where the report goes."""
    parser.add_argument("--report", metavar="HTML", help="write a report: one page with plots, without scripts")


def samples_of(args: argparse.Namespace, graph: Graph, own: str | None = None) -> Samples:
    """The samples that the options name; where they name none, those of ``own``, a model of the gallery."""
    if args.data:
        return samples_in(args.data, graph, "--data")
    shapes = shapes_of(args, graph)
    if shapes is not None:
        feeds = made_up_feeds(graph, shapes)
        return Samples(feeds, None, "made-up inputs, which say nothing about accuracy", count_of(graph, feeds), shapes)
    model_id = DATA[args.gallery] if args.gallery else own or (DATA["digits"] if _takes_digits(graph) else None)
    if model_id is None:
        raise _no_samples(graph)
    held_out = gallery.held_out(model_id)
    (values,) = held_out.feeds.values()
    named = f"the gallery's held-out {held_out.noun}"
    feeds = feeds_of({"": values}, graph, "--gallery")
    return Samples(feeds, held_out.labels, named, count_of(graph, feeds))


def _no_samples(graph: Graph) -> InvalidInputError:
    names = [repr(value.name) for value in graph.inputs]
    arrays = f"{'an array' if len(names) == 1 else 'arrays'} {', '.join(names[:4])}"
    made_up = as_option(example_shapes(graph)) or "--shape NAME=SIZES"
    return InvalidInputError(
        "no samples are named, and the model has none of its own",
        where="--data",
        hint=f"Give --data samples.npz with {arrays}, or sizes of made-up inputs: {made_up}",
    )


def count_of(graph: Graph, feeds: Arrays) -> int:
    """How many samples arrays hold that fit a graph."""
    held, axes = fitted(graph, feeds)
    return axes.count(held)


def samples_in(path: str, graph: Graph, flag: str) -> Samples:
    """The samples in a file that an option named, and the labels if it holds some.

    Raises:
        InvalidInputError: they do not fit the graph, or each other.
    """
    feeds, labels = read_samples(path, graph, flag)
    samples = Samples(feeds, None, path, count_of(graph, feeds))
    if labels is None:
        return samples
    return replace(samples, labels=checked_labels(labels, samples.count, graph, path))


def _takes_digits(graph: Graph) -> bool:
    if len(graph.inputs) != 1 or graph.inputs[0].shape is None or graph.inputs[0].dtype != "float32":
        return False
    sizes = graph.inputs[0].shape
    return len(sizes) == 4 and all(not isinstance(a, int) or a == b for a, b in zip(sizes[1:], (1, 8, 8), strict=True))


def quantized_by(args: argparse.Namespace, opened: ModelFile, console: Console) -> tuple[QuantizedModel, str]:
    """The model quantized as ``--recipe`` says, on the samples that the options name; and what to know about these."""
    recipe = recipe_file(args.recipe) if args.recipe else Recipe()
    calibration = calibration_of(args, opened, recipe)
    with calibration.blamed():
        cache = FolderCache(args.ranges) if args.ranges else None
        quantized = quantize_model(
            opened.model, recipe, calibration.given, console.progress, cache=cache, shapes=calibration.shapes
        )
    return quantized, calibration.told


def report_of(
    opened: ModelFile, quantized: QuantizedModel, samples: Samples, console: Console, *, engines: bool, **found: Any
) -> ModelReport:
    """The report; ``engines``: whether to compare and time the engines for it."""
    compared: dict[str, Any] = {}
    graph = quantized.model.graph
    if engines and graph is not None:
        held, axes = fitted(graph, samples.feeds)
        feeds = axes.first(held, COMPARED)
        race = race_task(graph, quantized.onnx, to_onnx(opened.graph), feeds)
        compared["race"] = run_sync(race, console.progress)
        try:
            compared["divergences"] = divergences(graph, feeds)
        except PlaygroundError:  # the interpreter lacks an operator: then the race alone has to do
            compared["divergences"] = ()
    console.end_progress()
    return model_report(quantized, data=f"{samples.count} samples of {samples.name}", **compared, **found)


def write_report(path: Path | None, report: ModelReport) -> None:
    """Write the HTML file, if one is wanted. Raises OutputError if it cannot be."""
    if path is not None:
        write_file(path, report_html(report))


def answers_data(
    args: argparse.Namespace, made: QuantizedModel | QuantizedTensors, samples: Samples, console: Console
) -> dict[str, Any]:
    """The float model's answers beside those of the quantized one, as ``--json`` prints them."""
    found = run_sync(answers_task(made, samples.feeds, samples.labels, args.answer), console.progress)
    console.end_progress()
    return {"data": samples.name, **found.as_dict()}


def measures_of(measured: Mapping[str, Any]) -> list[str]:
    """What was measured of the answers, in a few words each; one remark where that says nothing."""
    if measured["silent"]:
        return [f"{measured['measures'][0]['name']}: no number, {measured['silent']}"]
    return [f"{found['name']} {shown(Measure(**found))}" for found in measured["measures"]]


def told_answers(measured: Mapping[str, Any]) -> str:
    """What was taken for the answers and why, and how to choose."""
    told = f"answers are read as {measured['answers']}: {measured['why']} (choose with --answer)"
    return f"{told}. {measured['explained']}" if measured["explained"] else told

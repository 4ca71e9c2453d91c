"""``playground evaluate FILE``: how well a model answers, and how far from another one."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.analysis.accuracy import score
from playground.analysis.answer_kinds import Measure, Outputs
from playground.analysis.labels import LABELS
from playground.analysis.outputs import AnswerReader, OutputTally, as_logits, gives_probabilities
from playground.cli._command import Command
from playground.cli._console import Console, Result
from playground.cli._files import ModelFile, add_file, open_model
from playground.cli._layers import layers_measured, show_layers
from playground.cli._profile import profiled, show_profile
from playground.cli._study import (
    Samples,
    add_samples,
    add_study,
    samples_of,
    told_answers,
)
from playground.engines.batch_axes import batch_axes, joined
from playground.engines.fitting import fitted
from playground.engines.run import ENGINES, engines_for, first_supporting_task, run_task
from playground.errors import InvalidInputError
from playground.metrics import ErrorSums
from playground.operators import view_of
from playground.render import numbers
from playground.render.compared import shown
from playground.tasks import Progress, Task, run_sync

BATCH = 120
"""Samples a call, where the model leaves it open: few calls, and little memory."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_file(parser)
    add_samples(parser)
    parser.add_argument(
        "--engine", choices=tuple(ENGINES), help="what runs the model; default: the first engine that can"
    )
    parser.add_argument("--compare", metavar="OTHER", help="a second model (usually the float one) on the same samples")
    parser.add_argument(
        "--sensitivity", action="store_true", help="quantize a float model and measure how much error each layer causes"
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="time each step of the model in our kernels, beside ONNX Runtime's whole time",
    )
    add_study(parser)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model answered: its outputs for all samples, a mapping a batch, by which engine."""

    batches: list[Outputs]
    sizes: list[int]
    engine: str
    note: str = ""


def run(args: argparse.Namespace, console: Console) -> Result:
    """Run the model (and the other one) on the samples; score and compare the answers."""
    if args.sensitivity and args.profile:
        raise InvalidInputError(
            "--sensitivity and --profile are two studies", where="--profile", hint="Leave one of them out"
        )
    if args.sensitivity:
        return layers_measured(args, console)
    for option in ("recipe", "calibration", "report"):
        if getattr(args, option):
            raise InvalidInputError("the option needs --sensitivity", where=f"--{option}", hint="Add --sensitivity")
    if args.profile:
        for option in ("compare", "engine"):
            if getattr(args, option):
                raise InvalidInputError(
                    "the option has no effect with --profile", where=f"--{option}", hint="Leave it out"
                )
        return profiled(args, open_model(args.file), console)
    opened = open_model(args.file)
    other = open_model(args.compare) if args.compare else None
    samples = samples_of(args, opened.graph, opened.gallery_id or (other.gallery_id if other else None))
    if samples.labels is None and other is None:
        raise InvalidInputError(
            "the samples have no labels", where=samples.name, hint=f"Add an array {LABELS!r}, or use --compare"
        )
    answers = _answer(opened, samples, args.engine, console)
    result = {"data": samples.name, "samples": samples.count, "model": _measured(opened, answers, samples)}
    if other is None:
        return result
    others = _answer(other, samples, args.engine, console)
    difference = _difference(args.answer, other, others, answers, opened.name)
    return {**result, "other": _measured(other, others, samples), "difference": difference}


def show(result: Result, console: Console) -> None:
    """One row a model, then how far apart they are; or one row a layer."""
    if "sensitivity" in result:
        show_layers(result, console)
        return
    if "profile" in result:
        show_profile(result, console)
        return
    rows = [result["model"], *([result["other"]] if "other" in result else [])]
    console.line(f"{result['samples']} samples of {result['data']}")
    console.line()
    columns = {
        "model": [row["file"] for row in rows],
        "size": [numbers.size(row["bytes"]) for row in rows],
        "engine": [row["engine"] for row in rows],
    }
    if "accuracy" in rows[0]:
        columns["accuracy"] = [numbers.percent(row["accuracy"]) for row in rows]
        columns["cross-entropy"] = [f"{numbers.digits(row['cross_entropy'])} nats" for row in rows]
    if "perplexity" in rows[0]:
        columns["perplexity"] = [numbers.digits(row["perplexity"]) for row in rows]
    console.table(columns, right=("size", "accuracy", "cross-entropy", "perplexity"))
    if difference := result.get("difference"):
        console.line()
        console.pairs(_described(difference))
        console.paragraph(told_answers(difference["answers"]))
    for row in rows:
        if row["note"]:
            console.paragraph(f"{row['file']}: {row['note']}")


def _described(difference: dict[str, Any]) -> dict[str, str]:
    measured = difference["answers"]
    if measured["silent"]:
        told = {measured["measures"][0]["name"]: f"no number: {measured['silent']}"}
    else:
        told = {m["name"]: f"{shown(Measure(**m))} ({m['about']})" for m in measured["measures"]}
    sqnr = {} if measured["kind"] == "values" else {"SQNR of the output": f"{numbers.digits(difference['sqnr_db'])} dB"}
    return told | sqnr | {"largest difference": numbers.digits(difference["max_error"])}


def _answer(opened: ModelFile, samples: Samples, engine: str | None, console: Console) -> Answers:
    """Run on the requested engine, else on the first that can; notes say why the ones before it cannot."""
    engines = (engine,) if engine else engines_for(opened.graph)
    work = first_supporting_task(engines, lambda candidate: _outputs_task(opened, samples, candidate, console))
    (batches, sizes), chosen, reasons = run_sync(work)
    return Answers(batches, sizes, chosen, " ".join(reasons))


def _outputs_task(
    opened: ModelFile, samples: Samples, engine: str, console: Console
) -> Task[tuple[list[Outputs], list[int]]]:
    """All outputs, and the samples of each batch; where the model fixes their size the last one is filled up."""
    graph = opened.graph
    feeds, axes = fitted(graph, samples.feeds)
    size = axes.size or BATCH
    batches: list[Outputs] = []
    sizes: list[int] = []
    for start in range(0, samples.count, size):
        rows = np.arange(start, min(start + size, samples.count))
        count = rows.size
        if axes.size:
            rows = np.resize(rows, size)
        made = yield from run_task(graph, axes.unstacked(axes.take(feeds, rows)), engine)
        batches.append({name: _first_of(x, count, len(rows)) for name, x in made.items()})
        sizes.append(count)
        console.progress(Progress(min(start + size, samples.count), samples.count, f"{opened.name} on {engine}"))
    console.end_progress()
    _require_finite([made[graph.outputs[0].name] for made in batches], opened.name)
    return batches, sizes


def _first_of(x: NDArray[Any], count: int, size: int) -> NDArray[Any]:
    """Without the samples that fill up a batch."""
    return x[:count] if x.ndim and len(x) == size else x


def _require_finite(outputs: list[NDArray[Any]], where: str) -> None:
    lost = sum(x.size - int(np.count_nonzero(np.isfinite(x))) for x in outputs)
    if lost:
        raise InvalidInputError(
            f"{lost} of the model's {sum(x.size for x in outputs)} outputs are NaN or infinite",
            where=where,
            hint="Run 'playground inspect --ranges' to see whether its weights are finite",
        )


def _measured(opened: ModelFile, answers: Answers, samples: Samples) -> dict[str, Any]:
    row = {
        "file": opened.name,
        "bytes": opened.nbytes,
        "engine": answers.engine,
        "note": answers.note,
    }
    if samples.labels is None:
        return row
    graph = opened.graph
    runs = [made[graph.outputs[0].name] for made in answers.batches]
    output = joined(graph, graph.outputs[0], runs, batch_axes(graph).size or 1)[: samples.count]
    found = score(as_logits(output, gives_probabilities(view_of(opened.graph))), samples.labels)
    row |= {"accuracy": found.accuracy, "cross_entropy": found.cross_entropy}
    return row if samples.labels.ndim == 1 else row | {"perplexity": found.perplexity}


def _difference(choice: str, other: ModelFile, reference: Answers, answers: Answers, where: str) -> dict[str, Any]:
    """How far the answers are from another model's, on the same samples."""
    names = [value.name for value in other.graph.outputs]
    reader = AnswerReader(view_of(other.graph), choice)
    tally, errors = OutputTally(reader), ErrorSums()
    pairs = zip(reference.batches, answers.batches, reference.sizes, answers.sizes, strict=False)
    for wanted, made, size, other_size in pairs:
        # outputs may be named otherwise
        found: Outputs = {**dict(zip(names, made.values(), strict=False)), **made}
        _require_alike(wanted, found, where, same_batches=size == other_size)
        if wanted[names[0]].shape == found[names[0]].shape:
            errors.update(wanted[names[0]], found[names[0]])
        tally.update(wanted, found, None, size)
    measured = tally.measured()
    sums = errors.measures() if errors.count else {"rmse": math.nan, "max_error": math.nan}
    difference = {"sqnr_db": measured.sqnr_db, "rmse": sums["rmse"], "max_error": sums["max_error"]}
    return {**difference, "agreement": measured.agreement, "answers": measured.as_dict()}


def _require_alike(wanted: Outputs, found: Outputs, where: str, *, same_batches: bool) -> None:
    """Outputs of the same names and axes; how many boxes there are in each may differ."""
    for name, x in wanted.items():
        other = found[name].shape if name in found else ()
        fits = name in found and len(other) == x.ndim and (other[-1:] == x.shape[-1:] or x.ndim < 2)
        if not fits or not same_batches:
            raise InvalidInputError(
                f"outputs {name!r} of shape {[*other[1:]]} and {[*x.shape[1:]]} a sample cannot be compared",
                where=where,
                hint="Compare models with the same outputs",
            )


COMMAND = Command(configure, run, show)

"""``playground evaluate FILE``: how well a model answers, and how far from another one."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.analysis.accuracy import score
from playground.analysis.labels import LABELS
from playground.analysis.mixed_precision import mixed_precision_task
from playground.analysis.outputs import as_logits, gives_probabilities
from playground.analysis.sensitivity import sensitivity_task
from playground.cli._command import Command
from playground.cli._console import Console, Result
from playground.cli._files import ModelFile, add_file, open_model, target
from playground.cli._study import (
    Samples,
    add_samples,
    add_study,
    quantized_by,
    report_of,
    samples_of,
    write_report,
)
from playground.engines.batch_axes import joined
from playground.engines.fitting import fitted
from playground.engines.run import ENGINES, FLOAT_ENGINES, first_supporting_task, is_quantized, run_task
from playground.errors import InvalidInputError
from playground.metrics import compare
from playground.operators import view_of
from playground.render import numbers
from playground.render.verdict import verdict
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
    add_study(parser)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model answered: its first output for all samples, by which engine."""

    output: NDArray[Any]
    engine: str
    note: str = ""


def run(args: argparse.Namespace, console: Console) -> Result:
    """Run the model (and the other one) on the samples; score and compare the answers."""
    if args.sensitivity:
        return _sensitivity(args, console)
    for option in ("recipe", "calibration", "report"):
        if getattr(args, option):
            raise InvalidInputError("the option needs --sensitivity", where=f"--{option}", hint="Add --sensitivity")
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
    difference = _difference(answers.output, others.output, opened.name)
    return {**result, "other": _measured(other, others, samples), "difference": difference}


def _sensitivity(args: argparse.Namespace, console: Console) -> Result:
    """Quantize a float model and measure every layer."""
    if args.compare or args.engine:
        raise InvalidInputError(
            "the option cannot be combined with --compare or --engine",
            where="--sensitivity",
            hint="Leave one of them out",
        )
    page = target(args.report, args.file) if args.report else None
    opened = open_model(args.file)
    samples = samples_of(args, opened.graph, opened.gallery_id)
    quantized, told = quantized_by(args, opened, console)
    work = sensitivity_task(
        quantized.source, quantized.quantization, samples.given, samples.labels, shapes=samples.shapes
    )
    found = run_sync(work, console.progress)
    console.end_progress()
    if page:
        mixed = None
        if not quantized.quantization.dynamic:  # there, integer products take no other widths
            search = mixed_precision_task(quantized, samples.given, samples.labels)
            mixed = run_sync(search, console.progress)
        report = report_of(opened, quantized, samples, console, engines=True, sensitivity=found, mixed=mixed)
        write_report(page, report)
    held = {"file": opened.name, "data": samples.name, "samples": samples.count, "verdict": verdict(found)}
    return {**held, "report": args.report, "calibration": told, "sensitivity": found.as_dict()}


def _show_layers(result: Result, console: Console) -> None:
    found = result["sensitivity"]
    console.line(f"{result['samples']} samples of {result['data']}")
    console.paragraph(result["verdict"])
    if result["calibration"]:
        console.paragraph(result["calibration"])
    console.line()
    layers, labelled = found["layers"], found["quantized"]["cross_entropy"] is not None
    loss = "cross_entropy" if labelled else "relative_error"
    unit = "cross-entropy" if labelled else "error"
    columns = {
        "layer": [r["layer"]["node"] for r in layers],
        "operator": [r["layer"]["op"] for r in layers],
        "weights": [_decibels(r["weights"]) for r in layers],
        "output alone": [_decibels(r["local"]) for r in layers],
        "piled up": [_decibels(r["accumulated"]) for r in layers],
        f"{unit} alone": [numbers.digits(r["alone"][loss]) for r in layers],
        "all but it": [numbers.digits(r["without"][loss]) for r in layers],
        "share": [numbers.percent(r["share"]) for r in layers],
    }
    console.table(columns, right=tuple(columns)[2:])
    console.paragraph(
        f"{unit}: float {numbers.digits(found['original'][loss])}, all quantized "
        f"{numbers.digits(found['quantized'][loss])}"
    )
    if result["report"]:
        console.paragraph(f"report written to {result['report']}")


def _decibels(measures: dict[str, float] | None) -> str:
    return "—" if measures is None else f"{numbers.digits(measures['sqnr_db'])} dB"


def show(result: Result, console: Console) -> None:
    """One row a model, then how far apart they are; or one row a layer."""
    if "sensitivity" in result:
        _show_layers(result, console)
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
        console.pairs(_described(difference, result["samples"]))
    for row in rows:
        if row["note"]:
            console.paragraph(f"{row['file']}: {row['note']}")


def _described(difference: dict[str, Any], count: int) -> dict[str, str]:
    agreement = difference.get("agreement")
    same = "" if agreement is None else f"{numbers.percent(agreement)} ({round(agreement * count)} of {count})"
    return {
        "same answer": same,
        "SQNR of the output": f"{numbers.digits(difference['sqnr_db'])} dB",
        "largest difference": numbers.digits(difference["max_error"]),
    }


def _answer(opened: ModelFile, samples: Samples, engine: str | None, console: Console) -> Answers:
    """Run on the requested engine, else on the first that can; notes say why the ones before it cannot."""
    engines = (engine,) if engine else tuple(ENGINES) if is_quantized(opened.graph) else FLOAT_ENGINES
    work = first_supporting_task(engines, lambda candidate: _output_task(opened, samples, candidate, console))
    output, chosen, reasons = run_sync(work)
    return Answers(output, chosen, " ".join(reasons))


def _output_task(opened: ModelFile, samples: Samples, engine: str, console: Console) -> Task[NDArray[Any]]:
    """The first output for all samples, in batches; where the model fixes their size the last one is filled up."""
    graph = opened.graph
    feeds, axes = fitted(graph, samples.feeds)
    size = axes.size or BATCH
    outputs = []
    for start in range(0, samples.count, size):
        rows = np.arange(start, min(start + size, samples.count))
        if axes.size:
            rows = np.resize(rows, size)
        batch = axes.unstacked(axes.take(feeds, rows))
        outputs.append((yield from run_task(graph, batch, engine))[graph.outputs[0].name])
        console.progress(Progress(min(start + size, samples.count), samples.count, f"{opened.name} on {engine}"))
    console.end_progress()
    output = joined(graph, graph.outputs[0], outputs, axes.size or 1)[: samples.count]
    lost = output.size - np.count_nonzero(np.isfinite(output))
    if lost:
        raise InvalidInputError(
            f"{lost} of the model's {output.size} outputs are NaN or infinite",
            where=opened.name,
            hint="Run 'playground inspect --ranges' to see whether its weights are finite",
        )
    return as_logits(output, gives_probabilities(view_of(graph)))


def _measured(opened: ModelFile, answers: Answers, samples: Samples) -> dict[str, Any]:
    row = {
        "file": opened.name,
        "bytes": opened.nbytes,
        "engine": answers.engine,
        "note": answers.note,
    }
    if samples.labels is None:
        return row
    found = score(answers.output, samples.labels)
    row |= {"accuracy": found.accuracy, "cross_entropy": found.cross_entropy}
    return row if samples.labels.ndim == 1 else row | {"perplexity": found.perplexity}


def _difference(output: NDArray[Any], other: NDArray[Any], where: str) -> dict[str, Any]:
    if output.shape != other.shape:
        raise InvalidInputError(
            f"outputs of shape {output.shape} and {other.shape} cannot be compared",
            where=where,
            hint="Compare models with the same outputs",
        )
    errors = compare(other, output)
    found: dict[str, Any] = {name: errors[name] for name in ("sqnr_db", "rmse", "max_error")}
    if output.ndim > 1:
        found["agreement"] = float((output.argmax(axis=-1) == other.argmax(axis=-1)).mean())
    return found


COMMAND = Command("evaluate", "measure a model on samples, alone or against another", configure, run, show)

"""``playground evaluate FILE``: how well a model answers, and how far from another one."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import gallery
from playground.analysis.accuracy import Score, score
from playground.cli._command import Command
from playground.cli._console import Console, Result
from playground.cli._files import LABELS, Arrays, ModelFile, add_file, feeds_of, open_model, read_arrays
from playground.engines.running import ENGINES, is_quantized
from playground.engines.running import run as run_model
from playground.errors import InvalidInputError, MissingError, UnsupportedError
from playground.metrics import compare
from playground.model.graph import Graph
from playground.render import numbers
from playground.work import Progress

DATA: Mapping[str, str] = {entry.data.id: entry.id for entry in reversed(list(gallery.entries().values()))}
"""Samples of the gallery -> a model that reads them."""

BATCH = 120
"""Samples a call, where the model leaves it open: few calls, as each one plans anew, and little memory."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_file(parser)
    data = parser.add_mutually_exclusive_group()
    data.add_argument(
        "--data", metavar="NPZ", help=f"samples: an array for each input, and {LABELS!r} if they are known"
    )
    data.add_argument(
        "--gallery",
        choices=tuple(DATA),
        help="held-out samples of the gallery; the default for its own models and where the digits fit",
    )
    parser.add_argument("--engine", choices=tuple(ENGINES), help="default: the first of them that can run the model")
    parser.add_argument("--compare", metavar="OTHER", help="a second model (usually the float one) on the same samples")


@dataclass(frozen=True, slots=True)
class Samples:
    """Feeds by input name, and the right classes if they are known: one a sample, or one a position."""

    feeds: Arrays
    labels: NDArray[np.int64] | None
    name: str

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(next(iter(self.feeds.values())))


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model answered: its first output for all samples, by which engine."""

    output: NDArray[Any]
    engine: str
    note: str = ""


def run(args: argparse.Namespace, console: Console) -> Result:
    """Run the model (and the other one) on the samples; score and compare the answers."""
    opened = open_model(args.file)
    other = open_model(args.compare) if args.compare else None
    samples = _samples(args, opened.graph, opened.gallery_id or (other.gallery_id if other else None))
    if samples.labels is None and other is None:
        raise InvalidInputError(
            "there is nothing to measure against", where=samples.name, hint=f"Add an array {LABELS!r}, or use --compare"
        )
    answers = _answer(opened, samples, args.engine, console)
    result = {"data": samples.name, "samples": samples.count, "model": _measured(opened, answers, samples)}
    if other is None:
        return result
    others = _answer(other, samples, args.engine, console)
    difference = _difference(answers.output, others.output, opened.name)
    return {**result, "other": _measured(other, others, samples), "difference": difference}


def show(result: Result, console: Console) -> None:
    """One row a model, then how far apart they are."""
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
            console.line(f"\n{row['file']}: {row['note']}")


def _described(difference: dict[str, Any], count: int) -> dict[str, str]:
    agreement = difference.get("agreement")
    same = "" if agreement is None else f"{numbers.percent(agreement)} ({round(agreement * count)} of {count})"
    return {
        "same answer": same,
        "SQNR of the output": f"{numbers.digits(difference['sqnr_db'])} dB",
        "largest difference": numbers.digits(difference["max_error"]),
    }


def _samples(args: argparse.Namespace, graph: Graph, own: str | None) -> Samples:
    if args.data:
        arrays = read_arrays(args.data)
        labels = arrays.pop(LABELS, None)
        samples = Samples(feeds_of(arrays, graph, args.data), _labels(labels, args.data), args.data)
        if samples.labels is not None and samples.labels.shape[:1] != (samples.count,):
            raise InvalidInputError(
                f"{LABELS} of shape {samples.labels.shape} for {samples.count} samples", where=args.data
            )
        return samples
    model_id = DATA[args.gallery] if args.gallery else own or (DATA["digits"] if _takes_digits(graph) else None)
    if model_id is None:
        raise InvalidInputError("the gallery's digits do not fit this model", where="--data", hint="Give samples")
    held_out = gallery.held_out(model_id)
    (values,) = held_out.feeds.values()
    named = f"the gallery's held-out {held_out.noun}"
    return Samples(feeds_of({"": values}, graph, "--gallery"), held_out.labels, named)


def _labels(labels: NDArray[Any] | None, where: str) -> NDArray[np.int64] | None:
    if labels is None:
        return None
    if labels.dtype.kind not in "iu":
        raise InvalidInputError(f"{LABELS} of type {labels.dtype}", where=where, hint="Use integers, the classes")
    return labels.astype(np.int64)


def _takes_digits(graph: Graph) -> bool:
    if len(graph.inputs) != 1 or graph.inputs[0].shape is None or graph.inputs[0].dtype != "float32":
        return False
    sizes = graph.inputs[0].shape
    return len(sizes) == 4 and all(not isinstance(a, int) or a == b for a, b in zip(sizes[1:], (1, 8, 8), strict=True))


def _answer(opened: ModelFile, samples: Samples, engine: str | None, console: Console) -> Answers:
    """Run on the engine that was asked for; if none was, on the first that can, saying why the ones before cannot."""
    graph = opened.graph
    reasons: list[str] = []
    engines = (engine,) if engine else tuple(ENGINES) if is_quantized(graph) else ("reference", "onnxruntime")
    for candidate in engines[:-1]:
        try:
            return Answers(_output(opened, samples, candidate, console), candidate, " ".join(reasons))
        except (UnsupportedError, MissingError) as error:  # cannot run it, or is not installed
            reasons.append(f"Not on {candidate}: {error}.")
    return Answers(_output(opened, samples, engines[-1], console), engines[-1], " ".join(reasons))


def _output(opened: ModelFile, samples: Samples, engine: str, console: Console) -> NDArray[Any]:
    """The first output for all samples, in batches; where the model fixes their size the last one is filled up."""
    graph = opened.graph
    fixed = _fixed_batch(graph)
    size = fixed or BATCH
    outputs = []
    for start in range(0, samples.count, size):
        rows = np.arange(start, min(start + size, samples.count))
        if fixed:
            rows = np.resize(rows, fixed)
        batch = {name: array[rows] for name, array in samples.feeds.items()}
        outputs.append(run_model(graph, batch, engine=engine)[graph.outputs[0].name])
        console.progress(Progress(min(start + size, samples.count), samples.count, f"{opened.name} on {engine}"))
    console.end_progress()
    output = np.concatenate(outputs)[: samples.count]
    lost = output.size - np.count_nonzero(np.isfinite(output))
    if lost:
        raise InvalidInputError(
            f"{lost} of its {output.size} outputs are NaN or infinite",
            where=opened.name,
            hint="'playground inspect --ranges' shows whether its weights are",
        )
    return _as_logits(output, graph)


def _fixed_batch(graph: Graph) -> int:
    """How many samples the model's inputs insist on at once; 0 where they leave it open."""
    return next((size for value in graph.inputs for size in (value.shape or ())[:1] if isinstance(size, int)), 0)


def _as_logits(output: NDArray[Any], graph: Graph) -> NDArray[Any]:
    """The logarithm of what a final Softmax gives, so that its cross-entropy is that of the probabilities."""
    made_by = {name: node for node in graph.nodes for name in node.outputs}
    node = made_by.get(graph.outputs[0].name)
    while node is not None and node.op in ("QuantizeLinear", "DequantizeLinear"):
        node = made_by.get(node.inputs[0])
    if node is None or node.op != "Softmax":
        return output
    logits: NDArray[Any] = np.log(np.maximum(output, np.finfo(np.float32).tiny))
    return logits


def _measured(opened: ModelFile, answers: Answers, samples: Samples) -> dict[str, Any]:
    row = {
        "file": opened.name,
        "bytes": opened.nbytes,
        "engine": answers.engine,
        "note": answers.note,
    }
    if samples.labels is None:
        return row
    found = _scored(answers.output, samples.labels, opened.name)
    row |= {"accuracy": found.accuracy, "cross_entropy": found.cross_entropy}
    return row if samples.labels.ndim == 1 else row | {"perplexity": found.perplexity}


def _scored(output: NDArray[Any], labels: NDArray[np.int64], where: str) -> Score:
    if output.ndim > 1 and (labels.min() < 0 or labels.max() >= output.shape[-1]):
        raise InvalidInputError(
            f"{LABELS} from {labels.min()} to {labels.max()} for {output.shape[-1]} classes", where=where
        )
    return score(output, labels)


def _difference(output: NDArray[Any], other: NDArray[Any], where: str) -> dict[str, Any]:
    if output.shape != other.shape:
        raise InvalidInputError(f"outputs of shape {output.shape} and {other.shape} cannot be compared", where=where)
    errors = compare(other, output)
    found: dict[str, Any] = {name: errors[name] for name in ("sqnr_db", "rmse", "max_error")}
    if output.ndim > 1:
        found["agreement"] = float((output.argmax(axis=-1) == other.argmax(axis=-1)).mean())
    return found


COMMAND = Command("evaluate", "measure a model on samples, alone or against another", configure, run, show)

"""What ``playground quantize`` does where the file that is read, or the one that is written, has no graph."""

from __future__ import annotations

import argparse
from pathlib import Path

from playground.cli._calibration import Calibration
from playground.cli._code import Code
from playground.cli._console import Console, Result
from playground.cli._files import ModelFile, target
from playground.cli._recipe_options import recipe_for
from playground.cli._study import answers_data, samples_of
from playground.errors import InvalidInputError
from playground.model.runtimes import runtime, runtimes
from playground.model.writers import writer_for, writers
from playground.ptq.without_graph import quantize_tensors

_OF_ACTIVATIONS = (
    *("calibration", "improve", "samples_curve", "report", "activations", "algorithms", "prepare"),
    *("calibrator", "activation_format", "representation"),
)
"""Options about what files of tensors alone have no place for."""

_OF_SAMPLES = ("data", "gallery")
"""Options about samples, which a model with a graph can be measured on."""


def of_weights_alone(args: argparse.Namespace) -> bool:
    """Whether the output, or else the runtime or the recipe, asks for a file without a graph."""
    if args.output:
        return Path(args.output).suffix.lower() in _endings()
    if args.recipe and Path(args.recipe).is_file():
        return not runtime(recipe_for(args, ()).runtime).reads_graphs
    return bool(args.runtime) and not runtime(args.runtime).reads_graphs


def run_without_graph(args: argparse.Namespace, opened: ModelFile, console: Console) -> Result:
    """Quantize the weights and write codes and scales; what is found is where they were written, and the report.

    Raises:
        InvalidInputError: an option was given that such files have no place for; no file ends as the output does.
        UnsupportedError: the recipe's runtime does not read what ends so; the tool of ``--code`` makes other codes.
    """
    graph = opened.model.graph
    _refuse_options(args, opened)
    kind = _kind(args)
    names = [] if graph is None else [node.name for node in graph.walk()]
    recipe = recipe_for(args, (*opened.model.tensors, *names))
    output = target(args.output or f"{opened.stem}.quantized{writer_for(recipe).ending}", opened.name)
    code = Code(args, opened, output, Calibration())
    samples = samples_of(args, graph, opened.gallery_id) if graph is not None and (args.data or args.gallery) else None
    made = quantize_tensors(opened.model, recipe, console.progress, kind=kind)
    code.make(made)
    made.save(output)
    return {
        "file": opened.name,
        "output": str(output),
        "code": code.save(),
        **made.report.as_dict(),
        "file_bytes_before": opened.nbytes,
        "images": "",
        "calibration": "",
        "samples_curve": None,
        "answers": answers_data(args, made, samples, console) if samples is not None else None,
        "improvement": None,
        "report": None,
    }


def _refuse_options(args: argparse.Namespace, opened: ModelFile) -> None:
    refused = _OF_ACTIVATIONS if opened.model.graph is not None else (*_OF_ACTIVATIONS, *_OF_SAMPLES)
    for name in refused:
        if getattr(args, name, None) and not (name == "activations" and args.activations == "weight-only"):
            option = f"--{name.replace('_', '-')}"
            what = f"{option} needs a graph, and {opened.name} has tensors only"
            if opened.model.graph is not None:
                what = f"{option} needs a graph in the file that is written, and such files have tensors only"
            raise InvalidInputError(what, where="options", hint="Leave it out, or write an .onnx file of an ONNX model")


def _endings() -> dict[str, str]:
    return {made.ending: name for name, made in writers().items()}


def _kind(args: argparse.Namespace) -> str | None:
    """The kind of file that the output's ending says; a runtime that reads it is taken if none is named."""
    if not args.output:
        return None
    endings = _endings()
    kind = endings.get(Path(args.output).suffix.lower())
    if kind is None:
        raise InvalidInputError(
            "tensors without a graph are not written into such a file",
            where=f"--output {args.output}",
            hint=f"Use one of: {', '.join(endings)}",
        )
    if not args.runtime and not args.recipe:
        args.runtime = next((found.id for found in runtimes().values() if found.file == kind), None)
    return kind

"""What ``playground quantize`` does with a file that has tensors and no graph."""

from __future__ import annotations

import argparse
from pathlib import Path

from playground.cli._calibration import Calibration
from playground.cli._code import Code
from playground.cli._console import Console, Result
from playground.cli._files import ModelFile, target
from playground.cli._recipe_options import recipe_for
from playground.errors import InvalidInputError
from playground.model.runtimes import runtimes
from playground.model.writers import writer_for, writers
from playground.ptq.without_graph import quantize_tensors

_NEED_A_GRAPH = (
    *("calibration", "data", "gallery", "improve", "samples_curve", "report", "activations", "algorithms", "prepare"),
    *("calibrator", "activation_format"),
)
"""Options about activations and samples."""


def run_without_graph(args: argparse.Namespace, opened: ModelFile, console: Console) -> Result:
    """Quantize the weights and write codes and scales; what is found is where they were written, and the report.

    Raises:
        InvalidInputError: an option was given that needs a graph; no file ends as the output does.
        UnsupportedError: the recipe's runtime does not read what ends so; the tool of ``--code`` makes other codes.
    """
    for name in _NEED_A_GRAPH:
        if getattr(args, name, None) and not (name == "activations" and args.activations == "weight-only"):
            raise InvalidInputError(
                f"--{name.replace('_', '-')} needs a graph, and {opened.name} has tensors only",
                where="options",
                hint="Leave it out, or use an ONNX model",
            )
    kind = _kind(args)
    recipe = recipe_for(args, tuple(opened.model.tensors))
    output = target(args.output or f"{opened.stem}.quantized{writer_for(recipe).ending}", opened.name)
    code = Code(args, opened, output, Calibration())
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
        "answers": None,
        "improvement": None,
        "report": None,
    }


def _kind(args: argparse.Namespace) -> str | None:
    """The kind of file that the output's ending says; a runtime that reads it is taken if none is named."""
    if not args.output:
        return None
    endings = {made.ending: name for name, made in writers().items()}
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

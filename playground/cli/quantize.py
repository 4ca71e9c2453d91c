"""``playground quantize FILE -o OUT``: a float model to a quantized one, or its weights to tensors without a graph."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from playground.analysis.model_report import model_report
from playground.cli._calibration import Calibration, add_calibration, calibration_of
from playground.cli._code import Code, add_code
from playground.cli._command import Command
from playground.cli._console import Console, Result
from playground.cli._files import GALLERY_PREFIX, ModelFile, add_file, open_model, target
from playground.cli._improve import add_improve, improvement_of, show_improvement
from playground.cli._recipe_options import add_recipe, recipe_of
from playground.cli._samples_curve import add_curve, curve_data, curve_of, show_curve
from playground.cli._study import (
    Samples,
    add_report,
    add_samples,
    answers_data,
    measures_of,
    samples_in,
    samples_of,
    told_answers,
    write_report,
)
from playground.cli._without_graph import of_weights_alone, run_without_graph
from playground.errors import UnsupportedError, plural
from playground.model.recipe import Recipe
from playground.model.runtimes import runtime
from playground.model.writers.onnx import require_graph_name
from playground.ptq.images import ENDINGS
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.ptq.quantized_model import TFLITE
from playground.ptq.range_cache import FolderCache
from playground.render import numbers


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_file(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="the file to write; default NAME.quantized.onnx in the current folder, or NAME.quantized.tflite with "
        "--runtime tflite, which a name that ends so stands for. Weights alone are written as .gguf, .safetensors or "
        ".npz, which is what tensors without a graph become",
    )
    add_calibration(parser)
    add_samples(parser)
    add_improve(parser)
    add_curve(parser)
    add_report(parser)
    add_code(parser)
    parser.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="do not open the finished file in ONNX Runtime and run it on a few samples",
    )
    add_recipe(parser)


def run(args: argparse.Namespace, console: Console) -> Result:
    """Quantize and write the file; what is found is where it was written, and the report."""
    opened = open_model(args.file)
    if opened.model.graph is None or of_weights_alone(args):
        return run_without_graph(args, opened, console)
    if args.output and _is_tflite(args.output) and not (args.runtime or args.recipe):
        args.runtime = "tflite"
    recipe = recipe_of(args, opened.graph)
    ending = TFLITE if runtime(recipe.runtime).file == "tflite" else ".onnx"
    wanted = args.output or f"{opened.stem}.quantized{ending}"
    output = target(wanted, opened.name)
    require_graph_name(output)
    page = target(args.report, opened.name) if args.report else None
    calibration = calibration_of(args, opened, recipe)
    code = Code(args, opened, output, calibration)
    samples = _samples(args, opened)
    improved = improvement_of(args, opened, recipe, calibration, samples, console=console) if args.improve else None
    quantized = improved.quantized if improved else _quantized(args, opened, recipe, calibration, console)
    _require_taken(quantized, output)
    quantized = quantized.as_tflite() if _is_tflite(output) else quantized.as_onnx()
    code.make(quantized)
    quantized.save(output)
    curve = curve_of(args, quantized, calibration, samples, console)
    if page is not None:
        measured_on = f"{samples.count} samples of {samples.name}" if samples else ""
        write_report(page, model_report(quantized, data=measured_on, samples=curve, improvement=improved))
    return {
        "file": opened.name,
        "output": str(output),
        "code": code.save(),
        **quantized.report.as_dict(),
        "file_bytes_before": opened.nbytes,
        "images": calibration.images,
        "calibration": calibration.told,
        "samples_curve": curve_data(curve) if curve else None,
        "answers": answers_data(args, quantized, samples, console) if samples else None,
        "improvement": improved.as_dict() if improved else None,
        "report": args.report,
    }


def _is_tflite(path: str | Path) -> bool:
    return Path(path).suffix.lower() == TFLITE


def _quantized(
    args: argparse.Namespace, opened: ModelFile, recipe: Recipe, calibration: Calibration, console: Console
) -> QuantizedModel:
    with calibration.blamed():
        return quantize_model(
            opened.model,
            recipe,
            calibration.given,
            console.progress,
            cache=FolderCache(args.ranges) if args.ranges else None,
            shapes=calibration.shapes,
            verify=args.verify,
        )


def _require_taken(quantized: QuantizedModel, output: Path) -> None:
    """Raise UnsupportedError if ONNX Runtime has opened the file and refused it: then nothing is written."""
    found = quantized.report.verification
    if found is not None and found.refused:
        raise UnsupportedError(
            f"ONNX Runtime does not take the quantized model ({found.refused}), so it was not written",
            where=str(output),
            hint="Choose other options, or add --no-verify to write it all the same",
        )


def _samples(args: argparse.Namespace, opened: ModelFile) -> Samples | None:
    """The samples that were named, or the calibration data if it has labels, to measure both models on."""
    if args.data or args.gallery:
        return samples_of(args, opened.graph, opened.gallery_id)
    if not args.calibration or not Path(args.calibration).is_file():
        return None
    if Path(args.calibration).suffix.lower() in ENDINGS:
        return None
    samples = samples_in(args.calibration, opened.graph, "--calibration")
    return None if samples.labels is None else samples


def show(result: Result, console: Console) -> None:
    """What was written, the tensors as a table, and what stayed in float."""
    tensors, skipped = result["tensors"], result["skipped"]
    samples = result["calibration_samples"]
    activations = (
        f"{len(result['activations'])} quantized, ranges from {plural(samples, 'sample')}" if samples else "float"
    )
    if result["recipe"]["activations"] == "dynamic":
        activations = "quantized as they come"
    console.pairs(
        {
            "written": result["output"],
            "file": _shrunk(result["file_bytes_before"], result["file_bytes"]),
            "constants": _shrunk(result["bytes_before"], result["bytes_after"]) + ", codes packed",
            "activations": activations,
            "checked": (result["verification"] or {}).get("sentence", ""),
            "biases": f"{result['biases']} as int32" if result["biases"] else "float",
        }
    )
    if tensors:
        columns = {
            "tensor": [t["name"] for t in tensors],
            "operator": [t["op"] for t in tensors],
            "shape": [numbers.shape(tuple(t["shape"])) for t in tensors],
            "scheme": [_described(t["scheme"]) for t in tensors],
            "before": [numbers.size(t["bytes_before"]) for t in tensors],
            "after": [numbers.size(t["bytes_stored"]) for t in tensors],
            "SQNR": [f"{numbers.digits(t['sqnr_db'])} dB" for t in tensors],
        }
        console.line()
        console.table(columns, right=("before", "after", "SQNR"))
    if skipped:
        console.paragraph("left in float")
        console.table(
            {
                "name": [s["name"] or s["node"] for s in skipped],
                "operator": [s["op"] for s in skipped],
                "reason": [s["reason"] for s in skipped],
            }
        )
    if result["answers"]:
        console.paragraph(f"on {result['answers']['data']}: {_measured(result['answers'])}")
        console.line(told_answers(result["answers"]["quantized"]))
    if result["samples_curve"]:
        show_curve(result["samples_curve"], console)
    if result["improvement"]:
        show_improvement(result["improvement"], console)
    for applied in result["algorithms"]:
        changes = [f"{name} {numbers.digits(was)} → {numbers.digits(now)}" for name, was, now in _changes(applied)]
        console.paragraph(f"{applied['name']}: {', '.join(changes) or 'done'}")
    _show_notes(result, console)
    if not any(result[name] for name in ("answers", "improvement", "samples_curve")):
        console.paragraph(f"To measure it: {_measuring(result)}")


def _measuring(result: Result) -> str:
    """The command that holds what was written against the model that it was made from."""
    if Path(result["output"]).suffix.lower() not in (".onnx", TFLITE):
        return f"playground compare {' '.join(map(shlex.quote, (result['file'], result['output'])))}"
    data = "" if result["file"].startswith(GALLERY_PREFIX) else " --data samples.npz"
    names = map(shlex.quote, (result["output"], "--compare", result["file"]))
    return f"playground evaluate {' '.join(names)}{data}"


def _show_notes(result: Result, console: Console) -> None:
    """Where ranges come from, why the file is not smaller, warnings, and where the report is."""
    for told in filter(None, (result["images"], result["not_smaller"])):
        console.paragraph(told)
    for warning in result["warnings"]:
        console.paragraph(f"Note: {warning}")
    if result["calibration"]:
        console.paragraph(result["calibration"])
    if result["report"]:
        console.paragraph(f"report written to {result['report']}")
    if result["code"]:
        console.paragraph(f"script written to {result['code']}")


def _measured(found: dict[str, Any]) -> str:
    before, after = found["original"], found["quantized"]
    told = [f"SQNR of the output {numbers.digits(after['sqnr_db'])} dB"] if after["kind"] != "values" else []
    if after["accuracy"] is not None:
        told.insert(0, f"accuracy {numbers.percent(before['accuracy'])} → {numbers.percent(after['accuracy'])}")
    return ", ".join([*told, *measures_of(after)])


def _changes(applied: dict[str, Any]) -> list[tuple[str, float, float]]:
    """The numbers that are known before and after, with their names in words."""
    after = applied["after"]
    return [(name.replace("_", " "), was, after[name]) for name, was in applied["before"].items() if name in after]


def _shrunk(before: int, after: int) -> str:
    """Both sizes and their ratio, in words that hold either way."""
    small, large = sorted((before, after))
    ratio = f" ({numbers.digits(large / small)} × {'smaller' if after < before else 'larger'})" if small < large else ""
    return f"{numbers.size(before)} → {numbers.size(after)}{ratio if small else ''}"


def _described(scheme: dict[str, Any]) -> str:
    sign = "symmetric" if scheme["symmetric"] else "asymmetric"
    return f"{scheme['format']} {sign}, per {scheme['granularity']}"


COMMAND = Command(configure, run, show)

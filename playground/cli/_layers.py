"""``evaluate --sensitivity``: which layer of a float model hurts when it is quantized."""

from __future__ import annotations

import argparse

from playground.analysis.mixed_precision import mixed_precision_task
from playground.analysis.sensitivity import sensitivity_task
from playground.cli._console import Console, Result
from playground.cli._files import open_model, target
from playground.cli._study import quantized_by, report_of, samples_of, told_answers, write_report
from playground.errors import InvalidInputError
from playground.render import numbers
from playground.render.verdict import verdict
from playground.tasks import run_sync


def layers_measured(args: argparse.Namespace, console: Console) -> Result:
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
        quantized.source,
        quantized.quantization,
        samples.given,
        samples.labels,
        shapes=samples.shapes,
        choice=args.answer,
    )
    found = run_sync(work, console.progress)
    console.end_progress()
    if page:
        mixed = None
        if not quantized.quantization.dynamic:  # there, integer products take no other widths
            search = mixed_precision_task(quantized, samples.given, samples.labels, choice=args.answer)
            mixed = run_sync(search, console.progress)
        report = report_of(opened, quantized, samples, console, engines=True, sensitivity=found, mixed=mixed)
        write_report(page, report)
    held = {"file": opened.name, "data": samples.name, "samples": samples.count, "verdict": verdict(found)}
    return {**held, "report": args.report, "calibration": told, "sensitivity": found.as_dict()}


def show_layers(result: Result, console: Console) -> None:
    found = result["sensitivity"]
    console.line(f"{result['samples']} samples of {result['data']}")
    console.paragraph(result["verdict"])
    if result["calibration"]:
        console.paragraph(result["calibration"])
    console.line()
    layers, labelled = found["layers"], found["quantized"]["cross_entropy"] is not None
    loss = "cross_entropy" if labelled else "distance"
    unit = "cross-entropy" if labelled else found["quantized"]["distance_name"]
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
    console.line(told_answers(found["quantized"]))
    if result["report"]:
        console.paragraph(f"report written to {result['report']}")


def _decibels(measures: dict[str, float] | None) -> str:
    return "—" if measures is None else f"{numbers.digits(measures['sqnr_db'])} dB"

"""A report as one HTML file that stands alone: styles and plots are in it; no script, nothing is fetched."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from playground.analysis.divergence import Divergence
from playground.analysis.model_report import ModelReport
from playground.analysis.precision_front import MixedPrecision, Point
from playground.analysis.race import ORT_FLOAT, ORT_INT8, OURS, Race
from playground.analysis.samples_curve import SamplesCurve
from playground.analysis.sensitivity import LayerResult, Sensitivity
from playground.errors import plural
from playground.render import profile
from playground.render.algorithms import HEAD, applied_title, number_rows, remarks
from playground.render.compared import read_as, shown
from playground.render.numbers import digits, grouped, percent, points, shape, size
from playground.render.remedies_told import HEAD as REMEDY_HEAD
from playground.render.remedies_told import does, measured_on, others, row, trials
from playground.render.samples_told import about, drawn, sentence
from playground.render.svg import Dot, Series, bars, scatter
from playground.render.verdict import tried, verdict

SHEET = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")

MOST_NAMED = 12
"""Layers whose formats are listed one by one; of more, how many have each format."""


def report_html(report: ModelReport) -> str:
    """The whole file as text; every name and sentence in it is escaped."""
    held = report.quantization
    body = [
        f"<h1>{escape(str(held['model']) or 'A quantized model')}</h1>",
        f'<p class="muted">{escape(held["summary"])} {escape(_checked(held))}</p>',
        f'<p class="lead">{escape(verdict(report.sensitivity, report.tried))}</p>' if report.sensitivity else "",
        _cards(report),
        _section("Which layers hurt", _sensitivity(report.sensitivity)) if report.sensitivity else "",
        _section("Fix it: remedies that were tried", _remedies(report)) if report.improvement else "",
        _section("Bits for each layer", _mixed(report.mixed)) if report.mixed else "",
        _section("Are the samples enough?", _samples(report.samples)) if report.samples else "",
        _section("Algorithms", _algorithms(held["algorithms"])) if held["algorithms"] else "",
        _section("What was quantized", _tensors(held["tensors"])),
        _section("What stayed in float, and why", _skipped(held["skipped"])),
        f"<p>{escape(held['not_smaller'])}</p>" if held["not_smaller"] else "",
        _section("Take note", _bullets(held["warnings"])) if held["warnings"] else "",
        _section("Engines", _engines(report.divergences, report.race)) if report.divergences or report.race else "",
        _section("Recipe", f"<pre>{escape(json.dumps(held['recipe'], indent=2))}</pre>"),
        _section("Made with", _versions(report)),
    ]
    title = escape(f"Quantization report: {held['model']}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{title}</title><style>{SHEET}</style></head>'
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _checked(held: Mapping[str, Any]) -> str:
    """What the runtime said to the finished file."""
    found = held.get("verification")
    return str(found["sentence"]) if found else ""


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _remedies(report: ModelReport) -> str:
    """What each remedy does, gains and costs; which the model of the report has."""
    found = report.improvement
    if found is None:
        return ""
    rows, known = [], trials(found)
    for trial in known.values():
        name, *numbers = row(trial)
        here = " (in this model)" if trial.recipe.as_dict() == report.quantization["recipe"] else ""
        rows.append([f"{name}{here}", does(trial), *numbers])
    table = _table([REMEDY_HEAD[0], "What it does", *REMEDY_HEAD[1:]], rows, numbers_from=2, wrap=1) if rows else ""
    rest = others(found)
    told = f'<p>{escape(tried(found))}</p>{table}<p class="muted">{escape(measured_on(found))}</p>'
    return told + (_bullets(rest) if rest else "")


def _samples(curve: SamplesCurve) -> str:
    """The error against the number of calibration samples: a sentence, and a bar for each number."""
    labels = [plural(point.samples, "sample") for point in curve.points]
    name, values = drawn(curve)
    series = Series(name, "quant", values, [shown(value) for value in curve.values])
    title = f"{name} against the number of calibration samples"
    told = f'<p>{escape(sentence(curve))}</p><p class="muted">{escape(about(curve))}</p>'
    return told + bars(labels, (series,), "", title)


def _before(nbytes: int) -> str:
    return f"ONNX, {size(nbytes)} before" if nbytes else "ONNX"


def _cards(report: ModelReport) -> str:
    held = report.quantization
    ratio = held["bytes_before"] / max(1, held["bytes_after"])
    cards = [
        ("Constants", size(held["bytes_after"]), f"as stored, ÷ {digits(ratio)}", ""),
        ("File", size(held["file_bytes"]), _before(held["file_bytes_before"]), ""),
    ]
    found = report.sensitivity
    if found and found.quantized.accuracy is not None and found.original.accuracy is not None:
        remark, tone = points(found.quantized.accuracy - found.original.accuracy)
        cards.append(("Accuracy", percent(found.quantized.accuracy), remark, tone))
    if found and found.quantized.cross_entropy is not None and found.original.cross_entropy is not None:
        before = f"float {digits(found.original.cross_entropy)}"
        cards.append(("Cross-entropy", f"{digits(found.quantized.cross_entropy)} nats", before, ""))
    if found:
        cards.append(("SQNR of the output", f"{digits(found.quantized.sqnr_db)} dB", "against float", ""))
        for measure in found.quantized.measures if found.quantized.kind != "values" else ():
            silent = found.quantized.silent
            cards.append((measure.name, "—" if silent else shown(measure), silent or measure.about, ""))
    told = f'<p class="muted">{escape(read_as(found.quantized))}</p>' if found and found.quantized.why else ""
    parts = (
        f'<dl><dt>{escape(label)}</dt><dd>{escape(value)}<div class="{tone}">{escape(remark)}</div></dd></dl>'
        for label, value, remark, tone in cards
    )
    return f'<div class="cards">{"".join(parts)}</div>{told}'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers_from: int = 99, wrap: int = -1) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        kinds = ("number" if at >= numbers_from else "wrap" if at == wrap else "" for at in range(len(cells)))
        put = (f'<{tag} class="{kind}">{escape(cell)}</{tag}>' for kind, cell in zip(kinds, cells, strict=True))
        return f"<tr>{''.join(put)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f'<div class="scroll"><table><thead>{line(head, "th")}</thead><tbody>{body}</tbody></table></div>'


def _algorithms(applied: Sequence[Mapping[str, Any]]) -> str:
    """Each algorithm's numbers before and after, and what it could not treat."""
    parts = []
    for one in applied:
        told = remarks(one)
        parts.append(f"<h3>{escape(applied_title(one))}</h3>" + _table(HEAD, number_rows(one), numbers_from=1))
        parts.append(_bullets(told) if told else "")
    return "".join(parts)


def _bullets(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _figure(content: str, caption: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{content}</figure>"


def _sensitivity(found: Sensitivity) -> str:
    names = [layer.layer.node for layer in found.layers]
    errors = [
        Series("its own error, fed by the float model", "float", [r.local["sqnr_db"] for r in found.layers]),
        Series("with all layers quantized", "quant", [r.accumulated["sqnr_db"] for r in found.layers]),
    ]
    plots = ""
    if found.layers[0].share is not None:
        share = [Series("share", "quant", [100 * (r.share or 0) for r in found.layers])]
        plots = _figure(
            bars(names, share, "%", "Share of the output's error that each layer makes alone"),
            "Share of the output's error that each layer makes when it alone is quantized",
        )
    plots += _figure(
        bars(names, errors, "dB", "Signal to quantization noise of each layer's output"),
        "SQNR of each layer's output: higher is better; 6 dB is one bit",
    )
    unit = "Cross-entropy" if found.quantized.cross_entropy is not None else "Error"
    head = ["Layer", "Operator", "Weights", "SQNR of weights", "SQNR alone", "SQNR piled up"]
    head += [f"{unit}, only this quantized", f"{unit}, all but this", "Share"]
    return plots + _table(head, [_layer_row(result) for result in found.layers], numbers_from=3)


def _layer_row(result: LayerResult) -> list[str]:
    layer = result.layer
    weights = "—" if result.weights is None else f"{digits(result.weights['sqnr_db'])} dB"
    return [
        layer.node,
        layer.op,
        f"{layer.format}, {layer.granularity}" if layer.format else "float",
        weights,
        f"{digits(result.local['sqnr_db'])} dB",
        f"{digits(result.accumulated['sqnr_db'])} dB",
        "—" if result.alone is None else digits(result.alone.loss),
        "—" if result.without is None else digits(result.without.loss),
        "—" if result.share is None else percent(result.share),
    ]


def _mixed(mixed: MixedPrecision) -> str:
    def dot(point: Point, css: str) -> Dot:
        measured = point.measured
        right = "" if measured.accuracy is None else f", accuracy {percent(measured.accuracy)}"
        about = f"{size(point.bytes)}, error {digits(measured.distance)}{right}: {_widths(point)}"
        return Dot(point.bytes / 1000, measured.distance, css, point.uniform if css == "clip" else "", about)

    plot = scatter(
        [*(dot(p, "clip") for p in mixed.uniform), *(dot(p, "quant") for p in mixed.points)],
        [(p.bytes / 1000, p.measured.distance) for p in mixed.points],
        "constants as stored, kB",
        mixed.original.distance_name,
        "Size against error: formats chosen for each layer, and the same format for all",
    )
    rows = [_point_row(p) for p in (*mixed.points, *mixed.uniform)]
    head = ["Formats", "Size", "Predicted error", "Error", "Accuracy", "Cross-entropy"]
    note = "" if mixed.front.exact else " There were too many combinations to keep all, so the front is not exact."
    caption = f"Orange: formats chosen for each layer; grey: the same for all. Lower left is better.{note}"
    return _figure(plot, caption) + _table(head, rows, numbers_from=1, wrap=0)


def _widths(point: Point) -> str:
    if point.uniform:
        return f"{point.uniform} for all"
    if len(point.formats) > MOST_NAMED:
        counted = Counter(point.formats.values())
        return ", ".join(f"{count} × {name}" for name, count in sorted(counted.items(), reverse=True))
    return ", ".join(f"{name}: {number_format}" for name, number_format in point.formats.items())


def _point_row(point: Point) -> list[str]:
    measured = point.measured
    return [
        _widths(point),
        size(point.bytes),
        digits(point.predicted),
        digits(measured.distance),
        "—" if measured.accuracy is None else percent(measured.accuracy),
        "—" if measured.cross_entropy is None else digits(measured.cross_entropy),
    ]


def _tensors(tensors: Sequence[dict[str, Any]]) -> str:
    if not tensors:
        return '<p class="muted">Nothing.</p>'
    rows = [
        [
            t["name"],
            t["op"],
            shape(tuple(t["shape"])),
            f"{t['scheme']['format']}, {t['scheme']['granularity']}",
            grouped(t["parameters"]),
            size(t["bytes_before"]),
            size(t["bytes_after"]),
            f"{digits(t['sqnr_db'])} dB",
        ]
        for t in tensors
    ]
    head = ["Tensor", "Operator", "Shape", "Format", "Parameters", "Before", "As stored", "SQNR"]
    return _table(head, rows, numbers_from=4)


def _skipped(skipped: Sequence[dict[str, Any]]) -> str:
    if not skipped:
        return '<p class="muted">Nothing was skipped.</p>'
    rows = [[entry["name"] or entry["node"], entry["op"], entry["reason"]] for entry in skipped]
    return _table(["Name", "Operator", "Reason"], rows, wrap=2)


def _engines(divergences: Sequence[Divergence], race: Race | None) -> str:
    content = ""
    if race:
        rows = [
            [
                lap.engine,
                lap.failure or f"{digits(lap.median_ms)} ms",
                "—" if math.isnan(lap.p95_ms) else f"{digits(lap.p95_ms)} ms",
                shown(lap.same) if lap.same else "—",
            ]
            for lap in race.laps
        ]
        same = next((lap.same.name for lap in race.laps if lap.same), "Same answers")
        head = [
            "Engine",
            f"Median of a batch of {race.batch}",
            "95th percentile",
            f"{same}, beside {race.reference or 'ours'}",
        ]
        content += _table(head, rows, wrap=1) + _bullets(race.notes)
        if race.profile:
            told = profile.sentences(race.profile, *map(race.seconds, (ORT_INT8, ORT_FLOAT, OURS)))
            content += _bullets(told) + _table(
                list(profile.HEAD), [[*row] for row in profile.rows(race.profile)], wrap=2
            )
    return content + (_bullets([divergence.sentence for divergence in divergences]) if divergences else "")


def _versions(report: ModelReport) -> str:
    data = f"<p>Measured on {escape(report.data)}.</p>" if report.data else ""
    return data + f"<p>{escape(', '.join(f'{name} {value}' for name, value in report.versions.items()))}</p>"

"""Writes the tables in docs/ that come from the package itself: ``.venv/bin/python -m tools.tables``.

A table stands between ``<!-- table: name -->`` and ``<!-- end -->``; ``tests/tools/test_tables.py`` fails when one
is stale.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable

import numpy as np

import playground
from playground import Range, Scheme, gallery
from playground.convention_rules import Convention
from playground.model.readers import (
    _keras_images,
    _keras_layers,
    _keras_moves,
    _tflite_arithmetic,
    _tflite_images,
    _tflite_moves,
    _tflite_recurrent,
)
from playground.model.writers import (
    _tflite_arithmetic as _written_arithmetic,
)
from playground.model.writers import (
    _tflite_images as _written_images,
)
from playground.model.writers import (
    _tflite_moves as _written_moves,
)
from playground.model.writers import (
    _tflite_normalized as _written_normalized,
)
from playground.model.writers import (
    _tflite_products as _written_products,
)
from playground.number_formats import NumberFormat
from playground.ptq.algorithms import algorithms
from playground.ptq.algorithms._algorithm import STAGES, Algorithm
from playground.render import numbers
from playground.settings import FIELDS, Settings
from playground.settings.schema import Field
from tools import literature
from tools.paths import ROOT

DOCUMENTS = tuple(
    f"docs/{name}.md"
    for name in ("algorithms", "conventions", "formats", "gallery", "keras", "literature", "schemas", "tflite")
)
_TABLE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    cells = [list(head), *map(list, rows)]
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(cells[0]), *lines[1:]]) + "\n"


def conventions_table() -> str:
    """One row a convention: its rules as formulas."""
    head = ["id", "absmax is step (int8, int4)", "smallest scale", "zero-point", "code", "codes of int8", "rules from"]
    return markdown(head, (_convention_cells(c) for c in playground.conventions().values()))


def _convention_cells(c: Convention) -> list[str]:
    reach = [
        1 / playground.choose_qparams(Range(-1, 1), Scheme(f, convention=c.id)).scale_values.item()
        for f in ("int8", "int4")
    ]
    lo, hi = Scheme("int8", convention=c.id).limits
    steps = ", ".join(f"{value:.4g}" for value in reach)
    extras = [f"range + {c.range_epsilon:.0e}"] if c.range_epsilon else []
    extras += [f"range at least {c.min_range:.0e}"] if c.min_range else []
    return [
        f"`{c.id}`",
        "; ".join([steps, *extras, *_scale_notes(c)]),
        _smallest_scale(c),
        _zero_point(c),
        f"`{_code(c)}`" + (f", fused per {', '.join(sorted(c.fused_granularities))}" if c.fused_granularities else ""),
        f"{lo} .. {hi}",
        f"[{c.source}]({c.url})",
    ]


def _scale_notes(c: Convention) -> list[str]:
    notes = ["in float64"] if c.qparams_dtype == "float64" else []
    notes += ["several scales: times 1 / steps"] if c.scale_arithmetic == "multiply_if_several" else []
    through = " then ".join(playground.formats()[name].title for name in c.block_scale_formats)
    return notes + ([f"of blocks: {through}"] if through else [])


def _smallest_scale(c: Convention) -> str:
    least = f"2^{int(np.log2(c.min_scale))}"
    instead = {"clamp": least, "one": "1", "unit_range": "1 / steps"}[c.below_min_scale]
    return least if instead == least else f"{least}; below it {instead}"


def _zero_point(c: Convention) -> str:
    formula = "`rint(qmin - lo / s)`" if c.zero_point_rounding == "sum" else "`qmin - rint(lo / s)`"
    return formula if c.range_includes_zero else f"{formula}; zero need not be in the range"


def _code(c: Convention) -> str:
    quotient = {
        "divide": "x / s",
        "reciprocal": "x * (1 / s)",
        "nested": "x * (1 / outer / inner)",
        "inverse": "x * (steps / absmax)",
        "inverse_product": "x * (steps * (1 / absmax))",
    }[c.quotient]
    rounding = {"half_even": "rint", "half_away": "round"}[c.rounding]
    return f"{rounding}({quotient} + z)" if c.zero_point_before_rounding else f"{rounding}({quotient}) + z"


def formats_table() -> str:
    """One row a format: its numbers, its bits and where it is defined."""
    head = ["id", "name", "bits a code", "bits a weight", "smallest .. largest", "defined in"]
    return markdown(head, (_format_cells(f) for f in playground.formats().values()))


def _format_cells(f: NumberFormat) -> list[str]:
    block = f.family == "block"
    weight = playground.quantize(np.ones((64, 4096), np.float32), Scheme(f.id)).bits_per_weight if block else f.bits
    fitted = f.is_fitted
    span = "from the data" if fitted else f"{_plain(f.element.smallest)} .. {_plain(f.element.largest)}"
    return [f"`{f.id}`", f.title, str(f.bits), f"{weight:.5g}" + ("" if block else " + scales"), span, f.source]


def _plain(number: float) -> str:
    """A number as it is read most easily: a small whole one with all its digits."""
    return f"{number:.0f}" if abs(number) < 10**6 and number == int(number) else f"{number:.4g}"


def algorithms_table() -> str:
    """One row an algorithm, in the order in which they are called."""
    ordered = sorted(algorithms().values(), key=lambda a: STAGES.index(a.stage))
    return markdown(["id", "what it does", "stage", "parameters", "data", "source"], map(_algorithm_cells, ordered))


def _algorithm_cells(a: Algorithm) -> list[str]:
    parameters = "; ".join(f"`{p.name}` ({p.default:g}): {p.summary.removesuffix('.')}" for p in a.parameters)
    data = "needed" if a.needs_data else "not needed"
    return [f"`{a.id}`", f"{a.name}. {a.summary}", a.stage, parameters or "none", data, a.source]


def literature_table(section: str) -> str:
    """Published numbers beside ours."""
    rows = (row.cells() for row in literature.SECTIONS[section]())
    return markdown(["", "published", "ours"], rows)


def gallery_table() -> str:
    """One row a model of the gallery."""
    head = ["id", "what it is", "parameters", "file", "accuracy", "cross-entropy", "what it teaches"]
    return markdown(head, (_model_cells(entry) for entry in gallery.entries().values()))


def _model_cells(entry: gallery.Entry) -> list[str]:
    entropy = f"{numbers.digits(entry.float_cross_entropy)} nats"
    if entry.data.id == "moby-dick":
        entropy += f", perplexity {numbers.digits(entry.float_perplexity)}"
    return [
        f"`{entry.id}`",
        f"{entry.title}. {entry.made}".strip(),
        numbers.grouped(entry.parameters),
        "made when opened" if entry.made_from else numbers.size(len(gallery.model_bytes(entry.id))),
        numbers.percent(entry.float_accuracy),
        entropy,
        entry.about,
    ]


def gallery_data_table() -> str:
    """One row a set of samples."""
    head = ["samples", "held out", "to calibrate", "from, and its licence"]
    data = {entry.data.id: entry.data for entry in gallery.entries().values()}
    return markdown(head, ([f"`{d.id}`", d.held_out, d.calibration, d.origin] for d in data.values()))


def settings_table() -> str:
    """One row a setting: what it may be and its default."""
    head = ["setting", "what it may be", "default"]
    defaults = Settings()
    return markdown(head, ([f"`{n}`", _accepted(f), _shown(getattr(defaults, n))] for n, f in FIELDS.items()))


def _accepted(field: Field) -> str:
    if field.registry:
        what = f"an id, see `playground.{field.registry}()`"
    elif field.kind == "choice":
        what = ", ".join(f"`{text}`" for text in field.accepted)
    elif field.kind in ("number", "integer"):
        bounds = "" if abs(field.lowest) > 1e30 else f" from {field.lowest:g} to {field.highest:.10g}"
        what = ("a whole number" if field.kind == "integer" else "a number") + bounds
    else:
        what = {"boolean": "`1` or `0`", "text": f"a text of at most {field.most} characters"}.get(
            field.kind, f"a list of {field.kind} in a text"
        )
    return f"{what}, or nothing".replace("-", "−") if field.optional else what.replace(" -", " −")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "`1`" if value else "`0`"
    return f"`{value}`" if value not in ("", None) else ""


def tflite_table() -> str:
    """Which of TFLite's operators are read, by kind."""
    return markdown(["kind", "operators"], ([kind, ", ".join(sorted(held))] for kind, held in _TFLITE.items()))


def tflite_written_table() -> str:
    """Which of ONNX's operators are written as TFLite's, by kind."""
    rows = ([kind, ", ".join(sorted(held))] for kind, held in _TFLITE_WRITTEN.items())
    return markdown(["kind", "operators of ONNX"], rows)


def keras_table() -> str:
    """Which of Keras's layers have a counterpart, by kind."""
    modules = {"values and products": _keras_layers, "images": _keras_images, "moves": _keras_moves}
    held = {kind: module.CONVERTERS for kind, module in modules.items()}
    return markdown(["kind", "layers"], ([kind, ", ".join(sorted(classes))] for kind, classes in held.items()))


_TFLITE = {
    "values and products": _tflite_arithmetic.CONVERTERS,
    "images": _tflite_images.CONVERTERS,
    "moves": _tflite_moves.CONVERTERS,
    "sequences": _tflite_recurrent.CONVERTERS,
}

_TFLITE_WRITTEN = {
    "products": _written_products.CONVERTERS,
    "values and rows": _written_arithmetic.CONVERTERS,
    "images": _written_images.CONVERTERS,
    "moves": _written_moves.CONVERTERS,
    "normalizations, in floats": _written_normalized.CONVERTERS,
}

TABLES: dict[str, Callable[[], str]] = {
    "algorithms": algorithms_table,
    "conventions": conventions_table,
    "formats": formats_table,
    "gallery": gallery_table,
    "gallery-data": gallery_data_table,
    "keras": keras_table,
    "settings": settings_table,
    "tflite": tflite_table,
    "tflite-written": tflite_written_table,
    **{name: functools.partial(literature_table, name) for name in literature.SECTIONS},
}


def with_tables(text: str) -> str:
    """A document with every table in it made anew."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}", text)


def main() -> None:
    """Rewrite the documents."""
    for name in DOCUMENTS:
        path = ROOT / name
        path.write_text(with_tables(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()

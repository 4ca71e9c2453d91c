"""The tables of docs/real-models.md, made of what was measured."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from playground.model.recipe import ACTIVATIONS
from playground.render.numbers import grouped, size
from tools.paths import ROOT
from tools.real_models.results import Form, Measured
from tools.tables import markdown

DOCUMENT = ROOT / "docs" / "real-models.md"
_TABLE = re.compile(r"(<!-- measured: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

WORDS = {"static": "static", "dynamic": "dynamic", "weight_only": "weight-only"}

BOUND_DB = 80.0
"""In means no fidelity counts for more: beyond it files differ by their last bits."""


def decibels(form: Form | None) -> str:
    """A form's fidelity in words: dB, the share of equal answers, or that there is no such file."""
    if form is None:
        return "—"
    if form.error:
        return "none"
    if math.isinf(form.first):
        return "exact" if form.first > 0 else "NaN"
    return f"{form.first:.1f} dB".replace("-", "−")


def fidelity_table(rows: Sequence[Measured]) -> str:
    """One row a model: what it is, and the fidelity of each form beside the tool's."""
    head = ["model", "operator set", "nodes", "parameters", "static", "tool", "dynamic", "tool", "weight-only"]
    return markdown(head, map(_fidelity_cells, rows))


def _fidelity_cells(row: Measured) -> list[str]:
    cells = [f"{row.id}: {row.about}", f"{row.opset} → {row.opset_read or '—'}"]
    cells += [grouped(row.nodes), grouped(row.parameters)]
    static, dynamic = ([decibels(row.ours.get(form)), decibels(row.theirs.get(form))] for form in ("static", "dynamic"))
    return [*cells, *static, *dynamic, decibels(row.ours.get("weight_only"))]


def files_table(rows: Sequence[Measured]) -> str:
    """One row a model: sizes, how much was quantized, and how near our NumPy engine is to ONNX Runtime."""
    head = ["model", "float", *WORDS.values(), "tensors quantized", "left in float", "NumPy against ONNX Runtime"]
    return markdown(head, map(_file_cells, rows))


def _file_cells(row: Measured) -> list[str]:
    forms = [row.ours.get(form, Form(row.error)) for form in ACTIVATIONS]
    sizes = [size(form.file_bytes) if form.file_bytes else "none" for form in forms]
    counts = ["none" if form.error else str(form.quantized) for form in forms]
    left = ["none" if form.error else str(form.skipped) for form in forms]
    near = [_nearness(form) for form in forms]
    return [row.id, size(row.file_bytes), *sizes, " / ".join(counts), " / ".join(left), " / ".join(near)]


def _nearness(form: Form) -> str:
    return "—" if math.isnan(form.reference_error) else f"{form.reference_error:.0e}".replace("e-0", "e−")


def means(rows: Sequence[Measured], form: str) -> tuple[float, float, int]:
    """Ours and the tool's mean fidelity over the models for which both have a file, and how many these are."""
    pairs = [
        (min(row.ours[form].first, BOUND_DB), min(row.theirs[form].first, BOUND_DB))
        for row in rows
        if form in row.ours and not row.ours[form].error and not row.theirs[form].error
    ]
    count = len(pairs)
    return (sum(p[0] for p in pairs) / count, sum(p[1] for p in pairs) / count, count) if pairs else (0.0, 0.0, 0)


def summary_table(rows: Sequence[Measured]) -> str:
    """One row a form: how many files there are, the means, and where ours is the worse one."""
    head = ["form", "files, ours", "files, tool", "mean SQNR, ours", "tool", "of models", "ours is worse by over 1 dB"]
    return markdown(head, (_summary_cells(rows, form) for form in ("static", "dynamic")))


def _summary_cells(rows: Sequence[Measured], form: str) -> list[str]:
    ours, theirs, count = means(rows, form)
    made = [sum(form in by and not by[form].error for by in side) for side in _sides(rows)]
    behind = [row.id for row in rows if is_behind(row, form)]
    numbers = [f"{made[0]} of {len(rows)}", f"{made[1]} of {len(rows)}", f"{ours:.1f} dB", f"{theirs:.1f} dB"]
    return [WORDS[form], *numbers, str(count), ", ".join(behind) or "none"]


def _sides(rows: Sequence[Measured]) -> list[list[dict[str, Form]]]:
    return [[row.ours for row in rows], [row.theirs for row in rows]]


def is_behind(row: Measured, form: str, by_db: float = 1.0) -> bool:
    """Whether our file is worse than the tool's by more than this."""
    if form not in row.theirs or row.theirs[form].error:
        return False
    if form not in row.ours or row.ours[form].error:
        return True
    return min(row.ours[form].first, BOUND_DB) < min(row.theirs[form].first, BOUND_DB) - by_db


def refusals_table(rows: Sequence[Measured]) -> str:
    """What has no file, of ours or of the tool's, or does not run in our NumPy engine, and what was said."""
    head = ["model", "what", "why"]
    found = [
        (row.id, what, why)
        for row in rows
        for what, why in [("opening", row.error), ("float, NumPy engine", row.float_refusal), *_refusals(row)]
        if why
    ]
    return markdown(head, found) if found else "None.\n"


def _refusals(row: Measured) -> list[tuple[str, str]]:
    said = []
    for form in ACTIVATIONS:
        ours, theirs = row.ours.get(form, Form()), row.theirs.get(form, Form())
        said += [(f"{WORDS[form]}, ours", ours.error), (f"{WORDS[form]}, NumPy engine", ours.reference_refusal)]
        said += [(f"{WORDS[form]}, tool", theirs.error)]
    return said


_TABLES = {
    "summary": summary_table,
    "fidelity": fidelity_table,
    "files": files_table,
    "refusals": refusals_table,
}


def with_measured(text: str, rows: Sequence[Measured]) -> str:
    """The document with every table in it made anew."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{_TABLES[found[2]](rows)}\n{found[3]}", text)

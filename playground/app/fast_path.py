"""The data with which the page's fast path (static/fastpath/) computes a picture before Python answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from playground.api import formats
from playground.app import calibrator_choices
from playground.convention_rules import CONVENTIONS, Convention
from playground.settings import schema
from playground.tensor_view.subject import Subject

TAG = "fast-path:"
"""Begins the tag of the histogram's figure that holds, as JSON, which control means what and what conventions do."""


def fast_path_tag(widgets: Mapping[str, Any]) -> str:
    """The tag: ``{"controls": {label: {name, options}}, "conventions": {id: fields}, "formats": {id: {bits, family}},
    "calibrators": see calibrator_choices.facts, "schema": settings.schema()}``.

    A control is known in the page by its label; ``options`` says what the texts that it offers stand for, as far as
    that is known when the view is built. What a control shows follows from the formats. With the schema the page
    validates a link before Python is there.
    """
    controls = {widget.label: {"name": name, "options": _options(widget)} for name, widget in widgets.items()}
    conventions = {name: _plain(convention) for name, convention in CONVENTIONS.items() if _is_covered(convention)}
    told = {
        "controls": controls,
        "conventions": conventions,
        "formats": {f.id: {"bits": f.bits, "family": f.family} for f in formats().values()},
        "calibrators": calibrator_choices.facts(),
        "schema": schema(),
    }
    return TAG + json.dumps(told)


def _options(widget: Any) -> dict[str, Any]:
    """Text -> what it stands for, of a list or of all its groups."""
    groups = getattr(widget, "groups", None)
    if groups:
        return {text: value for group in groups.values() for text, value in group.items()}
    options = getattr(widget, "options", None)
    return options if isinstance(options, dict) else {}


def _is_covered(convention: Convention) -> bool:
    """Whether the kernels compute as it does: fields that they do not know have the values that change nothing."""
    known = (
        "id", "title", "source", "url", "qparams_dtype", "min_scale", "below_min_scale", "zero_point_below_min",
        "zero_point_rounding", "symmetric_narrow_formats", "symmetric_midpoint", "symmetric_zero_points", "quotient",
        "zero_point_before_rounding", "fused_granularities", "block_scale_formats", "codebook_boundaries", "codes_from",
    )  # fmt: skip
    plain = {f.name: f.default for f in fields(Convention) if f.name not in known}
    ordinary = all(getattr(convention, name) == default for name, default in plain.items())
    zeroes = {"one": "zero", "clamp": "computed"}.get(convention.below_min_scale) == convention.zero_point_below_min
    return ordinary and zeroes and convention.min_scale > 0 and convention.quotient in ("divide", "reciprocal")


def _plain(convention: Convention) -> dict[str, Any]:
    """The arguments of the kernels, as JSON."""
    return {
        "qparams_dtype": convention.qparams_dtype,
        "min_scale": convention.min_scale,
        "below_min_scale": convention.below_min_scale,
        "zero_point_rounding": convention.zero_point_rounding,
        "symmetric_narrow_formats": sorted(convention.symmetric_narrow_formats),
        "symmetric_midpoint": convention.symmetric_midpoint,
        "symmetric_zero_points": dict(convention.symmetric_zero_points),
        "multiply_by_reciprocal": not convention.divides,
        "zero_point_before_rounding": convention.zero_point_before_rounding,
        "fused_granularities": sorted(convention.fused_granularities),
    }


def subject_content(subject: Subject) -> tuple[dict[str, Any], bytes]:
    """A tensor as the fast path takes it: its shape, and its float32 values in C order.

    ``zoomed`` are the first and the last edge and the counts of the histogram of the values' bulk.
    """
    edges, counts = subject.zoomed()
    zoomed = {"first": float(edges[0]), "last": float(edges[-1]), "counts": counts.tolist()}
    return {"shape": list(subject.values.shape), "zoomed": zoomed}, subject.values.tobytes()

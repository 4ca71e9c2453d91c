"""What the page's fast path (static/fastpath/) has to know before it can do without Python for a moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from playground.presets import CONVENTIONS, Convention
from playground.session import Subject

TAG = "fast-path:"
"""Begins the tag of the histogram's figure that holds, as JSON, which control means what and what conventions do."""


def fast_path_tag(widgets: Mapping[str, Any]) -> str:
    """The tag: ``{"controls": {label: {name, options}}, "conventions": {id: fields}}``.

    A control is known in the page by its label; ``options`` says what the texts that it offers stand for, as far as
    that is known when the view is built.
    """
    controls = {
        widget.label: {"name": name, "options": widget.options if isinstance(options, dict) else {}}
        for name, widget in widgets.items()
        for options in [getattr(widget, "options", None)]
    }
    conventions = {name: _plain(convention) for name, convention in CONVENTIONS.items()}
    return TAG + json.dumps({"controls": controls, "conventions": conventions})


def _plain(convention: Convention) -> dict[str, Any]:
    """The convention's fields as JSON can hold them."""
    sets = {"fused_granularities", "symmetric_narrow_formats"}
    fields = {name: getattr(convention, name) for name in convention.__dataclass_fields__}
    return {
        name: sorted(value) if name in sets else dict(value) if isinstance(value, Mapping) else value
        for name, value in fields.items()
    }


def subject_content(subject: Subject) -> tuple[dict[str, Any], bytes]:
    """A tensor as the fast path takes it: its shape, and its float32 values in C order.

    ``zoomed`` are the first and the last edge and the counts of the histogram of the values' bulk.
    """
    edges, counts = subject.zoomed()
    zoomed = {"first": float(edges[0]), "last": float(edges[-1]), "counts": counts.tolist()}
    return {"shape": list(subject.values.shape), "zoomed": zoomed}, subject.values.tobytes()

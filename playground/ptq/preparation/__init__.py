"""What is done to a float graph before it is quantized. One file here is one pass; outputs stay as they were.

Off unless it is asked for, but for :data:`ALWAYS`: :func:`prepared` gives a changed model, and what was changed.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache

from playground.errors import InvalidInputError, one_of
from playground.model.graph import Graph, Model
from playground.operators import view_of
from playground.ptq.preparation._pass import Pass
from playground.registry import discover

__all__ = ["ALWAYS", "Pass", "passes", "prepared", "prepared_graph"]

ALWAYS = ("fold_batch_norm",)
"""Ids of the passes that run unasked: a sum that is rounded before its batch normalization may lose half its bits."""


@cache
def passes() -> Mapping[str, Pass]:
    """Pass id -> pass, read-only, in the order in which they run."""
    found = discover(sys.modules[__name__], "PASS", Pass)
    return {made.id: made for made in sorted(found.values(), key=lambda one: one.order)}


def prepared_graph(graph: Graph, only: Collection[str] | None = None) -> tuple[Graph, tuple[str, ...]]:
    """The graph after the passes, and a sentence for each change.

    Args:
        graph: the graph.
        only: ids of the passes; None: all.

    Raises:
        InvalidInputError: there is no such pass.
    """
    unknown = [name for name in only or () if name not in passes()]
    if unknown:
        raise InvalidInputError(
            f"there is no pass {unknown[0]!r}", where="preparation", hint=one_of(unknown[0], passes())
        )
    told: list[str] = []
    view = view_of(graph)
    for made in passes().values():
        if only is None or made.id in only:
            changed, changes = made.apply(view)
            told += changes
            if changed is not view.graph:
                view = view_of(changed)
    return view.graph, tuple(told)


def prepared(model: Model, only: Collection[str] | None = None) -> tuple[Model, tuple[str, ...]]:
    """The model with its graph after the passes, and a sentence for each change.

    Raises:
        UnsupportedError: the model has no graph.
        InvalidInputError: there is no such pass.
    """
    graph, told = prepared_graph(model.required_graph(), only)
    return replace(model, graph=graph, tensors=dict(graph.initializers)), told

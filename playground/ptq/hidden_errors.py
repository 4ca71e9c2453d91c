"""Errors that hide in one number: parts of a Concat of which nothing is left, beside others that make up the power."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import operators
from playground.metrics import sqnr_db
from playground.model.graph import Graph, Node
from playground.model.graph_view import GraphView
from playground.operators import Trait, find, view_of
from playground.ptq.capture import Feeds

LOST, HIDDEN = 10.0, 10.0
"""Decibels below which hardly anything of a part is left, and how much better the whole has to look to hide it."""

MOST = 32
"""Concats before the outputs that are looked at."""


def joins(view: GraphView) -> dict[str, Node]:
    """The Concats that make a graph's outputs, behind what only moves values or puts them together: output -> node."""
    found: dict[str, Node] = {}
    names = [value.name for value in view.graph.outputs]
    while names and len(found) < MOST:
        node = view.producer(names.pop())
        operator = find(node) if node is not None else None
        if node is None or operator is None or node.outputs[0] in found:
            continue
        if operator is operators.concat.OPERATOR:
            found[node.outputs[0]] = node
            names += node.inputs
        elif operator is operators.identity.OPERATOR or Trait.MOVES in operator.traits:
            names.append(node.inputs[0])
    return found


def names_of(joined: Mapping[str, Node]) -> list[str]:
    """The values to look at in the float graph: what is put together, and the whole."""
    return list(dict.fromkeys(name for whole, node in joined.items() for name in (whole, *node.inputs)))


def ends(view: GraphView, joined: Iterable[str]) -> dict[str, str]:
    """Whole -> what holds it in the quantized graph: what is dequantized after it, if it is quantized."""
    found = {}
    for name in joined:
        codes = _read_by(view, name, operators.quantize_linear.OPERATORS)
        back = _read_by(view, codes, operators.dequantize_linear.OPERATORS) if codes else ""
        if back or view.producer(name) is not None:
            found[name] = back or name
    return found


def _read_by(view: GraphView, name: str, kinds: Iterable[Any]) -> str:
    readers = (node for node in view.readers(name) if node.inputs[0] == name and find(node) in kinds)
    return next((node.outputs[0] for node in readers), "")


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a Concat: its name, and where it lies along the axis."""

    name: str
    start: int
    stop: int

    @property
    def channels(self) -> str:
        """Which channels these are."""
        last = self.stop - 1
        return f"channel {self.start}" if last == self.start else f"channels {self.start} to {last}"


def told(source: Graph, quantized: Graph, joined: Mapping[str, Node], wanted: Feeds, found: Feeds) -> list[str]:
    """A sentence for each part of which nothing is left though the whole looks well.

    Args:
        source: the float graph.
        quantized: the quantized one.
        joined: its Concats, as :func:`joins` gives them.
        wanted: values of the float graph.
        found: values of the quantized graph.
    """
    sentences = []
    view = view_of(quantized)
    held = ends(view, joined)
    for whole, node in joined.items():
        x, y = wanted.get(whole), found.get(held.get(whole, ""))
        if x is None or y is None or x.shape != y.shape or not _finite(x, y):
            continue
        level = sqnr_db(x, y)
        axis = operators.concat.OPERATOR.get(node, "axis") % x.ndim
        for part in _parts(source, node, wanted, axis):
            rows = np.arange(part.start, part.stop)
            a, b = (np.take(values, rows, axis) for values in (x, y))
            if not np.any(a):
                continue
            own = sqnr_db(a, b)
            if own < LOST and level > own + HIDDEN:
                sentences.append(_sentence(part, node, axis, (level, own), _why(part, a, _scale(view, held[whole]))))
    return sentences


def _finite(*values: NDArray[Any]) -> bool:
    return all(x.dtype.kind == "f" and x.size > 0 and bool(np.isfinite(x).all()) for x in values)


def _parts(source: Graph, node: Node, wanted: Feeds, axis: int) -> list[_Part]:
    found, start = [], 0
    for name in node.inputs:
        held = wanted[name] if name in wanted else source.initializers[name].numpy()
        found.append(_Part(name, start, start + held.shape[axis]))
        start += held.shape[axis]
    return found


def _scale(view: GraphView, end: str) -> float:
    """The scale of what was dequantized; NaN of what was not."""
    node = view.producer(end)
    if node is None or find(node) not in operators.dequantize_linear.OPERATORS:
        return math.nan
    scale = view.constants.get(node.inputs[1])
    return float(scale.numpy().reshape(-1)[0]) if scale is not None and scale.size == 1 else math.nan


def _why(part: _Part, values: NDArray[Any], scale: float) -> str:
    """That the values are too small for the shared scale, if they are."""
    largest = float(np.abs(values).max())
    if not largest < scale:
        return f"which are {part.name!r}"
    return (
        f"which are {part.name!r}: values up to {largest:.3g} are less than one step ({scale:.3g}) of the shared scale"
    )


def _sentence(part: _Part, node: Node, axis: int, levels: tuple[float, float], why: str) -> str:
    whole, own = levels
    return (
        f"An error hides in {node.outputs[0]!r}: {whole:.1f} dB in all, but {own:.1f} dB in {part.channels} of axis "
        f"{axis}, {why}. Leave the node {node.name!r} in float."
    )

"""Functions that are written out in several operators become one node.

Gelu by Erf, which TFLite has not: ``x * (1 + erf(x / sqrt(2))) / 2``. HardSwish: ``x * clip(x + 3, 0, 6) / 6``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from playground.model.graph import Graph, Node, ValueInfo
from playground.model.writers._tflite_view import View

_NEAR = 1e-3
"""How far the constants may be from what they should be: some exporters round them."""


def with_functions(graph: Graph, infos: Mapping[str, ValueInfo]) -> Graph:
    """The graph with one node in the place of those that write a Gelu or a HardSwish out."""
    if not any(node.op in _MIDDLES for node in graph.nodes):
        return graph
    view = View(graph, infos)
    gone: set[str] = set()
    made: dict[str, Node] = {}
    for node in graph.nodes:
        if node.op not in _MIDDLES:
            continue
        op, written_out = _MIDDLES[node.op]
        found = list(written_out(view, node))
        if found:
            (x, *_), last = found[0].inputs, found[-1].outputs[0]
            made[last] = Node(op, found[-1].name, (x,), (last,))
            gone.update(part.outputs[0] for part in found[:-1])
    kept = (made.get(node.outputs[0], node) for node in graph.nodes)
    return graph.with_(nodes=tuple(node for node in kept if node.outputs[0] not in gone))


def _gelu(view: View, erf: Node) -> Iterator[Node]:
    """The nodes of a Gelu, the first of which reads its input first; none, if these are others."""
    inner = view.producers.get(erf.inputs[0])
    plus = _only_reader(view, erf.outputs[0])
    times = _only_reader(view, plus.outputs[0]) if plus is not None else None
    if inner is None or plus is None or times is None or times.op != "Mul":
        return
    x, factor = _scaled(view, inner)
    other, one = _parts(view, plus, "Add")
    if abs(factor - math.sqrt(0.5)) > _NEAR or abs(one - 1) > _NEAR or other != erf.outputs[0]:
        return
    if len(view.readers(inner.outputs[0])) != 1:
        return
    first = Node(inner.op, inner.name, (x, *inner.inputs), inner.outputs)
    (rest,) = [name for name in times.inputs if name != plus.outputs[0]] or [""]
    half = view.producers.get(rest)
    if rest == x:
        last = _only_reader(view, times.outputs[0])
        if last is not None and _near_half(_scaled(view, last), times.outputs[0]):
            yield from (first, erf, plus, times, last)
    elif half is not None and len(view.readers(rest)) == 1 and _near_half(_scaled(view, half), x):
        yield from (first, erf, plus, half, times)


def _only_reader(view: View, name: str) -> Node | None:
    readers = view.readers(name)
    return readers[0] if len(readers) == 1 and name not in view.ends else None


def _near_half(scaled: tuple[str, float], name: str) -> bool:
    return scaled[0] == name and abs(scaled[1] - 0.5) <= _NEAR


def _scaled(view: View, node: Node) -> tuple[str, float]:
    """What a node multiplies by a constant, and that; nothing and NaN of other nodes."""
    if node.op == "Div":
        divisor = view.real_scalar(node.inputs[1])
        return (node.inputs[0], 1 / divisor) if divisor else ("", math.nan)
    return _parts(view, node, "Mul")


def _parts(view: View, node: Node, op: str) -> tuple[str, float]:
    """What an operator of two inputs has beside a constant, and that; nothing and NaN of other nodes."""
    if node.op == op:
        for name, other in (node.inputs, node.inputs[::-1]):
            value = view.real_scalar(other)
            if value is not None:
                return name, value
    return "", math.nan


def _hard_swish(view: View, clip: Node) -> Iterator[Node]:
    """The nodes of a HardSwish, the first of which reads its input first; none, if these are others."""
    inner = view.producers.get(clip.inputs[0])
    times = _only_reader(view, clip.outputs[0])
    if inner is None or times is None or view.limits(clip) != (0.0, 6.0) or len(view.readers(clip.inputs[0])) != 1:
        return
    x, three = _parts(view, inner, "Add")
    if abs(three - 3) > _NEAR:
        return
    first = Node(inner.op, inner.name, (x, *inner.inputs), inner.outputs)
    if times.op == "Mul" and sorted(times.inputs) == sorted((x, clip.outputs[0])):
        last = _only_reader(view, times.outputs[0])
        if last is not None and _is_sixth(_scaled(view, last), times.outputs[0]):
            yield from (first, clip, times, last)
    elif _is_sixth(_scaled(view, times), clip.outputs[0]):
        last = _only_reader(view, times.outputs[0])
        if last is not None and last.op == "Mul" and sorted(last.inputs) == sorted((x, times.outputs[0])):
            yield from (first, clip, times, last)


def _is_sixth(scaled: tuple[str, float], name: str) -> bool:
    return scaled[0] == name and abs(scaled[1] - 1 / 6) <= _NEAR


_MIDDLES: Mapping[str, tuple[str, Callable[[View, Node], Iterator[Node]]]] = {
    "Clip": ("HardSwish", _hard_swish),
    "Erf": ("Gelu", _gelu),
}
"""Operator in the middle -> the function, and what finds its nodes around it."""

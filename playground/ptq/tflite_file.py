"""The ``.tflite`` file of a quantized graph: shapes are worked out, and the recipe goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from playground import operators
from playground.engines import interpreter
from playground.errors import UnsupportedError
from playground.host.sources import BytesSource
from playground.model.graph import Graph, ValueInfo
from playground.model.readers._tflite_file import read_file
from playground.model.recipe import Recipe
from playground.model.writers._tflite_view import HINT
from playground.model.writers._writer import RECIPE
from playground.model.writers.tflite import to_tflite
from playground.operators import find
from playground.operators.shape import OPERATOR as SHAPE
from playground.operators.size import OPERATOR as SIZE
from playground.ptq.calibration_data import Shapes
from playground.ptq.preparation.infer_shapes import inferred_task, values_task
from playground.tasks import Task

_SIZES = (SHAPE, SIZE)
_KEPT = (*operators.quantize_linear.OPERATORS, *operators.dequantize_linear.OPERATORS)
"""Operators whose constants stay in codes."""

_PARAMETERS = 12
"""Bytes of a scale in float32 and a zero-point in int64."""


def tflite_task(graph: Graph, recipe: Recipe, shapes: Shapes | None = None) -> Task[bytes]:
    """Write a quantized graph as a ``.tflite`` file.

    Args:
        graph: as :func:`playground.ptq.pipeline.written_graph` gives it.
        recipe: what made it; the file's metadata has it.
        shapes: input name -> its sizes, where the graph leaves some open besides the number of samples.

    Raises:
        UnsupportedError: TFLite has no form of a node, or the shapes of values are not known.
    """
    given = shapes or {}
    inputs = tuple(_sized(value, given[value.name]) if value.name in given else value for value in graph.inputs)
    graph = yield from _without_shapes_task(graph.with_(inputs=inputs))
    inputs = graph.inputs
    made = [name for node in graph.nodes for name in node.outputs if name]
    infos = yield from inferred_task(graph, list(dict.fromkeys([*(value.name for value in inputs), *made])))
    if not infos:
        lacking = interpreter.unsupported(graph)
        reason = f"the reference engine does not run {', '.join(lacking)}" if lacking else "sizes of inputs are open"
        hint = HINT if lacking else f"State the sizes of the inputs, or {HINT[0].lower()}{HINT[1:]}"
        raise UnsupportedError(f"the shapes of values are not known: {reason}", where=graph.name, hint=hint)
    return to_tflite(graph, infos, {RECIPE: recipe.to_json(indent=None)})


def _without_shapes_task(graph: Graph) -> Task[Graph]:
    """The graph with constants in the place of what follows from constants and sizes alone.

    Where it asks for sizes they have to be known: then it takes one sample at a time.
    """
    known: set[str] = set(graph.initializers) | {""}
    names, asked = list[str](), False
    for node in graph.nodes:
        kept = node.branches or find(node) in _KEPT or not node.inputs
        asks = find(node) in _SIZES
        if asks or (not kept and known.issuperset(node.inputs)):
            known.update(node.outputs)
            names += [name for name in node.outputs if name]
        asked = asked or asks
    if not names:
        return graph
    if asked:
        graph = graph.with_(inputs=tuple(_of_one_sample(value) for value in graph.inputs))
    found = yield from values_task(graph, names)
    if not found:
        return graph
    nodes = tuple(node for node in graph.nodes if node.outputs[0] not in found)
    return graph.with_constants(found).with_(nodes=nodes)


def _of_one_sample(value: ValueInfo) -> ValueInfo:
    """An input with one sample, where their number is open."""
    if not value.shape or isinstance(value.shape[0], int):
        return value
    return replace(value, shape=(1, *value.shape[1:]))


def stored_sizes(file: bytes) -> dict[str, int]:
    """Bytes that constants in codes take in a ``.tflite`` file, scales and zero-points included, by name."""
    (graph,) = read_file(BytesSource(file)).subgraphs
    held = ((tensor.name, tensor.place, tensor.codes) for tensor in graph.tensors)
    return {name: place[1] + _PARAMETERS * codes.scales.size for name, place, codes in held if place and codes}


def _sized(value: ValueInfo, sizes: Sequence[int]) -> ValueInfo:
    """An input with sizes where it had none; the number of samples stays open."""
    first = value.shape[:1] if value.shape else (None,)
    return replace(value, shape=(*first, *sizes[1:]))

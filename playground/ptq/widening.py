"""Models of float16, bfloat16 or float64: quantized in float32, which the kernels of every runtime have.

From then on it computes in float32, which is more than it did or as much as 8-bit codes need. Its inputs and outputs
keep their types, and so do large constants that stay in float: Casts stand between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from playground import operators
from playground.model.element_types import BY_NAME
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.naming import FreeNames
from playground.opening.branches import reading
from playground.operators import Scales, find, view_of

_OTHERS = ("float16", "bfloat16", "float64")
_FLOAT = BY_NAME["float32"]

_KEEP = 256
"""Constants of at least so many values stay as narrow as they were in the written file."""

_TYPE_ATTRIBUTES = ("to", "dtype", "output_datatype")
"""Attributes that name the element type of what a node makes."""

_LIKE_INPUTS = (Scales.ELEMENTWISE, Scales.FUNCTION, Scales.ROWS, Scales.CLIPS, Scales.PASSES, Scales.CHOICE)
"""What operators do to scales that give values of their inputs' type."""


@dataclass(frozen=True, slots=True)
class Widened:
    """A graph in float32, and what it was made from.

    Attributes:
        graph: in float32.
        before: the graph as it was; the same one if nothing had to be widened.
        types: the element types that are not in it any more.
    """

    graph: Graph
    before: Graph
    types: tuple[str, ...] = ()

    @property
    def told(self) -> list[str]:
        """What was done, in sentences."""
        if not self.types:
            return []
        return [
            f"The model computes in {' and '.join(self.types)}; the quantized one does in float32. "
            "Inputs and outputs keep their types."
        ]

    def with_own_types(self, written: Graph) -> Graph:
        """A graph that was made from this one, with inputs, outputs and large constants of the types that they had."""
        return _Narrowing(written, self).graph() if self.types else written


def widened(graph: Graph) -> Widened:
    """The graph in float32 if weights of its products are of another type of floats."""
    view = view_of(graph)
    found = {view.dtypes[name] for node in view.graph.walk() for name, _ in view.weights(node)}
    types = tuple(name for name in _OTHERS if name in found)
    bits = any(find(node) is operators.bit_cast.OPERATOR for node in graph.walk())
    if not types or bits:
        return Widened(graph, graph)
    return Widened(_Widening(types).graph(graph, frozenset()), graph, types)


class _Widening:
    """Writes a graph in float32; the types that are no more are known."""

    def __init__(self, types: tuple[str, ...]) -> None:
        self._types = types
        self._numbers = {BY_NAME[name].onnx for name in types}

    def graph(self, graph: Graph, around: frozenset[str]) -> Graph:
        """A graph, inside one whose values ``around`` it are known to be floats."""
        held = {name: self._tensor(tensor) for name, tensor in graph.initializers.items()}
        inputs = tuple(map(self._value, graph.inputs))
        real = {*around, *(v.name for v in inputs if v.dtype == _FLOAT.name)}
        real.update(name for name, tensor in held.items() if tensor.dtype == _FLOAT.name)
        ends = {value.name for value in graph.outputs}
        same: dict[str, str] = {}
        nodes = []
        for node in graph.nodes:
            made = self._node(reading(node, same), frozenset(real))
            if _to_floats(made) and made.inputs[0] in real and not ends & {*made.outputs}:
                same[made.outputs[0]] = made.inputs[0]  # it was from floats to floats
                continue
            nodes.append(made)
            if _gives_floats(made, real):
                real.update(filter(None, made.outputs))
        outputs = tuple(map(self._value, graph.outputs))
        return graph.with_(inputs=inputs, outputs=outputs, nodes=tuple(nodes), initializers=held)

    def _value(self, value: ValueInfo) -> ValueInfo:
        return replace(value, dtype=_FLOAT.name) if value.dtype in self._types else value

    def _tensor(self, tensor: Tensor) -> Tensor:
        if tensor.dtype not in self._types:
            return tensor

        def read() -> Any:
            return tensor.numpy().astype(np.float32)

        return Tensor(tensor.name, _FLOAT.name, tensor.shape, _FLOAT.nbytes(tensor.size), read)

    def _node(self, node: Node, real: frozenset[str]) -> Node:
        changed: dict[str, Any] = {}
        for name, held in node.attributes.items():
            if isinstance(held, Graph):
                changed[name] = self.graph(held, real)
            elif name in _TYPE_ATTRIBUTES and held in self._numbers:
                changed[name] = _FLOAT.onnx
            elif isinstance(held, np.ndarray) and held.dtype.name in self._types:
                changed[name] = held.astype(np.float32)
        return replace(node, attributes={**node.attributes, **changed}) if changed else node


def _to_floats(node: Node) -> bool:
    return find(node) is operators.cast.OPERATOR and bool(node.attributes.get("to") == _FLOAT.onnx)


def _gives_floats(node: Node, real: set[str]) -> bool:
    operator = find(node)
    if operator is None:
        return False
    if _to_floats(node) or operator.scales in (Scales.PRODUCT, Scales.NORMALIZATION):
        return True
    places = range(len(node.inputs)) if operator.data is None else operator.data
    return operator.scales in _LIKE_INPUTS and any(
        place < len(node.inputs) and node.inputs[place] in real for place in places
    )


class _Narrowing:
    """Gives a written graph the types of the model that it was made from."""

    def __init__(self, written: Graph, of: Widened) -> None:
        self._written, self._of = written, of
        self._names = FreeNames.of(written)
        self._nodes = FreeNames(node.name for node in written.walk())

    def graph(self) -> Graph:
        """Casts behind the inputs and constants, and before the outputs."""
        names: dict[str, str] = {}
        first = [self._cast(value.name, names, _FLOAT.onnx) for value in self._changed(self._of.before.inputs)]
        held = dict(self._written.initializers)
        for name, tensor in self._narrow_constants(held).items():
            held[name] = tensor
            first.append(self._cast(name, names, _FLOAT.onnx))
        computed = {name for node in self._written.nodes for name in node.outputs}
        ends = [value for value in self._changed(self._of.before.outputs) if value.name in computed]
        made = {value.name: self._names.take(f"{value.name}_float32") for value in ends}
        last = [self._node((made[v.name],), v.name, BY_NAME[v.dtype].onnx) for v in ends]
        nodes = [_renamed(node, {**names, **made}) for node in self._written.nodes]
        types = {value.name: value.dtype for value in (*self._of.before.inputs, *self._of.before.outputs)}
        graph = self._written.with_(nodes=(*first, *nodes, *last), initializers=held)
        return graph.with_(inputs=_typed(graph.inputs, types), outputs=_typed(graph.outputs, types))

    def _changed(self, values: tuple[ValueInfo, ...]) -> tuple[ValueInfo, ...]:
        return tuple(value for value in values if value.dtype in self._of.types)

    def _narrow_constants(self, held: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The large constants that are as the float graph had them, as they were before that."""
        before, wide = self._of.before.initializers, self._of.graph.initializers
        kept = (name for name, tensor in held.items() if name in before and tensor is wide.get(name))
        found = {name: before[name] for name in kept if before[name].dtype in self._of.types}
        return {
            name: tensor for name, tensor in found.items() if tensor.size >= _KEEP and tensor.nbytes < held[name].nbytes
        }

    def _cast(self, name: str, names: dict[str, str], to: int) -> Node:
        names[name] = self._names.take(f"{name}_float32")
        return self._node((name,), names[name], to)

    def _node(self, inputs: tuple[str, ...], output: str, to: int) -> Node:
        name = self._nodes.take(f"{output}_Cast")
        return Node(operators.cast.OPERATOR.name, name, inputs, (output,), {"to": to})


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    return replace(reading(node, names), outputs=tuple(names.get(name, name) for name in node.outputs))


def _typed(values: tuple[ValueInfo, ...], types: Mapping[str, str]) -> tuple[ValueInfo, ...]:
    return tuple(replace(value, dtype=types.get(value.name, value.dtype)) for value in values)

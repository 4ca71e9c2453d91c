"""From older forms of operators to today's: what an upgrade may ask and add, and what many upgrades share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from playground.model.element_types import BY_NAME
from playground.model.graph import Node, Tensor
from playground.model.naming import FreeNames
from playground.operators._attributes import Attribute
from playground.programs.call import Array


@dataclass(slots=True)
class Older:
    """A graph of an older operator set while its nodes are brought to today's forms.

    Attributes:
        opset: its operator set.
        element: the only type of its floats; empty if there are several.
        names: gives out names of values.
        node_names: gives out names of nodes.
        tensor: name -> the constant of that name; None of other values.
        rank: name -> how many axes a value has; None if that is not known.
        nodes: what was added since the list was emptied, in order.
        constants: what was added, by name.
    """

    opset: int
    element: str
    names: FreeNames
    node_names: FreeNames
    tensor: Callable[[str], Tensor | None]
    rank: Callable[[str], int | None]
    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, Tensor] = field(default_factory=dict)

    def known(self, name: str) -> Array | None:
        """The values of a constant; None of other values."""
        held = self.tensor(name) if name else None
        return None if held is None else held.numpy()

    def constant(self, node: Node, what: str, values: Any, dtype: str = "") -> str:
        """A constant that is added for a node.

        Args:
            node: for which.
            what: a word for its name.
            values: an array, or what becomes one.
            dtype: its element type, where that is not the array's.
        """
        name = self.names.take(f"{node.outputs[0]}_{what}")
        array = np.asarray(values)
        if dtype and BY_NAME[dtype].stored:
            array = array.astype(dtype)
        nbytes = BY_NAME[dtype or array.dtype.name].nbytes(array.size)
        self.constants[name] = Tensor(name, dtype or array.dtype.name, array.shape, nbytes, lambda: array)
        return name

    def number(self, node: Node, what: str, values: Any, like: str) -> str:
        """A constant of floats of the type that the value ``like`` has."""
        held = self.tensor(like)
        element = held.dtype if held is not None else self.element
        if element:
            return self.constant(node, what, np.float64(values), element)
        wide = self.constant(node, what, np.float32(values))
        return self.add("CastLike", node, f"{what}_like", (wide, like))

    def add(self, op: str, node: Node, what: str, inputs: Sequence[str], **attributes: Any) -> str:
        """A node that is added before another one; the name of its output."""
        output = self.names.take(f"{node.outputs[0]}_{what}")
        self.nodes.append(Node(op, self.node_names.take(f"{node.name}_{what}"), tuple(inputs), (output,), attributes))
        return output


Upgrade = Callable[[Older, Node], Node]
"""``upgrade(older, node)``: the node in today's form; further nodes before it are added to ``older``."""


def without(node: Node, *names: str, inputs: Sequence[str] | None = None, **more: Any) -> Node:
    """A node without some attributes, with others and other inputs."""
    attributes = {key: value for key, value in node.attributes.items() if key not in names}
    given = node.inputs if inputs is None else tuple(inputs)
    while given and not given[-1]:
        given = given[:-1]
    return replace(node, inputs=given, attributes={**attributes, **more})


def stated(node: Node, name: str, kind: Any, **limits: Any) -> Any:
    """An attribute that an older form has; None if the node does not state it.

    Raises:
        InvalidInputError: it is of another kind.
    """
    if name not in node.attributes:
        return None
    Attribute(name, kind, **limits).check(node.attributes[name], node)
    return node.attributes[name]


def integers_as_input(name: str, place: int, before: int) -> Upgrade:
    """A list of integers that was an attribute before an operator set becomes an input.

    Args:
        name: of the attribute.
        place: of the input.
        before: the operator set since which it is an input.
    """

    def upgrade(older: Older, node: Node) -> Node:
        if older.opset >= before:
            return node
        given = stated(node, name, "ints", low=-(2**63), high=2**63 - 1)
        if given is None:
            return without(node, name)
        made = older.constant(node, name, np.array(given, np.int64))
        return without(node, name, inputs=(*node.inputs[:place], made))

    return upgrade


def default_before(opset: int, defaults: Mapping[str, Any]) -> Upgrade:
    """An attribute that was something else before an operator set where a node does not state it."""

    def upgrade(older: Older, node: Node) -> Node:
        if older.opset >= opset:
            return node
        return replace(node, attributes={**defaults, **node.attributes})

    return upgrade


def rows_from_axis(older: Older, node: Node) -> Node:
    """Softmax and its like before operator set 13: all axes from ``axis`` on (default 1) are one.

    Where these are the last axis alone it is today's form; else the value is made flat, and gets its shape back.
    """
    if older.opset >= 13:
        return node
    given = stated(node, "axis", "int")
    axis = 1 if given is None else int(given)
    rank = older.rank(node.inputs[0])
    if axis == -1 or (rank is not None and axis == rank - 1):
        return without(node, axis=-1)
    shape = older.add("Shape", node, "shape", node.inputs[:1])
    flat = older.add("Flatten", node, "flat", node.inputs[:1], axis=axis)
    made = older.add(node.op, node, "rows", (flat,), axis=-1)
    return replace(node, op="Reshape", inputs=(made, shape), attributes={"allowzero": 1})

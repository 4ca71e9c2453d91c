"""Nodes and constants of a graph in the making, each under a name that no other has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.element_types import BY_NAME
from playground.model.graph import Node, Tensor
from playground.model.naming import FreeNames


class Nodes:
    """What a graph has so far.

    Attributes:
        nodes: its nodes, in order.
        constants: its constants by name.
        names: which names of values are taken.
        notes: what is not as in the file.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        """Start with names that values of the file have."""
        self.nodes: list[Node] = []
        self.constants: dict[str, Tensor] = {}
        self.names = FreeNames(taken)
        self.notes: list[str] = []
        self._node_names = FreeNames()
        self._known: dict[Any, str] = {}
        self._at, self._like = 0, ""

    def name_after(self, at: int, like: str) -> None:
        """Name nodes after the number of an operator, and values after what it makes."""
        self._at, self._like = at, like

    def ints(self, values: Sequence[int], name: str = "sizes") -> str:
        """The name of a constant of whole numbers."""
        return self._kept(name, np.array(values, np.int64))

    def number(self, value: float | NDArray[Any], name: str = "value") -> str:
        """The name of a constant float."""
        return self._kept(name, np.asarray(value, np.float32))

    def _kept(self, name: str, values: NDArray[Any]) -> str:
        key = (values.dtype.name, values.shape, values.tobytes())
        if key not in self._known:
            self._known[key] = self.add(name, values)
        return self._known[key]

    def add(self, name: str, values: Any) -> str:
        """Add a constant, and return its name."""
        free = self.names.take(name)
        self.constants[free] = Tensor.of(free, np.asarray(values, order="C"))
        return free

    def hold(self, tensor: Tensor) -> str:
        """Add a constant that has a free name, and return that."""
        self.constants[tensor.name] = tensor
        return tensor.name

    def add_packed(self, name: str, values: NDArray[np.int64], element: str) -> str:
        """A constant of a type that NumPy may not have."""
        kind = BY_NAME[element]
        held = values.astype(kind.stored or ("u1" if element.startswith("u") else "i1"))
        free = self.names.take(name)
        self.constants[free] = Tensor(free, element, held.shape, kind.nbytes(held.size), lambda: held)
        return free

    def emit(self, op: str, inputs: Sequence[str], *, like: str = "", **attributes: Any) -> str:
        """Add a node of one output, and return that one's name."""
        return self.emit_many(op, inputs, 1, like=like, **attributes)[0]

    def emit_many(self, op: str, inputs: Sequence[str], count: int, *, like: str = "", **attributes: Any) -> list[str]:
        """Add a node of several outputs."""
        made = [self.names.take(like or f"{self._like}/{op}") for _ in range(count)]
        name = self._node_names.take(f"{op}_{self._at}")
        self.nodes.append(Node(op, name, tuple(inputs), tuple(made), attributes))
        return made

    def renamed(self, names: Mapping[str, str]) -> tuple[Node, ...]:
        """The nodes, with other names for some values."""
        return tuple(
            replace(
                node,
                inputs=tuple(names.get(name, name) for name in node.inputs),
                outputs=tuple(names.get(name, name) for name in node.outputs),
            )
            for node in self.nodes
        )

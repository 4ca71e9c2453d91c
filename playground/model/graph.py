"""What a model is here: tensors by name and, where the file has one, a graph of ONNX operators. All of it frozen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from playground.errors import BadFileError, shown, typed

Dim = int | str | None
"""A known size, a symbolic name (``"batch"``), or unknown."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named constant whose values are read when asked for.

    Attributes:
        name: its name in the file.
        dtype: NumPy's name of the element type (``"float32"``), or the file's where NumPy has none (``"bfloat16"``).
        shape: sizes of the axes; ``()`` is a scalar.
        nbytes: bytes it takes in the file.
        read: returns the values, as an array of ``shape`` and ``dtype`` (bfloat16 comes as float32).
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    read: Callable[[], NDArray[Any]] = field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def numpy(self) -> NDArray[Any]:
        """The values.

        Raises:
            PlaygroundError: they cannot be read: the file is damaged, has changed or is gone, or they do not fit into
                memory.
        """
        with typed(BadFileError, "its values cannot be read", where=f"tensor {shown(self.name)}"):
            return self.read()

    @staticmethod
    def of(name: str, values: NDArray[Any]) -> Tensor:
        """A tensor that holds the given array (no copy)."""
        return Tensor(name, values.dtype.name, tuple(values.shape), values.nbytes, lambda: values)


@dataclass(frozen=True, slots=True)
class ValueInfo:
    """A graph input or output: name, dtype as in :class:`Tensor`, and shape (None: the file does not say)."""

    name: str
    dtype: str
    shape: tuple[Dim, ...] | None


@dataclass(frozen=True, slots=True)
class Node:
    """One ONNX operator. An omitted optional input or output is the empty string, as in ONNX."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Attribute name -> int, float, str, bytes, list of these, NumPy array, or Graph."""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in topological order, their constants, and what goes in and out (constants are not inputs)."""

    name: str
    inputs: tuple[ValueInfo, ...]
    outputs: tuple[ValueInfo, ...]
    nodes: tuple[Node, ...]
    initializers: Mapping[str, Tensor]
    opset: int
    other_opsets: Mapping[str, int] = field(default_factory=dict)

    def with_(self, **changes: Any) -> Graph:
        """A copy with some fields replaced."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Model:
    """What a reader returns: the file's format id, its name, all its tensors, and the graph if it has one."""

    format: str
    name: str
    tensors: Mapping[str, Tensor]
    graph: Graph | None = None
    metadata: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()
    """Sentences about what the reader saw but did not use."""

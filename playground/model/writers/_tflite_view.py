"""What is in codes in a graph with QuantizeLinear and DequantizeLinear: which values, by which scales, for whom."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.model.graph import Graph, Node, ValueInfo
from playground.model.readers._tflite_file import Codes

HINT = "Write an .onnx file instead"

Sizes = tuple[int | None, ...]
"""A shape; None where a size is open."""

SHIFT = 128
"""Codes of uint8 are this much larger than the codes of int8 that stand for the same."""

LIMITS: Mapping[tuple[float, float], int] = {(0.0, math.inf): 1, (-1.0, 1.0): 2, (0.0, 6.0): 3}
"""What an activation that is part of an operator limits values to -> its number."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A result that is wanted in codes.

    Attributes:
        key: the name of the codes.
        codes: what they stand for.
        activation: number of the limits that are part of the operator.
        done: the nodes that the operator computes besides its own, and the values between them.
    """

    key: str
    codes: Codes
    activation: int = 0
    done: tuple[Node, ...] = ()


class View:
    """A graph, its shapes, and what is in codes."""

    def __init__(self, graph: Graph, infos: Mapping[str, ValueInfo]) -> None:
        """Look at the whole graph once.

        Args:
            graph: in the form that quantizing gives it, or a float one.
            infos: shapes and types of all values.
        """
        self.graph, self._infos = graph, infos
        self.constants = graph.initializers
        self.producers = {name: node for node in graph.nodes for name in node.outputs if name}
        self.ends = {value.name for value in graph.outputs}
        self._readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in dict.fromkeys(node.reads):
                self._readers.setdefault(name, []).append(node)
        self._values: dict[str, NDArray[Any]] = {}

    def readers(self, name: str) -> Sequence[Node]:
        """The nodes that read a value."""
        return self._readers.get(name, ())

    def shape(self, name: str) -> Sizes:
        """Sizes of a value's axes. Raises UnsupportedError if they are not known."""
        if name in self.constants:
            return self.constants[name].shape
        found = self._infos.get(name)
        if found is None or found.shape is None:
            raise UnsupportedError(f"the shape of {name!r} is not known", hint=HINT)
        return tuple(size if isinstance(size, int) else None for size in found.shape)

    def dtype(self, name: str) -> str:
        """The element type of a value."""
        return self.constants[name].dtype if name in self.constants else self._infos[name].dtype

    def values(self, name: str) -> NDArray[Any]:
        """A constant's values, read once."""
        if name not in self._values:
            self._values[name] = self.constants[name].numpy()
        return self._values[name]

    def whole_numbers(self, name: str, what: str) -> list[int]:
        """The integers of a constant. Raises UnsupportedError if they are computed."""
        if name not in self.constants:
            raise UnsupportedError(f"{what} that are computed while the model runs have no TFLite form", hint=HINT)
        return [int(value) for value in self.values(name).reshape(-1)]

    def scalar(self, name: str) -> float | None:
        """The only value of a constant float; None of all else."""
        tensor = self.constants.get(name)
        if tensor is None or tensor.size != 1 or tensor.dtype != "float32":
            return None
        return float(self.values(name).reshape(()))

    def parameters(self, node: Node) -> Codes | None:
        """What the codes of a QuantizeLinear or DequantizeLinear stand for, of uint8 as codes of int8.

        None of codes that no operator of TFLite takes: scales in blocks, or computed ones.
        """
        names = node.inputs[1:]
        if any(name not in self.constants for name in names if name) or node.attributes.get("block_size"):
            return None
        scales = self.values(names[0]).astype(np.float32).reshape(-1)
        stored = self.values(names[1]) if len(names) > 1 and names[1] else np.zeros(1, np.uint8)
        points = np.broadcast_to(stored.reshape(-1).astype(np.int64), scales.shape)
        axis = int(node.attributes.get("axis", 1)) if scales.size > 1 else 0
        rank = len(self.shape(node.inputs[0]))
        return Codes(scales, points - SHIFT if stored.dtype == np.uint8 else points, axis % max(rank, 1))

    # what is wanted in codes

    def wanted(self, name: str, fuse: bool = False) -> Wanted | None:
        """How a result is wanted in codes; None if floats are to be made of it.

        Args:
            name: the result.
            fuse: whether the operator can limit its result, and multiply it by a constant.
        """
        readers = self.readers(name)
        if name in self.ends or not readers:
            return None
        if all(reader.op == "QuantizeLinear" and reader.inputs[0] == name for reader in readers):
            return self._of_pairs(readers)
        if not fuse or len(readers) > 1:
            return None
        (reader,) = readers
        limits = self.limits(reader)
        if limits is not None and limits in LIMITS:
            found = self.wanted(reader.outputs[0])
            return found and replace(found, activation=LIMITS[limits], done=(reader,))
        return self._before_factor(name, reader)

    def _of_pairs(self, readers: Sequence[Node]) -> Wanted | None:
        """What all of some QuantizeLinear nodes make, if it is the same and of 8 bits."""
        found = [self.parameters(reader) for reader in readers]
        first = found[0]
        if first is None or first.scales.size != 1 or self.dtype(readers[0].outputs[0]) not in ("int8", "uint8"):
            return None
        if any(other is None or not _equal(first, other) for other in found[1:]):
            return None
        return Wanted(readers[0].outputs[0], first)

    def _before_factor(self, name: str, reader: Node) -> Wanted | None:
        """Codes of a product that only a positive constant multiplies: the same codes with another scale."""
        if reader.op not in ("Mul", "Div") or (reader.op == "Div" and reader.inputs[0] != name):
            return None
        others = [other for other in reader.inputs if other != name]
        factor = self.real_scalar(others[0]) if len(others) == 1 else None
        found = self.wanted(reader.outputs[0])
        if factor is None or factor <= 0 or found is None:
            return None
        scale = np.float32(factor if reader.op == "Div" else 1 / factor)
        return Wanted(f"{name}\0codes", Codes(found.codes.scales * scale, found.codes.zero_points, 0))

    def real_scalar(self, name: str) -> float | None:
        """The only value of a constant, of codes what it stands for; None of all else."""
        node = self.producers.get(name)
        if node is None or node.op != "DequantizeLinear":
            return self.scalar(name)
        tensor, codes = self.constants.get(node.inputs[0]), self.parameters(node)
        if tensor is None or tensor.size != 1 or codes is None or tensor.dtype not in ("int8", "uint8"):
            return None
        value = int(self.values(tensor.name).reshape(())) - (SHIFT if tensor.dtype == "uint8" else 0)
        return float(np.float32(codes.scales[0]) * np.float32(value - int(codes.zero_points[0])))

    def limits(self, node: Node) -> tuple[float, float] | None:
        """What a Relu or Clip limits its input to; None of other nodes, and of limits that are computed."""
        if node.op == "Relu":
            return 0.0, math.inf
        if node.op != "Clip":
            return None
        ends = [-math.inf, math.inf]
        for at, name in enumerate(node.inputs[1:3]):
            if name:
                found = self.scalar(name)
                if found is None:
                    return None
                ends[at] = found
        return ends[0], ends[1]

    def only_products_read(self, name: str) -> bool:
        """Whether rows of values go into products with constants alone, through codes or not."""
        readers = self.readers(name)
        if name in self.ends or not readers:
            return False
        for node in readers:
            if node.op in ("QuantizeLinear", "DequantizeLinear"):
                if not self.only_products_read(node.outputs[0]):
                    return False
            elif node.op not in ("Gemm", "MatMul") or node.inputs[0] != name or not self.is_dense(node):
                return False
        return True

    def is_dense(self, node: Node) -> bool:
        """Whether it is a product of rows with a constant matrix, which FULLY_CONNECTED computes."""
        if node.op not in ("Gemm", "MatMul") or node.inputs[1] == node.inputs[0]:
            return False
        maker = self.producers.get(node.inputs[1])
        constant = maker.inputs[0] if maker is not None and maker.op == "DequantizeLinear" else node.inputs[1]
        matrix = constant in self.constants and len(self.constants[constant].shape) == 2
        return matrix and not node.attributes.get("transA") and len(self.shape(node.inputs[0])) > 1


def _equal(one: Codes, other: Codes) -> bool:
    return np.array_equal(one.scales, other.scales) and np.array_equal(one.zero_points, other.zero_points)

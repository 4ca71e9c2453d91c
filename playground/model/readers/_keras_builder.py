"""Makes a graph of ONNX's operators of a Keras net.

Keras has images with the channels last, ONNX has them first. A value is kept in the order in which it was made and
brought to the other one when something asks for it, once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.model.element_types import BY_NAME
from playground.model.graph import Dim, Node, Tensor
from playground.model.readers._keras_config import Layer
from playground.model.readers._keras_weights import Path, Weights, mode_of
from playground.model.readers._nodes import Nodes

Shape = tuple[Dim, ...]


@dataclass(slots=True)
class Value:
    """A value of the net: its shape in Keras's order, and its names in the graph: in that order, and channels first."""

    shape: Shape
    plain: str = ""
    first: str = ""
    real: bool = True
    """Whether it is floats."""

    @property
    def rank(self) -> int:
        """How many axes it has."""
        return len(self.shape)


def first_order(rank: int) -> tuple[int, ...]:
    """From channels last to channels first."""
    return (0, rank - 1, *range(1, rank - 1))


def last_order(rank: int) -> tuple[int, ...]:
    """And back."""
    return (0, *range(2, rank), 1)


class Builder(Nodes):
    """The graph so far, and the layer that is at work.

    Attributes:
        layer: that layer.
        path: its name and those of the models around it.
        version: the major version of the Keras that wrote the file.
    """

    def __init__(self, taken: Iterable[str], weights: Mapping[Path, Weights], version: int) -> None:
        """Start without nodes."""
        super().__init__(taken)
        self._weights, self.version = weights, version
        self.layer = Layer("", "", {}, ())
        self.path: Path = ("",)

    def start(self, layer: Layer, path: Path) -> None:
        """Go on with a layer: what is made is named after it."""
        self.layer, self.path = layer, path
        self._like = "/".join(path)

    def emit_many(self, op: str, inputs: Sequence[str], count: int, *, like: str = "", **attributes: Any) -> list[str]:
        """Add a node of several outputs."""
        made = [self.names.take(like or f"{self._like}/{op}") for _ in range(count)]
        name = self._node_names.take(f"{self._like}/{op}")
        self.nodes.append(Node(op, name, tuple(inputs), tuple(made), attributes))
        return made

    # what a layer says

    def given(self, name: str, *old: str) -> Any:
        """A parameter of the layer, under its name or those of older versions. UnsupportedError: there is none."""
        for key in (name, *old):
            if key in self.layer.config:
                return self.layer.config[key]
        raise UnsupportedError(f"the layer does not say its {name}")

    def has(self, name: str) -> bool:
        """Whether a parameter is there, and not None or False."""
        return bool(self.layer.config.get(name))

    def only(self, name: str, *accepted: Any) -> None:
        """Refuse a parameter with any other value (UnsupportedError)."""
        if name in self.layer.config and self.layer.config[name] not in accepted:
            raise UnsupportedError(f"{name} {self.layer.config[name]!r:.40}")

    def sizes(self, name: str, count: int) -> list[int]:
        """A parameter with a whole number for each of ``count`` axes; one alone stands for all."""
        held = self.given(name)
        held = held if isinstance(held, list) else [held] * count
        if len(held) != count or not all(isinstance(size, int) and 0 < size < 2**31 for size in held):
            raise UnsupportedError(f"{name} {held!r:.40}")
        return list(held)

    # weights

    def has_weight(self, role: str) -> bool:
        """Whether the layer has such a weight."""
        return role in self._weights.get(self.path, {})

    def tensor(self, role: str, rank: int | None = None) -> Tensor:
        """A weight of the layer as it is stored. UnsupportedError: the file does not have it where Keras puts it."""
        held = self._weights.get(self.path, {}).get(role)
        if held is None or len(held.shape) != (len(held.shape) if rank is None else rank):
            raise UnsupportedError(f"the {role} is not where Keras puts it")
        return held

    def weight(self, role: str, rank: int | None = None, order: Sequence[int] = (), shape: Sequence[int] = ()) -> str:
        """The name of a weight in float32, its axes in an order, then in a shape."""
        held = self.tensor(role, rank)
        name = self.constant(role, held, order, shape)
        if held.dtype == "int8":
            return self.dequantized(role, name)
        if not held.real:
            raise UnsupportedError(f"the {role} is of type {held.dtype}")
        if held.dtype == "float32":
            return name
        self.notes.append(f"Weights in {held.dtype} become float32, in which all is computed here")
        return self.emit("Cast", [name], like=f"{name}_float32", to=BY_NAME["float32"].onnx)

    def constant(self, role: str, held: Tensor, order: Sequence[int], shape: Sequence[int]) -> str:
        """Add a weight, its axes in an order, then in a shape, and return its name."""
        turned = [held.shape[axis] for axis in order] if order else held.shape
        final = tuple(shape or turned)
        if math.prod(final) != held.size:
            raise UnsupportedError(f"the {role} has the shape {list(held.shape)}")
        name = self.names.take(f"{self._like}/{role}")
        return self.hold(Tensor(name, held.dtype, final, held.nbytes, partial(_turned, held, tuple(order), final)))

    def dequantized(self, role: str, codes: str) -> str:
        """What codes of Keras stand for: it keeps what values were multiplied by."""
        stored = self.tensor(f"{role}_scale")
        held = self.constants[codes]
        axis = 0 if self.layer.kind == "Embedding" else len(held.shape) - 1
        if mode_of(self.layer.config) != "int8" or stored.size != held.shape[axis]:
            raise UnsupportedError(f"codes of its {role}")
        scale = self.names.take(f"{self._like}/{role}_scale")
        self.hold(Tensor(scale, "float32", (stored.size,), 4 * stored.size, partial(_inverse, stored)))
        self.notes.append(
            "Weights in int8 codes become floats here; Keras makes codes of the values, too, while it runs"
        )
        return self.emit("DequantizeLinear", [codes, scale], like=f"{self._like}/{role}_real", axis=axis)

    # values

    def plain(self, value: Value) -> str:
        """The name of a value in Keras's order, as floats."""
        if not value.plain:
            value.plain = self.emit("Transpose", [value.first], perm=list(last_order(value.rank)))
        if not value.real:
            return self.emit("Cast", [value.plain], to=BY_NAME["float32"].onnx)
        return value.plain

    def first(self, value: Value) -> str:
        """The name of a value with its channels first."""
        if not value.first:
            value.first = self.emit("Transpose", [self.plain(value)], perm=list(first_order(value.rank)))
        return value.first

    def image(self, value: Value, rank: int) -> tuple[str, Shape]:
        """A value with its channels first, of the layer's ``data_format``, and its shape so."""
        if value.rank != rank:
            raise UnsupportedError(f"a value of {value.rank} axes")
        if self.layer.config.get("data_format") == "channels_first":
            return self.plain(value), value.shape
        return self.first(value), tuple(value.shape[axis] for axis in first_order(rank))

    def of_image(self, name: str, shape: Shape) -> Value:
        """A value that is made with its channels first, in the layer's ``data_format``."""
        if self.layer.config.get("data_format") == "channels_first":
            return Value(shape, name)
        return Value(tuple(shape[axis] for axis in last_order(len(shape))), first=name)

    @staticmethod
    def is_first(values: Sequence[Value]) -> bool:
        """Whether an operator on values of one rank is better done with the channels first: one is there so alone."""
        return any(not value.plain for value in values)

    def pick(self, value: Value, first: bool) -> str:
        """A value in one of the orders."""
        return self.first(value) if first else self.plain(value)

    def made(self, name: str, shape: Shape, first: bool) -> Value:
        """A value that is there in one of the orders."""
        return Value(shape, first=name) if first else Value(shape, name)


def _turned(held: Tensor, order: tuple[int, ...], shape: tuple[int, ...]) -> NDArray[Any]:
    values = held.numpy()
    return np.ascontiguousarray(values.transpose(order) if order else values).reshape(shape)


def _inverse(stored: Tensor) -> NDArray[np.float32]:
    with np.errstate(all="ignore"):
        return np.float32(1) / stored.numpy().astype(np.float32).reshape(-1)

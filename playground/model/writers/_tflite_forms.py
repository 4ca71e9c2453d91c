"""The tensors of a TFLite graph in the making: constants, and values in both orders of axes, as codes and as floats."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.model.graph import Graph, ValueInfo
from playground.model.naming import FreeNames
from playground.model.readers._tflite_file import Codes
from playground.model.readers._tflite_layout import LAST
from playground.model.readers._tflite_schema import ELEMENTS
from playground.model.writers._flatbuffer import Numbers, Table
from playground.model.writers._tflite_file import Made, Operation
from playground.model.writers._tflite_view import HINT, SHIFT, Sizes, View

Order = tuple[int, ...]
"""From the axes as ONNX has them to those of the file; empty: the same."""

FLAT: Order = (-1,)
"""Rows of pixels with the channels last, in one axis: what products with constants read, whose columns move."""

SIGNAL_LAST = (0, 2, 1)
"""From channels first to channels last, and back, of signals (N, C, L)."""

CHANNELS_LAST: Mapping[int, Order] = {3: SIGNAL_LAST, 4: LAST}
"""Number of axes -> the order in which channels are last."""


def inverse(order: Sequence[int]) -> Order:
    """The order that undoes another one."""
    return tuple(order.index(axis) for axis in range(len(order)))


class Forms:
    """What the file has so far.

    Attributes:
        view: the graph that it is made of.
        tensors: what the file has, by number.
        operations: in order.
        inputs: the numbers of the graph's inputs.
        forms: the number of each value that is there, by its name and the order of its axes.
        held_codes: name of a value in floats -> name of the codes that it stands for.
        meaning: name of codes -> what they stand for.
        narrow: names of codes of 4 bits that are kept two a byte; others have a byte each.
        biases: codes of int32 and what they stand for, by the name of the floats.
    """

    def __init__(self, graph: Graph, infos: Mapping[str, ValueInfo]) -> None:
        """Start with the inputs."""
        self.view = View(graph, infos)
        self.tensors: list[Made] = []
        self.operations: list[Operation] = []
        self.forms: dict[tuple[str, Order], int] = {}
        self.held_codes: dict[str, str] = {}
        self.meaning: dict[str, Codes] = {}
        self._kept: dict[tuple[Any, ...], int] = {}
        self.narrow: set[str] = set()
        self.biases: dict[str, tuple[NDArray[Any], Codes]] = {}
        self._names = FreeNames(value.name for value in (*graph.inputs, *graph.outputs))
        self.inputs = [self._input(value.name) for value in graph.inputs]

    def _input(self, name: str) -> int:
        """An input as the model has it; codes of uint8 are shifted behind it."""
        if self.view.dtype(name) not in ELEMENTS:
            raise UnsupportedError(f"inputs of type {self.view.dtype(name)} have no TFLite form", hint=HINT)
        number = self.new(Made(name, self.view.dtype(name), self.view.shape(name)))
        self.forms[name, ()] = number
        return number

    def new(self, made: Made) -> int:
        self.tensors.append(made)
        return len(self.tensors) - 1

    # what is known of values

    def has(self, name: str, order: Order) -> bool:
        """Whether a value was made in an order."""
        return (name, order) in self.forms

    def codes_of(self, name: str) -> str | None:
        """The name of the codes that a float value stands for; None if it has none of 8 bits."""
        return self.held_codes.get(name)

    def stands_for(self, key: str) -> Codes:
        """What codes stand for."""
        return self.meaning[key]

    def rank(self, name: str) -> int:
        """How many axes a value has."""
        return len(self.view.shape(name))

    def size(self, name: str, axis: int) -> int:
        """A known size. Raises UnsupportedError if it is open."""
        found = self.view.shape(name)[axis]
        if found is None:
            raise UnsupportedError(f"axis {axis} of {name!r} has no fixed size, which TFLite needs here", hint=HINT)
        return found

    def is_constant(self, name: str) -> bool:
        """Whether a value is known before the model runs."""
        return self.held_codes.get(name, name) in self.view.constants

    def is_flat(self, name: str) -> bool:
        """Whether a value is there as rows of flat images that have their channels last."""
        return self.has(self.held_codes.get(name, name), FLAT) or self.has(name, FLAT)

    def order_of(self, names: Sequence[str]) -> Order:
        """The order of axes for an operator on these values: the channels are last if one of them is there so alone."""
        ranks = {self.rank(name) for name in names if not self.is_constant(name)} - {0}
        if len(ranks) != 1 or any(self.rank(name) > max(ranks) for name in names):
            return ()
        last = CHANNELS_LAST.get(max(ranks), ())
        return last if any(self._is_last_only(name, last) for name in names if not self.is_constant(name)) else ()

    def _is_last_only(self, name: str, last: Order) -> bool:
        held = (self.held_codes.get(name, name), name)
        first, behind = (any(self.has(each, order) for each in held) for order in ((), last))
        return bool(last) and behind and not first

    def append(self, op: str, inputs: Sequence[int], made: Made, options: Table | None = None) -> int:
        """Append an operator that makes a tensor of its own, and return that one's number."""
        number = self.new(made)
        self.operations.append(Operation(op, tuple(inputs), (number,), options or {}))
        return number

    def name(self, wanted: str) -> str:
        """A free name, the wanted one if it is."""
        return self._names.take(wanted.partition("\0")[0])

    # constants

    def keep(self, values: NDArray[Any], name: str, codes: Codes | None = None, element: str = "") -> int:
        """The number of a constant, the same for the same values; ``element``: its type, if NumPy has it not."""
        held, dtype = np.ascontiguousarray(values), element or values.dtype.name
        meaning = (codes.scales.tobytes(), codes.zero_points.tobytes(), codes.axis) if codes is not None else ()
        key = (dtype, values.shape, hashlib.sha256(held.tobytes()).digest(), meaning)
        if key not in self._kept:
            self._kept[key] = self.new(Made(self.name(name), dtype, values.shape, codes, held))
        return self._kept[key]

    def ints(self, values: Sequence[int], name: str = "sizes") -> int:
        """The number of a constant of whole numbers."""
        return self.keep(np.array(values, np.int32), name)

    def reordered_columns(self, number: int, image: tuple[int, ...]) -> int:
        """Constant weights (outputs, inputs) whose inputs are an image, with its channels behind its pixels."""
        made = self.tensors[number]
        if made.values is None:
            raise UnsupportedError(
                "weights of flat images that are no codes and no floats have no TFLite form", hint=HINT
            )
        moved = made.values.reshape(-1, *image).transpose(CHANNELS_LAST[1 + len(image)]).reshape(made.values.shape)
        return self.keep(moved, made.name, made.codes, made.element)

    def signed(self, key: str) -> NDArray[Any]:
        """A constant's values, codes of uint8 as those of int8 that stand for the same."""
        values = self.view.values(key)
        return (values.astype(np.int16) - SHIFT).astype(np.int8) if values.dtype == np.uint8 else values

    # values in their orders

    def ordered(self, shape: Sizes, order: Order) -> Sizes:
        """A shape with its axes in an order."""
        return tuple(shape[axis] for axis in order) if len(order) > 1 else shape

    def tensor(self, key: str, order: Order = ()) -> int:
        """The number of a value, codes or floats, its axes in an order."""
        if (key, order) not in self.forms:
            make = self._constant if key in self.view.constants else self._made
            self.forms[key, order] = make(key, order)
        return self.forms[key, order]

    def _constant(self, key: str, order: Order) -> int:
        """A constant with its axes in an order; of fewer axes than that, more of size 1 in front."""
        codes = self.meaning.get(key)
        values = self.view.values(key) if codes is None else self.signed(key)
        more = max(0, len(order) - values.ndim)
        values = values.reshape((1,) * more + values.shape)
        if order:
            values = values.transpose(order)
            if codes is not None and codes.scales.size > 1:
                codes = Codes(codes.scales, codes.zero_points, order.index(codes.axis + more))
        narrow = "int4" if key in self.narrow else ""
        # Dynamic products have their weights turned in ONNX, and not in the file
        name = key.removesuffix("_Transposed_quantized").removesuffix("_quantized")
        return self.keep(values, name, codes, narrow)

    def _made(self, key: str, order: Order) -> int:
        """A computed value in an order in which it is not there yet: floats of codes, or another order."""
        if key in self.biases:
            values, meaning = self.biases[key]
            return self.keep((values * meaning.scales.astype(np.float64)).astype(np.float32), key)
        codes = self.held_codes.get(key)
        other = next((held for held in ((), *CHANNELS_LAST.values(), FLAT) if (key, held) in self.forms), None)
        if codes is not None and (other is None or codes in self.view.constants):
            given = self.tensor(codes, order)
            made = Made(self.name(key), "float32", self.tensors[given].shape)
            return self.append("DEQUANTIZE", [given], made)
        if other is None:
            raise UnsupportedError(f"{key!r} is read before it is made", hint="Check the model")
        if FLAT in (order, other):
            raise UnsupportedError(f"{key!r} is needed with the channels in another order", hint=HINT)
        return self.turned(self.forms[key, other], order or inverse(other))

    def turned(self, number: int, order: Sequence[int]) -> int:
        """A tensor with its axes in another order; where only those of size 1 move, in another shape."""
        made = self.tensors[number]
        shape = tuple(made.shape[axis] for axis in order)
        target = Made(self.name(made.name), made.element, shape, made.codes)
        moving = [axis for axis in order if made.shape[axis] != 1]
        if moving == sorted(moving):
            return self.reshaped(number, target)
        return self.append("TRANSPOSE", [number, self.ints(order, "order")], target)

    def sizes_of(self, shape: Sizes) -> list[int]:
        """A shape as RESHAPE takes it. Raises UnsupportedError if several sizes are open."""
        if shape.count(None) > 1:
            raise UnsupportedError("a shape with several open sizes has no TFLite form", hint=HINT)
        return [-1 if size is None else size for size in shape]

    def reshaped(self, number: int, made: Made) -> int:
        """A tensor in another shape."""
        sizes = self.sizes_of(made.shape)
        return self.append("RESHAPE", [number, self.ints(sizes)], made, {0: Numbers("i", sizes)})

"""Makes a TFLite graph of one of ONNX's operators: values in both orders of axes, as codes and as floats.

ONNX has images with the channels first, TFLite with the channels last. A value is kept in the order in which it was
made and brought to the other one when something asks for it, once; so most transposes are never made. An operator
computes with codes where all it reads is in codes and its result is wanted so; else with floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.model.graph import Graph, Node, ValueInfo
from playground.model.naming import FreeNames
from playground.model.readers._tflite_file import Codes
from playground.model.readers._tflite_layout import FIRST, LAST
from playground.model.readers._tflite_schema import ELEMENTS
from playground.model.writers._flatbuffer import Numbers, Table
from playground.model.writers._tflite_file import Made, Operation, same_codes
from playground.model.writers._tflite_view import HINT, SHIFT, Sizes, View, Wanted

Order = tuple[int, ...]
"""From the axes as ONNX has them to those of the file; empty: the same."""

FLAT: Order = (-1,)
"""Rows of pixels with the channels last, in one axis: what products with constants read, whose columns move."""

_OF_VALUES = ("int8", "uint8")
_OF_CONSTANTS = (*_OF_VALUES, "int4", "uint4")
"""Types of codes that are written: of what is computed, and of constants, whose narrow codes take a byte each."""


@dataclass(frozen=True, slots=True)
class Site:
    """A node, and whether it computes with codes: then how its results are wanted."""

    node: Node
    wanted: tuple[Wanted, ...] = ()

    @property
    def codes(self) -> bool:
        """Whether it computes with codes."""
        return bool(self.wanted)

    @property
    def activation(self) -> int:
        """Number of the limits that are part of the operator."""
        return self.wanted[0].activation if self.wanted else 0


class Builder:
    """The graph so far.

    Attributes:
        view: the graph that it is made of.
        tensors: what the file has, by number.
        operations: in order.
        images: channels, height and width of the images that flat rows have been.
        biases: codes of int32 and what they stand for, by the name of the floats.
        done: first results of the nodes that others compute besides their own.
    """

    def __init__(self, graph: Graph, infos: Mapping[str, ValueInfo]) -> None:
        """Start with the inputs."""
        self.view = View(graph, infos)
        self.tensors: list[Made] = []
        self.operations: list[Operation] = []
        self.done: set[str] = set()
        self._forms: dict[tuple[str, Order], int] = {}
        self._codes_of: dict[str, str] = {}
        self._stands_for: dict[str, Codes] = {}
        self._kept: dict[tuple[str, bytes, tuple[int, ...]], int] = {}
        self.images: dict[str, tuple[int, ...]] = {}
        self.biases: dict[str, tuple[NDArray[Any], Codes]] = {}
        self._names = FreeNames(value.name for value in (*graph.inputs, *graph.outputs))
        self.inputs = [self._input(value.name) for value in graph.inputs]

    def _input(self, name: str) -> int:
        """An input as the model has it; codes of uint8 are shifted behind it."""
        if self.view.dtype(name) not in ELEMENTS:
            raise UnsupportedError(f"inputs of type {self.view.dtype(name)} have no TFLite form", hint=HINT)
        number = self._new(Made(name, self.view.dtype(name), self.view.shape(name)))
        self._forms[name, ()] = number
        return number

    def _new(self, made: Made) -> int:
        self.tensors.append(made)
        return len(self.tensors) - 1

    # what is known of values

    def has(self, name: str, order: Order) -> bool:
        """Whether a value was made in an order."""
        return (name, order) in self._forms

    def codes_of(self, name: str) -> str | None:
        """The name of the codes that a float value stands for; None if it has none of 8 bits."""
        return self._codes_of.get(name)

    def stands_for(self, key: str) -> Codes:
        """What codes stand for."""
        return self._stands_for[key]

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
        return self._codes_of.get(name, name) in self.view.constants

    def is_flat(self, name: str) -> bool:
        """Whether a value is there as rows of flat images that have their channels last."""
        return self.has(self._codes_of.get(name, name), FLAT) or self.has(name, FLAT)

    def last_only(self, names: Sequence[str]) -> bool:
        """Whether an operator on these values is better done with the channels last: one of them is there so alone."""
        found = False
        for name in names:
            if self.is_constant(name):
                if self.rank(name) > 4:
                    return False
                continue
            if self.rank(name) not in (0, 4):
                return False
            key = self._codes_of.get(name, name)
            forms = (key, name)
            found = found or (
                any(self.has(held, LAST) for held in forms) and not any(self.has(held, ()) for held in forms)
            )
        return found

    # nodes

    def site(self, node: Node, data: Sequence[str], fuse: bool = False, one_scale: bool = True) -> Site:
        """Whether a node computes with codes: it reads codes of 8 bits alone, and its results are wanted so.

        Args:
            node: the node.
            data: the inputs that have to be in codes.
            fuse: whether it can limit its result, and multiply it by a constant.
            one_scale: whether constants among them have one scale at most.
        """
        for name in data:
            key = self._codes_of.get(name)
            known = key is None and self.view.scalar(name) is not None
            if not known and (key is None or (one_scale and self._stands_for[key].scales.size > 1)):
                return Site(node)
        outputs = [name for name in node.outputs if name]
        found = [self.view.wanted(name, fuse) for name in outputs]
        wanted = tuple(each for each in found if each is not None)
        return Site(node, wanted) if len(wanted) == len(outputs) else Site(node)

    def take(self, site: Site, name: str, order: Order = ()) -> int:
        """The number of a value in the form that a node computes with; constants have as many axes as the order."""
        if site.codes and self._codes_of.get(name) is None:
            return self._exact(name)
        key = self._codes_of[name] if site.codes else name
        return self.tensor(key, order if self.rank(name) else ())

    def _exact(self, name: str) -> int:
        """A number as one code: the scale is its size."""
        value = self.view.scalar(name) or 0.0
        codes = Codes(np.array([abs(value) or 1.0], np.float32), np.zeros(1, np.int64), 0)
        return self.keep(np.full(self.view.constants[name].shape, np.sign(value), np.int8), name, codes)

    def put(self, site: Site, op: str, inputs: Sequence[int], options: Table | None = None, **how: Any) -> None:
        """Append an operator that makes a node's only result.

        Args:
            site: the node.
            op: TFLite's operator.
            inputs: the numbers of the tensors that it reads; -1: none.
            options: its options.
            how: the ``order`` of the result's axes; ``codes``: what the operator's own codes stand for, if it cannot
                have others: new codes are made of them then.
        """
        number = self.result(site, 0, **how)
        self.operations.append(Operation(op, tuple(inputs), (number,), options or {}))
        self.settle(site, 0, how.get("order", ()))

    def give(self, site: Site, number: int, order: Order = ()) -> None:
        """State that a node's only result has the values of a tensor."""
        name = next(output for output in site.node.outputs if output)
        if site.codes:
            self._state(site, 0)
            self._forms[site.wanted[0].key, order] = number
            self.settle(site, 0, order)
        else:
            self._forms[name, order] = number

    def result(self, site: Site, at: int, order: Order = (), codes: Codes | None = None) -> int:
        """The number of a new tensor for a node's result; :meth:`settle` comes after what makes it."""
        name = [output for output in site.node.outputs if output][at]
        shape = self.ordered(self.view.shape(name), order)
        if not site.codes:
            number = self._new(Made(self._name(name), self.view.dtype(name), shape))
            self._forms[name, order] = number
            return number
        wanted = site.wanted[at]
        self._state(site, at)
        number = self._new(Made(self._name(name), "int8", shape, codes or wanted.codes))
        self._forms[wanted.key, order] = number
        return number

    def _state(self, site: Site, at: int) -> None:
        """State what the codes of a result stand for, and what is computed with it."""
        wanted, name = site.wanted[at], [output for output in site.node.outputs if output][at]
        self._stands_for[wanted.key] = wanted.codes
        for value in (name, *(output for node in wanted.done for output in node.outputs)):
            self._codes_of[value] = wanted.key
        self.done.update(node.outputs[0] for node in wanted.done)

    def settle(self, site: Site, at: int, order: Order) -> None:
        """Make the wanted codes of those that an operator has given, if they are others."""
        if site.codes:
            wanted = site.wanted[at]
            self._forms[wanted.key, order] = self.requantized(self._forms[wanted.key, order], wanted.codes)

    def requantized(self, number: int, codes: Codes) -> int:
        """A tensor's values in other codes: itself, if they are the same."""
        made = self.tensors[number]
        if same_codes(made.codes, codes) and made.element == "int8":
            return number
        return self.append("QUANTIZE", [number], Made(self._name(made.name), "int8", made.shape, codes))

    def append(self, op: str, inputs: Sequence[int], made: Made, options: Table | None = None) -> int:
        """Append an operator that makes a tensor of its own, and return that one's number."""
        number = self._new(made)
        self.operations.append(Operation(op, tuple(inputs), (number,), options or {}))
        return number

    def _name(self, wanted: str) -> str:
        return self._names.take(wanted.partition("\0")[0])

    def temporary(self, site: Site, shape: Sequence[int | None], codes: Codes | None) -> Made:
        """A tensor between two operators that a node becomes."""
        name = self._name(f"{site.node.outputs[0]}_part")
        return Made(name, "int8" if site.codes else "float32", tuple(shape), codes if site.codes else None)

    # constants

    def keep(self, values: NDArray[Any], name: str, codes: Codes | None = None) -> int:
        """The number of a constant, the same for the same values."""
        dtype = values.dtype.name
        parameters = b"" if codes is None else codes.scales.tobytes() + codes.zero_points.tobytes()
        key = (dtype, parameters + values.tobytes(), values.shape)
        if key not in self._kept:
            self._kept[key] = self._new(
                Made(self._name(name), dtype, values.shape, codes, np.ascontiguousarray(values))
            )
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
        moved = made.values.reshape(-1, *image).transpose(0, 2, 3, 1).reshape(made.values.shape)
        return self.keep(moved, made.name, made.codes)

    # values in their orders

    def ordered(self, shape: Sizes, order: Order) -> Sizes:
        """A shape with its axes in an order."""
        return tuple(shape[axis] for axis in order) if len(order) > 1 else shape

    def tensor(self, key: str, order: Order = ()) -> int:
        """The number of a value, codes or floats, its axes in an order."""
        if (key, order) not in self._forms:
            self._forms[key, order] = (
                self._constant(key, order) if key in self.view.constants else self._made(key, order)
            )
        return self._forms[key, order]

    def _constant(self, key: str, order: Order) -> int:
        """A constant with its axes in an order; of fewer axes than that, more of size 1 in front."""
        values, codes = self.view.values(key), self._stands_for.get(key)
        if codes is not None and values.dtype == np.uint8:
            values = (values.astype(np.int16) - SHIFT).astype(np.int8)
        more = max(0, len(order) - values.ndim)
        values = values.reshape((1,) * more + values.shape)
        if order:
            values = values.transpose(order)
            if codes is not None and codes.scales.size > 1:
                codes = Codes(codes.scales, codes.zero_points, order.index(codes.axis + more))
        return self.keep(np.ascontiguousarray(values), key.removesuffix("_quantized"), codes)

    def _made(self, key: str, order: Order) -> int:
        """A computed value in an order in which it is not there yet: floats of codes, or another order."""
        codes = self._codes_of.get(key)
        other = next((held for held in ((), LAST, FLAT) if (key, held) in self._forms), None)
        if codes is not None and (other is None or codes in self.view.constants):
            given = self.tensor(codes, order)
            made = Made(self._name(key), "float32", self.tensors[given].shape)
            return self.append("DEQUANTIZE", [given], made)
        if other is None:
            raise UnsupportedError(f"{key!r} is read before it is made", hint="Check the model")
        if FLAT in (order, other):
            raise UnsupportedError(f"{key!r} is needed with the channels in another order", hint=HINT)
        return self.turned(self._forms[key, other], LAST if order == LAST else FIRST)

    def turned(self, number: int, order: Sequence[int]) -> int:
        """A tensor with its axes in another order; where only those of size 1 move, in another shape."""
        made = self.tensors[number]
        shape = tuple(made.shape[axis] for axis in order)
        target = Made(self._name(made.name), made.element, shape, made.codes)
        moving = [axis for axis in order if made.shape[axis] != 1]
        if moving == sorted(moving):
            return self.reshaped(number, target)
        return self.append("TRANSPOSE", [number, self.ints(order, "order")], target)

    def reshaped(self, number: int, made: Made) -> int:
        """A tensor in another shape."""
        if made.shape.count(None) > 1:
            raise UnsupportedError("a shape with several open sizes has no TFLite form", hint=HINT)
        sizes = [-1 if size is None else size for size in made.shape]
        return self.append("RESHAPE", [number, self.ints(sizes)], made, {0: Numbers("i", sizes)})

    # codes and floats

    def quantize(self, node: Node) -> None:
        """QuantizeLinear: codes of floats, or of other codes; nothing, where an operator has made them."""
        (x, *_), (y, *_) = node.inputs, node.outputs
        codes = self.view.parameters(node)
        if codes is None or codes.scales.size > 1 or self.view.dtype(y) not in ("int8", "uint8"):
            raise UnsupportedError(f"computed codes of type {self.view.dtype(y)} have no TFLite form", hint=HINT)
        self._stands_for[y] = codes
        key = self._codes_of.get(x, x)
        if key == y:
            return
        orders = [order for name, order in self._forms if name == key]
        if not orders:
            self.tensor(key)
        for order in orders[:1] or [()]:
            self._forms[y, order] = self.requantized(self._forms[key, order], codes)
        if key in self.images:
            self.images[y] = self.images[key]

    def dequantize(self, node: Node) -> None:
        """DequantizeLinear: its result stands for codes; floats are made of them when something asks for floats."""
        (x, *_), (y, *_) = node.inputs, node.outputs
        element, codes = self.view.dtype(x), self.view.parameters(node)
        constant = x in self.view.constants
        if codes is None or (codes.scales.size > 1 and not constant):
            raise UnsupportedError(f"codes of type {element} with these scales have no TFLite form", hint=HINT)
        if element == "int32" and constant:
            self.biases[y] = self.view.values(x), codes
            return
        if element not in (_OF_CONSTANTS if constant else _OF_VALUES):
            raise UnsupportedError(f"codes of type {element} have no TFLite form", hint=HINT)
        self._stands_for[x] = codes
        self._codes_of[y] = x
        number = self._forms.get((x, ()))
        if number in self.inputs and number is not None and self.tensors[number].codes is None:
            shift = SHIFT if element == "uint8" else 0
            self.tensors[number].codes = Codes(codes.scales, codes.zero_points + shift, 0)
            self._forms[x, ()] = self.requantized(number, codes)

    # the end

    def outputs(self) -> list[int]:
        """The numbers of the graph's outputs, each a tensor of its own with the output's name."""
        found: list[int] = []
        for value in self.view.graph.outputs:
            number = self.tensor(value.name)
            made = self.tensors[number]
            if value.dtype == "uint8" and made.codes is not None:
                codes = Codes(made.codes.scales, made.codes.zero_points + SHIFT, 0)
                number = self.append("QUANTIZE", [number], Made(value.name, "uint8", made.shape, codes))
            elif number in (*self.inputs, *found) or made.values is not None:
                number = self.reshaped(number, Made(value.name, made.element, made.shape, made.codes))
            self.tensors[number].name = value.name
            found.append(number)
        return found

"""Makes a TFLite graph of one of ONNX's operators: values in both orders of axes, as codes and as floats.

ONNX has images with the channels first, TFLite with the channels last. A value is kept in the order in which it was
made and brought to the other one when something asks for it, once; so most transposes are never made. An operator
computes with codes where all it reads is in codes and its result is wanted so; else with floats.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Graph, Node, ValueInfo
from playground.model.readers._tflite_file import Codes
from playground.model.readers._tflite_layout import LAST
from playground.model.writers._flatbuffer import Numbers, Table
from playground.model.writers._tflite_file import Made, Operation, same_codes
from playground.model.writers._tflite_forms import CHANNELS_LAST, FLAT, Forms, Order
from playground.model.writers._tflite_view import HINT, SHIFT, Wanted

__all__ = ["FLAT", "Builder", "Order", "Site"]

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


class Builder(Forms):
    """The graph so far.

    Attributes:
        images: channels, height and width of the images that flat rows have been.
        done: first results of the nodes that others compute besides their own.
        dynamic: results of products of floats and weights in codes, where LiteRT makes codes of the floats, too.
    """

    def __init__(self, graph: Graph, infos: Mapping[str, ValueInfo], dynamic: Collection[str] = ()) -> None:
        """Start with the inputs."""
        super().__init__(graph, infos)
        self.dynamic = frozenset(dynamic)
        self.images: dict[str, tuple[int, ...]] = {}
        self.done: set[str] = set()

    # nodes

    def site(self, node: Node, data: Sequence[str], fuse: bool = False) -> Site:
        """Whether a node computes with codes: all it reads is in codes of one scale, and its results are wanted so.

        Args:
            node: the node.
            data: the inputs that have to be in codes.
            fuse: whether it can limit its result, and multiply it by a constant.
        """
        for name in data:
            key = self.held_codes.get(name)
            known = key is None and self.view.scalar(name) is not None
            if not known and (key is None or self.meaning[key].scales.size > 1):
                return Site(node)
        outputs = [name for name in node.outputs if name]
        found = [self.view.wanted(name, fuse) for name in outputs]
        wanted = tuple(each for each in found if each is not None)
        return Site(node, wanted) if len(wanted) == len(outputs) else Site(node)

    def take(self, site: Site, name: str, order: Order = ()) -> int:
        """The number of a value in the form that a node computes with; constants have as many axes as the order."""
        if site.codes and self.held_codes.get(name) is None:
            return self._exact(name)
        key = self.held_codes[name] if site.codes else name
        return self.tensor(key, order if self.rank(name) else ())

    def is_dynamic(self, site: Site) -> bool:
        """Whether a node multiplies floats by weights in codes."""
        return site.node.outputs[0] in self.dynamic

    def weights(self, site: Site, name: str, order: Order = ()) -> int:
        """The number of a product's weights: codes, or floats."""
        key = self.codes_of(name)
        return self.tensor(key, order) if key is not None and self.is_dynamic(site) else self.take(site, name, order)

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
        self.finish(site, 0, how.get("order", ()))

    def put_image(self, site: Site, op: str, inputs: Sequence[int], options: Table, codes: Codes | None = None) -> None:
        """:meth:`put` for an operator on images: where the node makes signals, these are its images of height 1."""
        name = next(output for output in site.node.outputs if output)
        last = CHANNELS_LAST[self.rank(name)]
        if last == LAST:
            self.put(site, op, inputs, options, order=last, codes=codes)
            return
        samples, *rest = self.ordered(self.view.shape(name), last)
        own = codes or (site.wanted[0].codes if site.codes else None)
        number = self.append(op, inputs, self.temporary(site, (samples, 1, *rest), own), options)
        sizes = self.sizes_of((samples, *rest))
        self.put(site, "RESHAPE", [number, self.ints(sizes)], {0: Numbers("i", sizes)}, order=last, codes=own)

    def image(self, site: Site, name: str) -> int:
        """The number of an image with the channels last, or of a signal as an image of height 1."""
        last = CHANNELS_LAST[self.rank(name)]
        number = self.take(site, name, last)
        if last == LAST:
            return number
        made = self.tensors[number]
        samples, *rest = made.shape
        return self.reshaped(
            number, Made(self.name(f"{made.name}_image"), made.element, (samples, 1, *rest), made.codes)
        )

    def give(self, site: Site, number: int, order: Order = ()) -> None:
        """State that a node's only result has the values of a tensor."""
        name = next(output for output in site.node.outputs if output)
        if site.codes:
            self._state(site, 0)
            self.forms[site.wanted[0].key, order] = number
            self.finish(site, 0, order)
        else:
            self.forms[name, order] = number

    def result(self, site: Site, at: int, order: Order = (), codes: Codes | None = None) -> int:
        """The number of a new tensor for a node's result; :meth:`finish` comes after what makes it."""
        name = [output for output in site.node.outputs if output][at]
        shape = self.ordered(self.view.shape(name), order)
        if not site.codes:
            number = self.new(Made(self.name(name), self.view.dtype(name), shape))
            self.forms[name, order] = number
            return number
        wanted = site.wanted[at]
        self._state(site, at)
        number = self.new(Made(self.name(name), "int8", shape, codes or wanted.codes))
        self.forms[wanted.key, order] = number
        return number

    def _state(self, site: Site, at: int) -> None:
        """State what the codes of a result stand for, and what is computed with it."""
        wanted, name = site.wanted[at], [output for output in site.node.outputs if output][at]
        self.meaning[wanted.key] = wanted.codes
        for value in (name, *(output for node in wanted.done for output in node.outputs)):
            self.held_codes[value] = wanted.key
        self.done.update(node.outputs[0] for node in wanted.done)

    def finish(self, site: Site, at: int, order: Order) -> None:
        """Make the wanted codes of those that an operator has given, if they are others."""
        if site.codes:
            wanted = site.wanted[at]
            self.forms[wanted.key, order] = self.requantized(self.forms[wanted.key, order], wanted.codes)

    def requantized(self, number: int, codes: Codes) -> int:
        """A tensor's values in other codes: itself, if they are the same."""
        made = self.tensors[number]
        if same_codes(made.codes, codes) and made.element == "int8":
            return number
        return self.append("QUANTIZE", [number], Made(self.name(made.name), "int8", made.shape, codes))

    def temporary(self, site: Site, shape: Sequence[int | None], codes: Codes | None, end: str = "_part") -> Made:
        """A tensor between two operators that a node becomes, or at the ``end`` of them."""
        name = self.name(f"{site.node.outputs[0]}{end}")
        return Made(name, "int8" if site.codes else "float32", tuple(shape), codes if site.codes else None)

    # codes and floats

    def quantize(self, node: Node) -> None:
        """QuantizeLinear: codes of floats, or of other codes; nothing, where an operator has made them."""
        (x, *_), (y, *_) = node.inputs, node.outputs
        codes = self.view.parameters(node)
        if codes is None or codes.scales.size > 1 or self.view.dtype(y) not in ("int8", "uint8"):
            raise UnsupportedError(f"computed codes of type {self.view.dtype(y)} have no TFLite form", hint=HINT)
        self.meaning[y] = codes
        key = self.held_codes.get(x, x)
        if key == y:
            return
        orders = [order for name, order in self.forms if name == key]
        if not orders:
            self.tensor(key)
        for order in orders[:1] or [()]:
            self.forms[y, order] = self.requantized(self.forms[key, order], codes)
        if key in self.images:
            self.images[y] = self.images[key]

    def dequantize(self, node: Node) -> None:
        """DequantizeLinear: its result stands for codes; floats are made of them when something asks for floats."""
        (x, *_), (y, *_) = node.inputs, node.outputs
        element, codes = self.view.dtype(x), self.view.parameters(node)
        constant = x in self.view.constants
        if codes is None:
            raise UnsupportedError(f"codes of type {element} with such scales have no TFLite form", hint=HINT)
        if element == "int32" and constant:
            self.biases[y] = self.view.values(x), codes
            return
        if element not in (_OF_CONSTANTS if constant else _OF_VALUES):
            raise UnsupportedError(f"codes of type {element} have no TFLite form", hint=HINT)
        self.meaning[x] = codes
        self.held_codes[y] = x
        number = self.forms.get((x, ()))
        if number is not None and self.tensors[number].codes is None:
            shift = SHIFT if element == "uint8" else 0
            self.tensors[number].codes = replace(codes, zero_points=codes.zero_points + shift)
            if shift:
                self.forms[x, ()] = self.requantized(number, codes)

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

"""Makes a graph of ONNX's operators of a TFLite graph: values in both orders of axes, as codes and as floats.

TFLite has images with the channels last, ONNX with the channels first. A value is kept in the order in which it was
made and brought to the other one when something asks for it, once; so most transposes are never made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import BadFileError, UnsupportedError
from playground.host.sources import Source
from playground.limits import MOST_PIECE
from playground.model.element_types import BY_NAME
from playground.model.graph import Dim, Graph, Tensor
from playground.model.readers._nodes import Nodes
from playground.model.readers._tflite_file import Codes, Operation, Stored, Subgraph
from playground.model.readers._tflite_layout import FIRST, LAST, ordered_values, value_info, wide_bias

OPSET, OPSET_OF_WIDE_CODES = 19, 21
"""Has all operators in the forms that are written here, but for those that ask for a newer one when it is opened. ONNX
Runtime 1.32 cannot optimize 8-bit codes before a Reshape and a Gemm in 21, which codes of 16 bits need."""

_BY_DEQUANTIZE = frozenset(("int8", "uint8", "int16", "uint16", "int32", "int4", "uint4"))
"""Element types that DequantizeLinear takes."""


@dataclass(frozen=True, slots=True)
class _Form:
    """A value of the file in one of its forms: its codes or what they stand for, its axes in one order."""

    number: int
    real: bool
    order: tuple[int, ...] = ()


class Builder(Nodes):
    """The graph so far."""

    def __init__(self, subgraph: Subgraph, source: Source) -> None:
        """Start with the inputs and the constants, neither of which is read."""
        super().__init__(tensor.name for tensor in subgraph.tensors)
        self.tensors: Mapping[int, Stored] = dict(enumerate(subgraph.tensors))
        self._source, self._subgraph = source, subgraph
        self._forms: dict[_Form, str] = {}
        self._parameter_names: dict[int, list[str]] = {}
        self._widened: dict[int, int] = {}
        for number in subgraph.inputs:
            self._forms[_Form(number, self._is_real(number))] = subgraph.tensors[number].name

    def start(self, at: int, operation: Operation) -> None:
        """Go on with an operator: what is made is named after it."""
        self.name_after(at, self.tensors[operation.outputs[0]].name if operation.outputs else "")

    # what is known of values

    def shape(self, number: int) -> tuple[Dim, ...]:
        """Sizes of a tensor's axes; None where one is not known."""
        tensor = self.tensors[number]
        return tuple(None if size < 0 else size for size in tensor.signature) or tensor.shape

    def rank(self, number: int) -> int:
        """How many axes a tensor has."""
        return len(self.tensors[number].shape)

    def size(self, number: int, axis: int) -> int:
        """A known size. Raises UnsupportedError if it is not known."""
        found = self.shape(number)[axis]
        if not isinstance(found, int):
            raise UnsupportedError(f"axis {axis} of {self.tensors[number].name!r} has no fixed size")
        return found

    def is_constant(self, number: int) -> bool:
        """Whether the file has a tensor's values."""
        tensor = self.tensors[number]
        if tensor.place is not None or number in self._widened:
            return True
        return 0 in tensor.shape and not self._made(number)

    def constant(self, number: int) -> NDArray[Any] | None:
        """The values of a small constant as they are stored; None of what is computed."""
        tensor = self.tensors[self._widened.get(number, number)]
        if tensor.place is None:
            return np.zeros(tensor.shape, np.int32) if self.is_constant(number) else None
        return None if tensor.place[1] > MOST_PIECE else tensor.values(self._source)

    def whole_numbers(self, number: int, what: str) -> list[int]:
        """The integers of a constant. Raises UnsupportedError if they are computed."""
        found = self.constant(number)
        if found is None or found.dtype.kind not in "iu":
            raise UnsupportedError(f"{what} that are computed")
        return [int(value) for value in found.ravel()]

    def codes(self, number: int) -> Codes | None:
        """What a tensor's codes stand for; None of values that are not quantized."""
        return self.tensors[number].codes

    def first_only(self, numbers: Sequence[int]) -> bool:
        """Whether an operator on these values is better done with the channels first: one of them is there so alone."""
        found = False
        for number in numbers:
            if self.is_constant(number):
                if self.rank(number) > 4:
                    return False
                continue
            if self.rank(number) not in (0, 4):
                return False
            found = found or (not self._has(number) and self._has(number, FIRST))
        return found

    def _known_tensor(self, number: int) -> Stored:
        """A tensor whose values are understood. Raises UnsupportedError for others."""
        tensor = self.tensors[number]
        if tensor.fault:
            raise UnsupportedError(f"{tensor.fault}, in {tensor.name!r}")
        return tensor

    def _made(self, number: int) -> bool:
        return self._has(number) or self._has(number, FIRST)

    def _has(self, number: int, order: tuple[int, ...] = ()) -> bool:
        return any(_Form(number, real, order) in self._forms for real in (False, True))

    def _is_real(self, number: int) -> bool:
        """Whether a tensor's stored values are what they stand for."""
        return self.tensors[number].codes is None

    # what goes in

    def real(self, number: int, order: tuple[int, ...] = ()) -> str:
        """The name of a value, as floats where it is quantized, its axes in the file's order or another one."""
        form = _Form(number, True, order)
        found = self._forms.get(form)
        if found is None:
            found = self._forms[form] = self._dequantized(form)
        return found

    def image(self, number: int, first: bool) -> str:
        """A value for an operator on images whose channels are first, or last; fewer axes are the last ones."""
        if not first or self.tensors[number].shape in ((), (1,)):
            return self.real(number)
        return self.real(number, FIRST)

    def _dequantized(self, form: _Form) -> str:
        tensor, codes = self._known_tensor(form.number), self.tensors[form.number].codes
        if form.number in self._widened:
            narrow = self.real(self._widened[form.number], form.order)
            if self.tensors[self._widened[form.number]].element == tensor.element or codes is not None:
                return narrow
            return self.emit("Cast", [narrow], like=tensor.name, to=BY_NAME[tensor.element].onnx)
        stored = self._stored(form.number, form.order)
        if codes is None:
            return stored
        if tensor.element == "int64" and self.is_constant(form.number) and not form.order:
            return self.hold(wide_bias(self.names.take(f"{tensor.name}_real"), tensor, self._source))
        if tensor.element not in _BY_DEQUANTIZE:
            raise UnsupportedError(f"codes of type {tensor.element}, in {tensor.name!r}")
        inputs = [stored, *self._parameters(form.number)]
        axis: dict[str, Any] = {}
        if codes.scales.size > 1:
            at = codes.axis + max(0, len(form.order) - len(tensor.shape))
            axis = {"axis": form.order.index(at) if form.order else at}
        return self.emit("DequantizeLinear", inputs, like=f"{tensor.name}_real", **axis)

    def _parameters(self, number: int) -> list[str]:
        """The names of the scale and the zero-point, which int32 codes do not have."""
        tensor, codes = self.tensors[number], self.tensors[number].codes
        if codes is None:
            return []
        if number not in self._parameter_names:
            many = codes.scales.size > 1
            names = [self.add(f"{tensor.name}_scale", codes.scales if many else codes.scales[0])]
            points = codes.zero_points if many else codes.zero_points[0]
            if tensor.element != "int32":
                names.append(self.add_packed(f"{tensor.name}_zero_point", np.asarray(points), tensor.element))
            elif np.any(codes.zero_points):
                raise UnsupportedError(f"int32 codes with a zero-point, in {tensor.name!r}")
            self._parameter_names[number] = names
        return self._parameter_names[number]

    def stored(self, number: int) -> str:
        """The name of a value as the file has it: codes where it is quantized."""
        return self._stored(number, ())

    def stored_first(self, number: int) -> str:
        """The same with the channels first."""
        return self._stored(number, FIRST)

    def _stored(self, number: int, order: tuple[int, ...]) -> str:
        form = _Form(number, self._is_real(number), order)
        found = self._forms.get(form)
        if found is None:
            found = self._forms[form] = self._ordered(number, order)
        return found

    def _ordered(self, number: int, order: tuple[int, ...]) -> str:
        """A stored value whose axes are brought into another order."""
        tensor = self._known_tensor(number)
        if number in self._widened:
            return self._stored(self._widened[number], order) if tensor.codes else self.real(number, order)
        if self.is_constant(number):
            return self._stored_constant(tensor, order)
        if order and self._has(number):
            return self.emit("Transpose", [self.stored(number)], like=f"{tensor.name}_moved", perm=list(order))
        first = self._forms.get(_Form(number, self._is_real(number), FIRST))
        if order or first is None:
            raise BadFileError(f"{tensor.name!r} is read before it is made", hint="Export the model again")
        return self.emit("Transpose", [first], like=tensor.name, perm=list(LAST))

    def _stored_constant(self, tensor: Stored, order: tuple[int, ...]) -> str:
        wide = (*(1,) * (len(order) - len(tensor.shape)), *tensor.shape)
        shape = tuple(wide[axis] for axis in order) if order else tensor.shape
        name = tensor.name if tensor.name not in self.constants else self.names.take(f"{tensor.name}_moved")
        size = BY_NAME[tensor.element].nbytes(math.prod(shape))
        read = partial(ordered_values, tensor, self._source, wide, order)
        self.constants[name] = Tensor(name, tensor.element, shape, size, read)
        return name

    # what is made

    def reshaped(self, number: int, sizes: Sequence[int]) -> str:
        """A value in another shape; an image of one pixel needs no other order of axes for that."""
        one = self.first_only([number]) and self.shape(number)[1:3] == (1, 1)
        name = self.real(number, FIRST if one else ())
        zero: dict[str, Any] = {"allowzero": 1} if 0 in sizes else {}
        return self.emit("Reshape", [name, self.ints(sizes)], **zero)

    def give(self, number: int, name: str, first: bool = False) -> None:
        """State a tensor's value: floats, from which codes are made where the tensor has them."""
        order = FIRST if first else ()
        if not self._is_real(number):
            tensor, codes = self.tensors[number], self.tensors[number].codes
            if tensor.element not in _BY_DEQUANTIZE - {"int32"} or codes is None or codes.scales.size > 1:
                raise UnsupportedError(f"results of type {tensor.element} with scales, in {tensor.name!r}")
            like = f"{tensor.name}_codes"
            name = self.emit("QuantizeLinear", [name, *self._parameters(number)], like=like)
        self.give_stored(number, name, order)

    def give_widened(self, number: int, narrow: int) -> None:
        """State that a tensor has the values of a constant in a wider type: they are turned, then widened."""
        self._widened[number] = narrow

    def give_stored(self, number: int, name: str, order: tuple[int, ...] = ()) -> None:
        """State a tensor's value as it is stored. Raises BadFileError if it has one."""
        if self._known_tensor(number).place is not None or self._made(number):
            raise BadFileError(f"{self.tensors[number].name!r} has a value already", hint="Export the model again")
        self._forms[_Form(number, self._is_real(number), order)] = name

    # the end

    def graph(self) -> Graph:
        """The whole graph, its values named as in the file where they are the same."""
        outputs = []
        taken = {self.tensors[number].name for number in self._subgraph.inputs} | set(self.constants)
        for number in self._subgraph.outputs:
            tensor, name = self.tensors[number], self.stored(number)
            if name in taken:
                name = self.emit("Identity", [name], like=f"{tensor.name}_out")
            taken.add(name)
            outputs.append((tensor, name))
        renamed = self._renamed()
        nodes = self.renamed(renamed)
        inputs = tuple(value_info(self.tensors[number], self.tensors[number].name) for number in self._subgraph.inputs)
        ends = tuple(value_info(tensor, renamed.get(name, name)) for tensor, name in outputs)
        wide = any(tensor.codes and "int16" in tensor.element for tensor in self.tensors.values())
        opset = OPSET_OF_WIDE_CODES if wide else OPSET
        return Graph(self._subgraph.name or "main", inputs, ends, nodes, self.constants, opset)

    def _renamed(self) -> dict[str, str]:
        """Names of values as the file has them, for those that are made here under other ones."""
        made = {name for node in self.nodes for name in node.outputs}
        renamed: dict[str, str] = {}
        free = {tensor.name for tensor in self.tensors.values()} - made - set(self.constants)
        for form, name in self._forms.items():
            tensor = self.tensors[form.number]
            stored = form.real == self._is_real(form.number) and (not form.order or form.number in self._widened)
            if stored and name in made and name not in renamed and tensor.name in free:
                renamed[name] = tensor.name
                free.discard(tensor.name)
        return renamed

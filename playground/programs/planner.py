"""The state of planning: what each tensor of the graph is known to be so far, and the steps that were emitted.

A float tensor of a QDQ graph never exists as such in the program. It is a constant, or the real meaning of codes
(``Dequantized``), or the exact result of a step that waits for the QuantizeLinear behind it (``Deferred``): that is
the fusion.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.model.graph import Graph
from playground.programs import integer_ops as ops
from playground.programs import program as p
from playground.programs.room import WIDEST, Room
from playground.programs.steps import Lookup, Reshape


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A constant."""

    array: NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class ConstantDequantized:
    """DequantizeLinear of constant codes; scale and zero-point are arrays that broadcast against them."""

    codes: NDArray[Any]
    scale: NDArray[np.float32]
    zero_point: NDArray[Any]
    axis: int | None

    def real(self) -> NDArray[np.float32]:
        """The values."""
        return ops.dequantize(self.codes, self.scale, self.zero_point)


@dataclass(frozen=True, slots=True, eq=False)
class Codes:
    """A value of the program as it is: codes, or float32."""

    value: str


@dataclass(frozen=True, slots=True, eq=False)
class Dequantized:
    """What the codes of a value stand for, one scale for all."""

    value: str
    scale: np.float32
    zero_point: int


@dataclass(frozen=True, slots=True, eq=False)
class CodeFunction:
    """A function of single codes of a value: the float32 result for every octet (-1 is at 255)."""

    value: str
    results: NDArray[np.float32]


Emit = Callable[[str, np.float32, ops.Target], None]
"""Emits the step that computes an output: its name, its scale (1 for float32), and what its results become."""


@dataclass(frozen=True, slots=True, eq=False)
class Deferred:
    """An exact result whose form is not decided yet, clamped to ``lo .. hi`` (real numbers).

    ``plus`` is the same result with a constant added, one number for each place along ``axis``, if that can become part
    of its bias; ``by_column`` is it times such a constant, if that can become part of its weights. ``scalable`` is
    whether it may be multiplied by a number on the way to float32.
    """

    shape: tuple[int, ...]
    emit: Emit
    lo: float = -np.inf
    hi: float = np.inf
    plus: Callable[[NDArray[np.float32]], Deferred] | None = None
    axis: int = -1
    scalable: bool = True
    by_column: Callable[[NDArray[np.float32]], Deferred] | None = None

    def times(self, factor: np.float32) -> Deferred:
        """The same result times a positive number: its output's scale is made smaller instead."""

        def emit(output: str, scale: np.float32, to: ops.Target) -> None:
            self.emit(output, np.float32(scale / factor), to)

        return Deferred(self.shape, emit, float(self.lo * factor), float(self.hi * factor))

    def limit(self, to: ops.Target, scale: np.float32) -> ops.Target:
        """The target narrowed to these limits; one value of it is left where the two have none in common."""
        limits = np.array((self.lo, self.hi), np.float32) / scale
        lo, hi = np.clip(limits if to.dtype == "float32" else np.rint(limits), to.lo, to.hi)
        return replace(to, lo=float(lo), hi=float(hi))


@dataclass(frozen=True, slots=True, eq=False)
class Dynamic:
    """What a DynamicQuantizeLinear gives, and what becomes of it before it is float32 again.

    Attributes:
        value: of the program: uint8 codes, or int32 sums of their products, or the codes' range.
        part: which of these: ``"codes"``, ``"sums"``, ``"scale"`` or ``"point"``.
        found: the value that holds the codes' range.
        source: of codes: the float32 value that they are of.
        factor: of scales: what the range's scale is multiplied by.
        column_sums: of sums: those of the weights, int32.
        axis: of sums: where the columns are.
        bias: of sums: float32, which is brought to steps of the scale times ``factor`` and rounded down before it is
            added; of such a bias itself, what it is. Without values: there is none.
    """

    value: str
    part: str
    found: str
    source: str = ""
    factor: NDArray[np.float32] = field(default_factory=lambda: np.ones(1, np.float32))
    column_sums: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    axis: int = -1
    bias: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))


Symbol = Constant | ConstantDequantized | Codes | Dequantized | CodeFunction | Deferred | Dynamic


_FACTORS = ("ratio", "ratios", "multiplier", "gamma", "beta")
"""Fields of steps that exact results are multiplied by, or that are added: 0 times infinity has no code."""


@dataclass(slots=True)
class Planner:
    """What is known while a graph is walked.

    Attributes:
        graph: whose nodes are planned.
        room: how large its values may become.
        floats: whether operators of float32 values become steps. Without, only those do that stand between products of
            dynamically quantized models.
        symbols: what each tensor is.
        values: of the program.
        constants: those of its values that are known.
        steps: that were emitted.
        real_values: quantized tensor -> the value that holds it as float32.
    """

    graph: Graph
    room: Room = WIDEST
    floats: bool = False
    symbols: dict[str, Symbol] = field(default_factory=dict)
    values: dict[str, p.Value] = field(default_factory=dict)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    steps: list[p.Step] = field(default_factory=list)
    real_values: dict[str, str] = field(default_factory=dict)

    def symbol(self, name: str) -> Symbol:
        """What a tensor of the graph is; initializers are read when first asked for."""
        if name not in self.symbols and name in self.graph.initializers:
            self.symbols[name] = Constant(self.graph.initializers[name].numpy())
        return self.symbols[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """Its shape."""
        symbol = self.symbol(name)
        if isinstance(symbol, Constant):
            return symbol.array.shape
        if isinstance(symbol, ConstantDequantized):
            return symbol.codes.shape
        if isinstance(symbol, Dynamic) and not symbol.value:
            return symbol.bias.shape
        return symbol.shape if isinstance(symbol, Deferred) else self.values[symbol.value].shape

    def is_constant(self, name: str) -> bool:
        """Whether a tensor is known."""
        return isinstance(self.symbol(name), (Constant, ConstantDequantized))

    def known(self, name: str, what: str) -> NDArray[Any]:
        """The array of a constant; UnsupportedError if it is computed."""
        symbol = self.symbol(name)
        if isinstance(symbol, ConstantDequantized):
            return symbol.real()
        if not isinstance(symbol, Constant):
            raise UnsupportedError(f"the {what} is computed, not constant")
        return symbol.array

    def real(self, name: str) -> Dequantized:
        """A quantized input; UnsupportedError if it is not one."""
        symbol = self.symbol(name)
        if not isinstance(symbol, Dequantized):
            raise UnsupportedError("the input is not quantized")
        return symbol

    def codes(self, name: str) -> Dequantized:
        """A quantized input of any kind; a constant of one scale becomes a value of the program."""
        symbol = self.symbol(name)
        if isinstance(symbol, ConstantDequantized) and symbol.scale.size == 1 and symbol.codes.dtype.itemsize == 1:
            value = self.constant(f"{name}:codes", symbol.codes)
            return Dequantized(value, np.float32(symbol.scale.reshape(())), int(symbol.zero_point.reshape(-1)[0]))
        if not isinstance(symbol, Dequantized):
            raise UnsupportedError("an input is neither quantized nor a quantized constant")
        return symbol

    def function(self, symbol: Symbol) -> CodeFunction | None:
        """What a symbol is as a function of single codes, if it is one."""
        if isinstance(symbol, CodeFunction):
            return symbol
        if not isinstance(symbol, Dequantized):
            return None
        every_code = np.arange(256, dtype=np.uint8).view(self.values[symbol.value].dtype)
        return CodeFunction(symbol.value, ops.dequantize(every_code, symbol.scale, symbol.zero_point))

    def emit(self, step: p.Step, shape: tuple[int, ...], dtype: str) -> None:
        """Append a step whose output has this shape and dtype; UnsupportedError if that is too large."""
        self.room.value(shape, dtype)
        if 0 in shape:
            raise UnsupportedError(f"a result of shape {shape} has no values")
        if isinstance(step, Reshape) and math.prod(self.values[step.inputs[0]].shape) != math.prod(shape):
            raise UnsupportedError(f"shape {self.values[step.inputs[0]].shape} cannot become {shape}")
        factors = (getattr(step, name) for name in _FACTORS if hasattr(step, name))
        if not all(np.isfinite(factor).all() for factor in factors):
            raise UnsupportedError("a factor over the scale of the output is not a finite number")
        if step.output in self.values:
            raise UnsupportedError(f"the value {step.output!r} is made twice")
        self.values[step.output] = p.Value(tuple(int(n) for n in shape), dtype)
        self.steps.append(step)

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Make a constant a value of the program; returns its name. UnsupportedError if that is another value's."""
        if name in self.values:
            if name in self.constants and np.array_equal(self.constants[name], array):
                return name
            raise UnsupportedError(f"the value {name!r} is made twice")
        self.constants[name] = np.ascontiguousarray(array).reshape(array.shape)  # else a number would gain an axis
        self.values[name] = p.Value(array.shape, array.dtype.name)
        return name

    def emit_codes(self, deferred: Deferred, output: str, scale: np.float32, zero_point: int, dtype: str) -> None:
        """Emit a deferred result as codes of this scale, zero-point and dtype under the name ``output``."""
        limits = np.iinfo(dtype)
        whole = ops.Target(dtype, zero_point, float(limits.min - zero_point), float(limits.max - zero_point))
        deferred.emit(output, scale, deferred.limit(whole, scale))

    def floating(self, name: str) -> str:
        """The value that holds a tensor as it is, codes or float32 (emitted when it does not exist yet)."""
        symbol = self.symbol(name)
        if isinstance(symbol, Codes):
            return symbol.value
        if isinstance(symbol, Dynamic):
            if symbol.part == "sums" or symbol.value != name:
                raise UnsupportedError("the sums of codes have their zero-point taken off when they become float32")
            return symbol.value
        if isinstance(symbol, (Constant, ConstantDequantized)):
            own = name if isinstance(symbol, Constant) else f"{name}:real"
            return self.constant(own, self.known(name, "input"))
        if name in self.real_values:
            return self.real_values[name]
        # What moves codes has given them the tensor's name, as may have what was begun and given up
        own = name
        while own in self.values:
            own += ":real"
        deferred = self.deferred(symbol)
        deferred.emit(own, np.float32(1), ops.Target("float32", 0, deferred.lo, deferred.hi))
        if isinstance(symbol, Deferred):
            self.symbols[name] = Codes(own)
        else:
            # Integer operators may still read the codes
            self.real_values[name] = own
        return own

    def deferred(self, symbol: Symbol) -> Deferred:
        """A result that can still be clamped and rounded: for codes, a table of what they mean."""
        if isinstance(symbol, Deferred):
            return symbol
        function = self.function(symbol)
        if function is None:
            raise UnsupportedError("the input is not quantized")
        held, results = self.values[function.value], function.results

        def emit(output: str, scale: np.float32, to: ops.Target) -> None:
            with np.errstate(over="ignore", invalid="ignore"):
                steps = results / scale
            if to.dtype != "float32":
                steps = np.where(np.isnan(steps), np.float32(-np.inf), steps)
            table = to.finish(steps)
            self.emit(Lookup((function.value,), output, table), held.shape, to.dtype)

        return Deferred(held.shape, emit)

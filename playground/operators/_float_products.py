"""Matrix products of float32: their steps, and how they are planned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.operators._float_forms import Make, float_constant, float_result
from playground.operators._floats import float_input
from playground.programs import float_products
from playground.programs.boxes import COPY, box, repeating, strides_of
from playground.programs.call import Array
from playground.programs.fast_products import GEMM_FLOATS, plain_scratch
from playground.programs.float_products import Finish, pack_floats
from playground.programs.integer_ops import Box
from playground.programs.kernel_program import Buffer
from playground.programs.planner import Deferred, Planner
from playground.programs.program import Step, Value
from playground.programs.steps import View

if TYPE_CHECKING:
    from playground.programs.lowering import Given, Lowering

_MOST_AXES = 6
"""Of values that broadcast: k_copy takes no more."""


@dataclass(frozen=True, slots=True, eq=False)
class FloatProduct(Step):
    """Rows (..., K) of float32 times a constant matrix.

    Attributes:
        weights: float32 (K, N).
        finish: what becomes of the sums.
    """

    weights: NDArray[np.float32]
    finish: Finish

    is_product: ClassVar[bool] = True

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """Sums in the order of the depth."""
        return float_products.product(inputs[0], self.weights, self.finish).reshape(out.shape)

    def lower(self, to: Lowering) -> None:
        """FloatProduct: rows times packed weights."""
        (name,) = self.inputs
        packed = to.packed(lambda: pack_floats(self.weights[None]), (self.weights,), "floats")
        depth, columns = self.weights.shape
        given = to.float_product(packed, columns, self.finish, to.new(self.output))
        rows_times_floats(to, to.row(name), math.prod(to.values[name].shape[:-1]), depth, given)


def rows_times_floats(to: Lowering, x: Buffer, rows: int, depth: int, weights: Given) -> None:
    """All rows of ``x`` times one packed matrix."""
    counts = {"batch": 1, "rows": rows, "depth": depth, "matrices": 1, "is_packed": 1}
    to.call(GEMM_FLOATS, x=x, **counts, product=weights, scratch=None)


@dataclass(frozen=True, slots=True, eq=False)
class FloatMatMul(Step):
    """The matrix product of two values of float32, leading axes broadcast as in ``numpy.matmul``.

    Attributes:
        finish: what becomes of the sums.
    """

    finish: Finish

    is_product: ClassVar[bool] = True

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """Sums in the order of the depth."""
        left, right = inputs
        return float_products.product(left, right, self.finish).reshape(out.shape)

    def lower(self, to: Lowering) -> None:
        """FloatMatMul: the kernel packs the right matrices on the way."""
        out_shape = to.values[self.output].shape
        left, right = (to.values[name].shape for name in self.inputs)
        batch, (rows, columns) = out_shape[:-2], out_shape[-2:]
        depth, count = left[-1], math.prod(batch)
        b = to.row(self.inputs[1])
        if math.prod(right[:-2]) == 1:
            matrices, count, rows = 1, 1, count * rows
        else:
            matrices, b = count, repeated(self.inputs[1], batch, to)
        given = {"weights": b, **to.finish(self.finish, columns, to.new(self.output))}
        counts = {"batch": count, "rows": rows, "depth": depth, "matrices": matrices, "is_packed": 0}
        scratch = to.buffer(plain_scratch(depth))
        to.call(GEMM_FLOATS, x=repeated(self.inputs[0], batch, to), **counts, product=given, scratch=scratch)


def repeated(name: str, batch: tuple[int, ...], to: Lowering) -> Buffer:
    """A value's matrices, one for each place of a batch: the value itself, or a copy where it broadcasts."""
    own, x = to.values[name].shape, to.row(name)
    if math.prod(own[:-2]) == math.prod(batch):
        return x
    full = (*(1,) * (len(batch) + 2 - len(own)), *own)
    shape = (*batch, *own[-2:])
    out = to.buffer(math.prod(shape) * to.width(name))
    copy = box(shape, repeating(full, strides_of(full)), strides_of(shape), to.width(name))
    to.call(COPY, x=x, out=out, table=None, **copy)
    return out


def product_by_constant(
    planner: Planner, name: str, weights: NDArray[np.float32], finish: Finish | None = None
) -> Deferred:
    """Rows of a float value times a constant matrix (K, N)."""
    x = float_input(planner, name)
    shape = planner.values[x].shape
    if not shape or weights.shape[0] != shape[-1]:
        raise UnsupportedError(f"a matrix of shape {weights.shape} does not fit input {shape}")
    columns = weights.shape[1]
    planner.room.work(math.prod(shape) * columns)
    own = finish or Finish(np.zeros(columns, np.float32))

    def times(matrix: NDArray[np.float32]) -> Make:
        return lambda output, how: FloatProduct((x,), output, matrix, how)

    shape = (*shape[:-1], columns)
    return float_result(planner, shape, times(weights), own, scaled=lambda factors: times(weights * factors))


def product_of_values(planner: Planner, a: str, b: str, finish: Finish | None = None) -> Deferred:
    """The product of two values of the program, both of float32."""
    sizes, others = planner.values[a].shape, planner.values[b].shape
    if min(len(sizes), len(others)) < 2 or sizes[-1] != others[-2]:
        raise UnsupportedError(f"a product of shapes {sizes} and {others} is not supported")
    shape = (*np.broadcast_shapes(sizes[:-2], others[:-2]), sizes[-2], others[-1])
    if len(shape) > _MOST_AXES:
        raise UnsupportedError(f"values of {len(shape)} axes are not supported")
    planner.room.work(math.prod(shape) * sizes[-1])
    own = finish or Finish(np.zeros(shape[-1], np.float32))
    return float_result(planner, shape, lambda output, how: FloatMatMul((a, b), output, how), own)


def turned(planner: Planner, name: str) -> str:
    """The transpose of a computed matrix: a step that copies."""
    value = float_input(planner, name)
    rows, columns = planner.values[value].shape
    output = f"{value}:turned"
    if output not in planner.values:
        view = Box((1, 0), (0, 0), (1, 1), (columns, rows))
        planner.emit(View((value,), output, view), (columns, rows), "float32")
    return output


def float_matrix(planner: Planner, name: str) -> NDArray[np.float32] | None:
    """A constant matrix; None if a tensor is computed, or no matrix."""
    if not planner.is_constant(name) or len(planner.shape(name)) != 2:
        return None
    return float_constant(planner, name, "matrix")

"""Kernel calls for what is neither a product by constant weights nor a pool: moves, rows, elementwise, two activations.

Everything that moves codes is a copy of a box: a start and a stride, in bytes, for each axis on both sides.
"""

from __future__ import annotations

import math
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.engines import step_classes as p
from playground.engines.kernel_program import At, Buffer
from playground.engines.packing import STRIP, Values, packed_bytes
from playground.errors import EngineError

if TYPE_CHECKING:
    from playground.engines.lowering import Lowering

_RANK = 6  # of k_copy
_OPERAND_RANK = 4  # of k_add_broadcast_s8


@singledispatch
def lower_more(step: p.Step, to: Lowering) -> None:
    """Append the kernel calls of one step."""
    raise EngineError(f"no kernel for the step {type(step).__name__}")


def _strides(shape: tuple[int, ...], *, image: bool) -> list[int]:
    """Elements between neighbours along each axis, of an array or of one kept as an NHWC image."""
    if image:
        _, channels, height, width = shape
        return [channels * height * width, 1, width * channels, channels]
    return [int(np.prod(shape[i + 1 :], dtype=np.int64)) for i in range(len(shape))]


def _whole(values: list[int], rank: int, fill: int) -> list[int]:
    return [fill] * (rank - len(values)) + values


def _box(shape: tuple[int, ...], x_strides: list[int], out_strides: list[int], width: int) -> list[int]:
    """Sizes and strides (in bytes) as k_copy takes them, the output's densest axis last."""
    order = sorted(range(len(shape)), key=lambda i: -out_strides[i])
    sizes, a, b = ([v[i] * by for i in order] for v, by in ((shape, 1), (x_strides, width), (out_strides, width)))
    merged = _merged(list(zip(sizes, a, b, strict=True)))
    sizes, a, b = ([row[i] for row in merged] for i in range(3))
    return [*_whole(sizes, _RANK, 1), *_whole(a, _RANK, 0), *_whole(b, _RANK, 0)]


def _merged(axes: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The same box with fewer axes: neighbours that are dense in each other on both sides become one."""
    made: list[tuple[int, int, int]] = []
    for size, a, b in (axis for axis in axes if axis[0] != 1):
        if made and made[-1][1:] == (a * size, b * size):
            made[-1] = (made[-1][0] * size, a, b)
        else:
            made.append((size, a, b))
    return made


def place(to: Lowering, *names: str) -> tuple[bool, list[Buffer]]:
    """Whether these values are all taken as images, and where they are."""
    ranks = {len(to.values[name].shape) for name in names}
    image = ranks == {4} and any(to.is_image(name) for name in names)
    return image, [to.image(name) if image else to.row(name) for name in names]


def _width(to: Lowering, name: str) -> int:
    return np.dtype(to.values[name].dtype).itemsize


@lower_more.register(p.View)
def _(step: p.View, to: Lowering) -> None:
    (name,) = step.inputs
    image, (x,) = place(to, name)
    box, width = step.box, _width(to, name)
    keeps_axes = image and box.axes == (0, 1, 2, 3)
    x_strides = _strides(to.values[name].shape, image=image)
    first = sum(start * x_strides[axis] for axis, start in zip(box.axes, box.starts, strict=True) if axis >= 0)
    strides = [0 if axis < 0 else x_strides[axis] * by for axis, by in zip(box.axes, box.steps, strict=True)]
    out = to.new(step.output, image=keeps_axes)
    copied = _box(box.shape, strides, _strides(box.shape, image=keeps_axes), width)
    to.call("k_copy", At(x, first * width), out, width, 0, *copied)


@lower_more.register(p.Concat)
def _(step: p.Concat, to: Lowering) -> None:
    image, parts = place(to, *step.inputs)
    shape, width = to.values[step.output].shape, _width(to, step.output)
    out, out_strides = to.new(step.output, image=image), _strides(shape, image=image)
    begin = 0
    for name, part in zip(step.inputs, parts, strict=True):
        size = to.values[name].shape
        box = _box(size, _strides(size, image=image), out_strides, width)
        to.call("k_copy", part, At(out, begin * out_strides[step.axis] * width), width, 0, *box)
        begin += size[step.axis]


@lower_more.register(p.Pad)
def _(step: p.Pad, to: Lowering) -> None:
    (name,) = step.inputs
    image, (x,) = place(to, name)
    shape, size = to.values[step.output].shape, to.values[name].shape
    out, out_strides = to.new(step.output, image=image), _strides(shape, image=image)
    first, width = sum(n * stride for n, stride in zip(step.before, out_strides, strict=True)), _width(to, name)
    box = _box(size, _strides(size, image=image), out_strides, width)
    to.call("k_pad", out, out.nbytes, step.value, x, At(out, first * width), width, 0, *box)


@lower_more.register(p.Resize)
def _(step: p.Resize, to: Lowering) -> None:
    (name,) = step.inputs
    n, channels, height, width = to.values[name].shape
    x, out = to.image(name), to.new(step.output, image=True)
    tables = to.constant(step.lines), to.constant(step.columns)
    to.call("k_resize_nearest", x, n, height, width, channels, step.lines.size, step.columns.size, *tables, out)


@lower_more.register(p.Gather)
def _(step: p.Gather, to: Lowering) -> None:
    name, chosen = step.inputs
    shape, width = to.values[name].shape, _width(to, name)
    outer, row = (int(np.prod(s, dtype=np.int64)) for s in (shape[: step.axis], shape[step.axis + 1 :]))
    count = int(np.prod(to.values[chosen].shape, dtype=np.int64))
    x, indices, out = to.row(name), to.row(chosen), to.new(step.output)
    to.call("k_gather", x, outer, shape[step.axis], row * width, indices, count, _width(to, chosen), out)


@lower_more.register(p.Softmax)
def _(step: p.Softmax, to: Lowering) -> None:
    (name,) = step.inputs
    columns = to.values[name].shape[-1]
    x, out, scratch = to.row(name), to.new(step.output), to.buffer(4 * columns)
    args = (to.values[name].nbytes // columns, columns, to.is_signed(name), to.constant(step.exps), step.ratio)
    to.call("k_softmax_s8", x, *args, *to.epilogue(step.to, out), scratch)


@lower_more.register(p.LayerNorm)
def _(step: p.LayerNorm, to: Lowering) -> None:
    (name,) = step.inputs
    columns = to.values[name].shape[-1]
    x, out = to.row(name), to.new(step.output)
    args = (to.values[name].nbytes // columns, columns, to.is_signed(name), step.x_zero_point, True, step.epsilon)
    parameters = (to.constant(step.gamma), to.constant(step.beta))
    to.call("k_layer_norm_s8", x, *args, *parameters, *to.epilogue(step.to, out))


def lower_broadcast(kernel: str, step: p.Add | p.Mul, factors: tuple[Any, ...], to: Lowering) -> None:
    """A call of an elementwise kernel whose operands broadcast against each other."""
    shape = to.values[step.output].shape
    image = len(shape) == _OPERAND_RANK and any(to.is_image(name) for name in step.inputs)
    image = image and all(_as_image(to.values[name].shape) for name in step.inputs if not to.is_image(name))
    out = to.new(step.output, image=image)
    places, strides = [], []
    for name in step.inputs:
        size = (*(1,) * (len(shape) - len(to.values[name].shape)), *to.values[name].shape)
        places.append(to.image(name) if image and to.is_image(name) else to.row(name))
        steps = _strides(size, image=image)
        strides.append([0 if n == 1 else by for n, by in zip(size, steps, strict=True)])
    order = (0, 2, 3, 1) if image else range(len(shape))
    axes = [(shape[i], strides[0][i], strides[1][i]) for i in order]
    merged = _merged(axes) or [(1, 1, 1)]
    sizes, a, b = ([row[i] for row in merged] for i in range(3))
    signs = [v for n, z in zip(step.inputs, step.zero_points, strict=True) for v in (to.is_signed(n), z)]
    words = (*_whole(sizes, _OPERAND_RANK, 1), *_whole(a, _OPERAND_RANK, 0), *_whole(b, _OPERAND_RANK, 0))
    to.call(kernel, *places, *words, *signs, *factors, *to.epilogue(step.to, out))


def _as_image(shape: tuple[int, ...]) -> bool:
    """Whether an array's bytes are those of an NHWC image of the same shape, one-sized axes before it left out."""
    channels, height, width = (*(1,) * 3, *shape)[-3:]
    return channels == 1 or height * width == 1


@lower_more.register(p.Mul)
def _(step: p.Mul, to: Lowering) -> None:
    lower_broadcast("k_mul_s8", step, (step.ratio,), to)


@lower_more.register(p.ActivationMatMul)
def _(step: p.ActivationMatMul, to: Lowering) -> None:
    """The right matrices are packed as weights are, but while the program runs; then all are multiplied by one call."""
    out_shape = to.values[step.output].shape
    batch, (rows, columns) = out_shape[:-2], out_shape[-2:]
    depth = to.values[step.inputs[0]].shape[-1]
    right = to.values[step.inputs[1]].shape[:-2]
    matrices = 1 if math.prod(right) == 1 else math.prod(batch)
    a = _repeated(step.inputs[0], batch, to)
    b = to.row(step.inputs[1]) if matrices == 1 else _repeated(step.inputs[1], batch, to)
    (za, zb), (a_signed, b_signed) = step.zero_points, map(to.is_signed, step.inputs)
    values = Values(a_signed, za, to.dot)
    padded = -(-columns // STRIP) * STRIP
    packed = to.buffer(matrices * packed_bytes(depth, columns, to.dot))
    folded, shift = to.buffer(4 * matrices * padded), to.buffer(4 * matrices * padded)
    zero_points = to.constant(np.full(matrices * columns, zb, np.int32))
    shape = (matrices, depth, columns, columns, 1, values.shifted_zero_point)
    bias = to.constant(np.zeros(columns, np.int32))
    to.call("k_pack_weights", b, b_signed, zero_points, *shape, bias, packed, folded, shift)
    out, multiplier = to.new(step.output), to.constant(np.full(padded, step.multiplier, np.float32))
    product = (packed, folded, shift, multiplier, columns, *to.epilogue(step.to, out))
    scratch = to.buffer(values.scratch_bytes(depth))
    to.call("k_gemm_s8", a, math.prod(batch), rows, depth, matrices, *values.source, *product, scratch)


def _repeated(name: str, batch: tuple[int, ...], to: Lowering) -> Buffer:
    """A value's matrices, one for each place of a batch: the value itself, or a copy where it broadcasts."""
    own, x = to.values[name].shape, to.row(name)
    if math.prod(own[:-2]) == math.prod(batch):
        return x
    full = (*(1,) * (len(batch) + 2 - len(own)), *own)
    shape = (*batch, *own[-2:])
    steps = _strides(full, image=False)
    strides = [0 if n == 1 else by for n, by in zip(full, steps, strict=True)]
    out = to.buffer(math.prod(shape) * _width(to, name))
    to.call("k_copy", x, out, 1, 0, *_box(shape, strides, _strides(shape, image=False), 1))
    return out

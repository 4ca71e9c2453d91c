"""Turns the steps of an integer program into kernel calls. Images are NHWC here, where the program says NCHW."""

from __future__ import annotations

from functools import singledispatchmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines import program as p
from playground.engines.flat import FOREVER, Argument, Buffer, FlatBuilder
from playground.engines.integer_ops import Target, Window
from playground.errors import EngineError

BLOCK_ROWS = 32  # of wasm_kernels/kernels.h
_CODES, _FLOATS = 0, 1


class Lowering:
    """Where each value is, in which layout, and the kernel calls that make it.

    Attributes:
        inputs: the program's inputs, as they are fed (NCHW).
    """

    def __init__(self, builder: FlatBuilder, program: p.Program) -> None:
        """Set inputs and constants in place."""
        self._builder, self._values = builder, program.values
        self._rows: dict[str, Buffer] = {}  # as NumPy has them
        self._images: dict[str, Buffer] = {}  # NHWC
        self.inputs = {name: builder.buffer(self._values[name].nbytes, kept=True) for name in program.inputs}
        self._rows.update(self.inputs)
        self._rows.update({name: builder.constant(array) for name, array in program.constants.items()})

    def result(self, name: str) -> Buffer:
        """A value in its NumPy layout, whose bytes stay until the next run."""
        buffer = self._row(name)
        buffer.used_at(FOREVER)  # later results may still need calls of their own
        return buffer

    def _is_signed(self, name: str) -> bool:
        return self._values[name].dtype == "int8"

    def _row(self, name: str) -> Buffer:
        if name not in self._rows:
            self._rows[name] = self._transposed(name, self._images[name], to_image=False)
        return self._rows[name]

    def _image(self, name: str) -> Buffer:
        if name not in self._images:
            self._images[name] = self._transposed(name, self._rows[name], to_image=True)
        return self._images[name]

    def _transposed(self, name: str, source: Buffer, *, to_image: bool) -> Buffer:
        value = self._values[name]
        n, channels, height, width = value.shape
        pixels = height * width
        if channels == 1 or pixels == 1:
            return source
        out = self._builder.buffer(value.nbytes)
        rows, columns = (channels, pixels) if to_image else (pixels, channels)
        self._builder.call("k_transpose", source, n, rows, columns, np.dtype(value.dtype).itemsize, out)
        return out

    def _alike(self, *names: str) -> tuple[dict[str, Buffer], list[Buffer]]:
        """One layout that all of these values can be read in, the one that the first is in already."""
        if names[0] in self._images:
            return self._images, [self._image(name) for name in names]
        return self._rows, [self._row(name) for name in names]

    def _new(self, place: dict[str, Buffer], name: str) -> Buffer:
        place[name] = self._builder.buffer(self._values[name].nbytes)
        return place[name]

    def _epilogue(self, to: Target, out: Buffer) -> tuple[Argument, ...]:
        return to.lo, to.hi, to.zero_point, _FLOATS if to.dtype == "float32" else _CODES, out

    @singledispatchmethod
    def lower(self, step: p.Step) -> None:
        """Append the kernel calls of one step."""
        raise EngineError(f"no kernel for the step {type(step).__name__}")

    @lower.register
    def _(self, step: p.Quantize) -> None:
        place, (x,) = self._alike(step.inputs[0])
        limits = np.iinfo(self._values[step.output].dtype)
        parameters = (np.array([step.scale], np.float32), np.array([step.zero_point], np.int32))
        scale, zero_point = (self._builder.constant(array) for array in parameters)
        out = self._new(place, step.output)
        n = out.nbytes
        args = (x, 1, 1, n, scale, zero_point, limits.min, limits.max, 0, 0, 0, out)
        self._builder.call("k_quantize", *args)

    @lower.register
    def _(self, step: p.Lookup) -> None:
        place, (x,) = self._alike(step.inputs[0])
        table = self._builder.constant(step.table)
        out = self._new(place, step.output)
        self._builder.call("k_lookup", x, x.nbytes, table, step.table.itemsize, out)

    @lower.register
    def _(self, step: p.Product) -> None:
        (name,) = step.inputs
        depth, columns = step.weights.shape
        rows = self._values[name].nbytes // depth
        weights = self._builder.constant(packed(step.weights[None]))
        scratch = self._builder.buffer(BLOCK_ROWS * (depth + depth % 2) * 2)
        x, out = self._row(name), self._new(self._rows, step.output)
        product = (weights, *self._per_channel(step), columns, *self._epilogue(step.to, out))
        args = (x, rows, depth, self._is_signed(name), step.x_zero_point, *product, scratch)
        self._builder.call("k_gemm_s8", *args)

    def _per_channel(self, step: p.Product | p.Conv) -> tuple[Buffer, Buffer]:
        return self._builder.constant(step.bias), self._builder.constant(step.multiplier)

    @lower.register
    def _(self, step: p.Conv) -> None:
        (name,) = step.inputs
        x, out = self._image(name), self._new(self._images, step.output)
        source = (self._is_signed(name), step.x_zero_point)
        epilogue = self._epilogue(step.to, out)
        if step.depthwise:
            weights = self._builder.constant(np.ascontiguousarray(step.weights[:, 0].transpose(1, 2, 0)))
            args = (*source, weights, *self._per_channel(step), *epilogue)
            self._builder.call("k_depthwise_s8", x, *self._geometry(name, step.window), *args)
            return
        columns = step.weights.shape[0] // step.groups
        depth = int(np.prod(step.weights.shape[1:]))
        by_group = step.weights.reshape(step.groups, columns, *step.weights.shape[1:])
        matrices = by_group.transpose(0, 3, 4, 2, 1).reshape(step.groups, depth, columns)
        weights = self._builder.constant(packed(matrices))
        scratch = self._builder.buffer(BLOCK_ROWS * (depth + depth % 2) * 2)
        product = (weights, *self._per_channel(step), columns, *epilogue)
        args = (step.groups, *source, *product, scratch)
        self._builder.call("k_conv_s8", x, *self._geometry(name, step.window), *args)

    def _geometry(self, name: str, window: Window) -> tuple[int, ...]:
        """What all image kernels begin with: batch, height, width, channels, the window, the size of the output."""
        n, channels, height, width = self._values[name].shape
        how = (*window.kernel, *window.strides, *window.dilations, *window.pads)
        return n, height, width, channels, *how, *window.out

    @lower.register
    def _(self, step: p.Add) -> None:
        place, (a, b) = self._alike(*step.inputs)
        out = self._new(place, step.output)
        (za, zb), (ra, rb) = step.zero_points, step.ratios
        a_signed, b_signed = (self._is_signed(name) for name in step.inputs)
        self._builder.call(
            "k_add_s8", a, b, a.nbytes, a_signed, za, b_signed, zb, ra, rb, *self._epilogue(step.to, out)
        )

    @lower.register
    def _(self, step: p.MaxPool) -> None:
        (name,) = step.inputs
        x, out = self._image(name), self._new(self._images, step.output)
        self._builder.call("k_maxpool_s8", x, *self._geometry(name, step.window), self._is_signed(name), out)

    @lower.register
    def _(self, step: p.AveragePool) -> None:
        (name,) = step.inputs
        x, out = self._image(name), self._new(self._images, step.output)
        source = (self._is_signed(name), step.x_zero_point, step.ratio, step.count_padding)
        args = (*source, *self._epilogue(step.to, out))
        self._builder.call("k_avgpool_s8", x, *self._geometry(name, step.window), *args)

    @lower.register
    def _(self, step: p.Reshape) -> None:
        self._rows[step.output] = self._row(step.inputs[0])


def packed(weights: NDArray[np.int16]) -> NDArray[np.int16]:
    """Weights (groups, depth, columns) in the layout that ``k_pack_weights`` makes of codes.

    That is (groups, columns / 8, depth / 2, 8, 2), rounded up and filled with zeros.
    """
    groups, depth, columns = weights.shape
    padded: NDArray[Any] = np.pad(weights, ((0, 0), (0, depth % 2), (0, -columns % 8)))
    blocks = padded.reshape(groups, (depth + 1) // 2, 2, -1, 8)
    return np.ascontiguousarray(blocks.transpose(0, 3, 1, 4, 2))

"""Turns the steps of an integer program into kernel calls. Images are NHWC here, where the program says NCHW."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatchmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines import lowering_floats  # noqa: F401  its steps are registered when it is imported
from playground.engines import step_classes as p
from playground.engines.depthwise import pack_depthwise, scratch_bytes
from playground.engines.kernel_program import FOREVER, Argument, Buffer, KernelProgramBuilder
from playground.engines.lowering_more import lower_broadcast, lower_more
from playground.engines.packing import Packed, Values, pack
from playground.engines.shared_weights import SharedWeights
from playground.host.kernel_module import Dot
from playground.programs.integer_ops import Target, Window

_CODES = 0
_KINDS = {"float32": 1, "int32": 2}  # struct epilogue's kind


class Lowering:
    """Where each value is, in which layout, and the kernel calls that make it.

    Attributes:
        inputs: the program's inputs, as they are fed (NCHW).
        values: shape and dtype of everything.
        dot: how the kernels multiply.
    """

    def __init__(
        self, builder: KernelProgramBuilder, program: p.Program, dot: Dot, weights: SharedWeights | None = None
    ) -> None:
        """Set inputs and constants in place.

        Args:
            builder: collects the calls.
            program: whose steps will be lowered.
            dot: how the kernels multiply (``Kernels.dot``).
            weights: where packed weights are kept that other programs use too; else they lie in the arena.
        """
        self._weights = weights
        self._builder, self.values, self.dot = builder, program.values, dot
        self._rows: dict[str, Buffer] = {}  # as NumPy has them
        self._images: dict[str, Buffer] = {}  # NHWC
        self.inputs = {name: builder.buffer(self.values[name].nbytes, kept=True) for name in program.inputs}
        self._rows.update(self.inputs)
        self._rows.update({name: builder.constant(array) for name, array in program.constants.items()})

    def result(self, name: str) -> Buffer:
        """A value in its NumPy layout, whose bytes stay until the next run."""
        buffer = self.row(name)
        buffer.used_at(FOREVER)  # later results may still need calls of their own
        return buffer

    def call(self, kernel: str, *args: Argument) -> None:
        """Append a kernel call."""
        self._builder.call(kernel, *args)

    def buffer(self, nbytes: int) -> Buffer:
        """Room for what one step needs besides its output."""
        return self._builder.buffer(nbytes)

    def constant(self, array: NDArray[Any]) -> Buffer:
        """An array that is known."""
        return self._builder.constant(array)

    def new(self, name: str, *, image: bool = False) -> Buffer:
        """Room for a value, as NumPy has it or as an NHWC image."""
        return self._new(self._images if image else self._rows, name)

    def is_image(self, name: str) -> bool:
        """Whether a value is kept as an NHWC image."""
        return name in self._images

    def is_signed(self, name: str) -> bool:
        """Whether its codes are int8."""
        return self.values[name].dtype == "int8"

    def row(self, name: str) -> Buffer:
        """A value as NumPy has it."""
        if name not in self._rows:
            self._rows[name] = self._transposed(name, self._images[name], to_image=False)
        return self._rows[name]

    def image(self, name: str) -> Buffer:
        """A value as an NHWC image."""
        if name not in self._images:
            self._images[name] = self._transposed(name, self._rows[name], to_image=True)
        return self._images[name]

    def _transposed(self, name: str, source: Buffer, *, to_image: bool) -> Buffer:
        value = self.values[name]
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
            return self._images, [self.image(name) for name in names]
        return self._rows, [self.row(name) for name in names]

    def _new(self, place: dict[str, Buffer], name: str) -> Buffer:
        place[name] = self._builder.buffer(self.values[name].nbytes)
        return place[name]

    def epilogue(self, to: Target, out: Buffer) -> tuple[Argument, ...]:
        """The words of struct epilogue."""
        return to.lo, to.hi, to.zero_point, _KINDS.get(to.dtype, _CODES), out

    @singledispatchmethod
    def lower(self, step: p.Step) -> None:
        """Append the kernel calls of one step."""
        lower_more(step, self)

    @lower.register
    def _(self, step: p.Quantize) -> None:
        place, (x,) = self._alike(step.inputs[0])
        limits = np.iinfo(self.values[step.output].dtype)
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
        x = self.row(name)
        values = Values(self.is_signed(name), step.x_zero_point, self.dot)
        out = self._new(self._rows, step.output)
        depth, columns = step.weights.shape
        product = self._product(
            step, lambda: pack(step.weights[None], step.bias, step.multiplier, values), columns, out
        )
        self._gemm(x, depth, values, product)

    @lower.register
    def _(self, step: p.Conv) -> None:
        (name,) = step.inputs
        x, out = self.image(name), self._new(self._images, step.output)
        if step.depthwise:
            self._depthwise(step, x, out)
            return
        values = Values(self.is_signed(name), step.x_zero_point, self.dot)
        columns, depth = step.weights.shape[0] // step.groups, int(np.prod(step.weights.shape[1:]))

        def packed() -> Packed:
            by_group = step.weights.reshape(step.groups, columns, *step.weights.shape[1:])
            matrices = by_group.transpose(0, 3, 4, 2, 1).reshape(step.groups, depth, columns)
            return pack(matrices, step.bias, step.multiplier, values)

        product = self._product(step, packed, columns, out)
        if step.groups == 1 and step.window.is_pointwise(self.values[name].shape[2:]):
            self._gemm(x, depth, values, product)
            return
        scratch = self._builder.buffer(values.scratch_bytes(depth))
        args = (*self.geometry(name, step.window), step.groups, *values.source, *product, scratch)
        self._builder.call("k_conv_s8", x, *args)

    def _gemm(self, x: Buffer, depth: int, values: Values, product: tuple[Argument, ...]) -> None:
        """All of ``x``, as rows of ``depth`` codes, through a product."""
        scratch = self._builder.buffer(values.scratch_bytes(depth))
        self._builder.call("k_gemm_s8", x, 1, x.nbytes // depth, depth, 1, *values.source, *product, scratch)

    def _product(
        self, step: p.Product | p.Conv, make: Callable[[], Packed], columns: int, out: Buffer
    ) -> tuple[Argument, ...]:
        """The fields of ``struct product``."""
        constant = self._builder.constant
        if self._weights is None:
            packed = make()
            weights: Argument = constant(packed.weights)
        else:
            packed, weights = self._weights.packed(step.output, make)
        shift = 0 if packed.shift is None else constant(packed.shift)
        return weights, constant(packed.bias), shift, constant(packed.multiplier), columns, *self.epilogue(step.to, out)

    def _depthwise(self, step: p.Conv, x: Buffer, out: Buffer) -> None:
        (name,) = step.inputs
        constant = self._builder.constant
        values = Values(self.is_signed(name), step.x_zero_point, self.dot)
        packed = pack_depthwise(step.weights[:, 0], step.bias, values)
        parameters = (constant(packed.weights), packed.planes, constant(packed.bias), constant(step.multiplier))
        scratch = self._builder.buffer(scratch_bytes(step.window, self.dot))
        args = (*values.source, *parameters, *self.epilogue(step.to, out), scratch)
        self._builder.call("k_depthwise_s8", x, *self.geometry(name, step.window), *args)

    def geometry(self, name: str, window: Window) -> tuple[int, ...]:
        """What all image kernels begin with: batch, height, width, channels, the window, the size of the output."""
        n, channels, height, width = self.values[name].shape
        how = (*window.kernel, *window.strides, *window.dilations, *window.pads)
        return n, height, width, channels, *how, *window.out

    @lower.register
    def _(self, step: p.Add) -> None:
        if len({self.values[name].shape for name in step.inputs}) > 1:
            lower_broadcast("k_add_broadcast_s8", step, step.ratios, self)
            return
        place, (a, b) = self._alike(*step.inputs)
        out = self._new(place, step.output)
        (za, zb), (ra, rb) = step.zero_points, step.ratios
        a_signed, b_signed = (self.is_signed(name) for name in step.inputs)
        self._builder.call("k_add_s8", a, b, a.nbytes, a_signed, za, b_signed, zb, ra, rb, *self.epilogue(step.to, out))

    @lower.register
    def _(self, step: p.MaxPool) -> None:
        (name,) = step.inputs
        x, out = self.image(name), self._new(self._images, step.output)
        self._builder.call("k_maxpool_s8", x, *self.geometry(name, step.window), self.is_signed(name), out)

    @lower.register
    def _(self, step: p.AveragePool) -> None:
        (name,) = step.inputs
        x, out = self.image(name), self._new(self._images, step.output)
        n, channels, *size = self.values[name].shape
        if step.window == Window((size[0], size[1]), (1, 1)):
            args = (self.is_signed(name), step.x_zero_point, step.ratio, *self.epilogue(step.to, out))
            self._builder.call("k_global_average_s8", x, n, size[0] * size[1], channels, *args)
            return
        source = (self.is_signed(name), step.x_zero_point, step.ratio, step.count_padding)
        args = (*source, *self.epilogue(step.to, out))
        self._builder.call("k_avgpool_s8", x, *self.geometry(name, step.window), *args)

    @lower.register
    def _(self, step: p.Reshape) -> None:
        self._rows[step.output] = self.row(step.inputs[0])

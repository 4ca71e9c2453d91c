"""Where a program's values are while it becomes kernel calls. Images are NHWC here, where the program says NCHW."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import MissingError, PlaygroundError, UnsupportedError, shown
from playground.host.kernel import Kernel, octets
from playground.programs import program as p
from playground.programs.float_products import Finish, PackedFloats, padded_columns
from playground.programs.integer_ops import Target, Window
from playground.programs.kernel_parts import ACCUMULATORS, CODES, FLOATS
from playground.programs.kernel_program import FOREVER, Buffer, KernelProgramBuilder
from playground.programs.packing import Packed
from playground.programs.shared_weights import AnyPacked, Shared, SharedWeights

TRANSPOSE = Kernel(
    "k_transpose",
    {name: octets("outer", "rows", "columns", "width") for name in ("x", "out")},
    ranges={"width": (1, 4)},
)

Given = dict[str, Any]
"""Arguments of a kernel by field name, or those of a struct inside."""

NOTHING_ADDED: Given = {"added": None, "ratio": 1.0, "inner_lo": 0.0, "inner_hi": 0.0}
"""What ``struct product`` says where no row is added to the codes."""

_LINES, _HEIGHT = 3, (1,)
"""Axes of signals (N, C, L), which may be kept as images of this height."""

_KINDS = {"float32": FLOATS, "int32": ACCUMULATORS}


class Lowering:
    """Where each value is, in which layout, and the kernel calls that make it.

    Attributes:
        inputs: the program's inputs, as they are fed (NCHW).
        values: shape and dtype of everything.
        dot: how the kernels multiply.
        kept: packed weights that lie outside the arena.
        found: buffers in which kernels count what they find wrong: with the value that they made, and what it is.
    """

    def __init__(self, builder: KernelProgramBuilder, program: p.Program, weights: SharedWeights | None = None) -> None:
        """Set inputs and constants in place.

        Args:
            builder: collects the calls.
            program: whose steps will be lowered.
            weights: where packed weights are kept that other programs use too; else they lie in the arena.
        """
        self._weights = weights
        self._builder, self.values, self.dot = builder, program.values, builder.dot
        self.kept: list[Shared[Any]] = []
        self.found: list[tuple[Buffer, str, tuple[str, str]]] = []
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

    def lower(self, step: p.Step) -> None:
        """Append the kernel calls of one step.

        Raises:
            UnsupportedError: no kernel takes its sizes.
        """
        try:
            step.lower(self)
        except UnsupportedError as error:
            raise error.at(error.where or step.output) from error
        except MissingError:
            raise
        except Exception as error:
            said = str(error) if isinstance(error, PlaygroundError) else shown(error)
            what = f"the kernels cannot compute this ({said})"
            raise UnsupportedError(what, where=step.output, hint="Use engine='onnxruntime'") from error

    def call(self, kernel: Kernel, /, **given: Any) -> None:
        """Append a kernel call: see :meth:`KernelProgramBuilder.call`."""
        self._builder.call(kernel, **given)

    def buffer(self, nbytes: int) -> Buffer:
        """Room for what one step needs besides its output."""
        return self._builder.buffer(nbytes)

    def constant(self, array: NDArray[Any]) -> Buffer:
        """An array that is known."""
        return self._builder.constant(array)

    def faults(self, output: str, what: str, hint: str) -> Buffer:
        """Room for the number of faults that a kernel finds while it makes ``output``: with any, a run is an error."""
        buffer = self._builder.buffer(4, kept=True)
        self.found.append((buffer, output, (what, hint)))
        return buffer

    def new(self, name: str, *, image: bool = False) -> Buffer:
        """Room for a value, as NumPy has it or as an NHWC image."""
        made = self._builder.buffer(self.values[name].nbytes)
        (self._images if image else self._rows)[name] = made
        return made

    def is_image(self, name: str, axes: int = 0) -> bool:
        """Whether a value is kept as an NHWC image, and has so many axes if that is asked."""
        return name in self._images and axes in (0, len(self.values[name].shape))

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
        n, channels, *size = value.shape
        pixels = math.prod(size)
        if channels == 1 or pixels == 1:
            return source
        out = self._builder.buffer(value.nbytes)
        rows, columns = (channels, pixels) if to_image else (pixels, channels)
        self.call(TRANSPOSE, x=source, outer=n, rows=rows, columns=columns, width=self.width(name), out=out)
        return out

    def rows(self, name: str) -> Given:
        """How many rows and columns a value has."""
        *outer, columns = self.values[name].shape
        return {"rows": math.prod(outer), "columns": columns}

    def width(self, name: str) -> int:
        """Bytes of one element of a value."""
        return np.dtype(self.values[name].dtype).itemsize

    def same_bytes(self, name: str, output: str) -> None:
        """A value has the very bytes of another one: as images, if that is kept so and they differ in a height of 1."""
        shapes = (self.values[value].shape for value in (name, output))
        own, made = ((*shape[:2], *_HEIGHT, *shape[2:]) if len(shape) == _LINES else shape for shape in shapes)
        if self.is_image(name) and own == made:
            self._images[output] = self._images[name]
        else:
            self._rows[output] = self.row(name)

    def alike(self, *names: str) -> tuple[bool, list[Buffer]]:
        """Whether all of these values are taken as images, as one of them is kept so; and where they are."""
        ranks = {len(self.values[name].shape) for name in names}
        image = len(ranks) == 1 and any(self.is_image(name) for name in names)
        return image, [self.image(name) if image else self.row(name) for name in names]

    def epilogue(self, to: Target, out: Buffer) -> Given:
        """``struct epilogue``."""
        kind = _KINDS.get(to.dtype, CODES)
        return {"lo": to.lo, "hi": to.hi, "zero_point": to.zero_point, "kind": kind, "out": out}

    def images(self, name: str, window: Window) -> Given:
        """``struct images``: a value as an image, and how a window moves over it."""
        n, channels, height, width = self.values[name].shape
        (kernel_h, kernel_w), (stride_h, stride_w) = window.kernel, window.strides
        (dilation_h, dilation_w), (top, left) = window.dilations, window.pads
        return {
            **{"x": self.image(name), "batch": n, "height": height, "width": width, "channels": channels},
            **{"kernel_h": kernel_h, "kernel_w": kernel_w, "stride_h": stride_h, "stride_w": stride_w},
            **{"dilation_h": dilation_h, "dilation_w": dilation_w, "pad_top": top, "pad_left": left},
            **{"out_height": window.out[0], "out_width": window.out[1]},
        }

    def packed(self, make: Callable[[], AnyPacked], of: tuple[NDArray[Any], ...], *how: object) -> AnyPacked:
        """Packed weights, shared with other programs where there is a place for that: see :class:`SharedWeights`."""
        if self._weights is None:
            return make()
        shared = self._weights.packed(make, of, *how)
        self.kept.append(shared)
        return shared.packed

    def placed(self, weights: NDArray[Any]) -> Buffer | NDArray[Any]:
        """Where packed weights lie: in the arena, or where other programs use them too."""
        return self.constant(weights) if self._weights is None else weights

    def product(self, packed: Packed, columns: int, to: Given, added: Given | None = None) -> Given:
        """``struct product``: packed weights, and what becomes of the sums; ``added`` as :data:`NOTHING_ADDED`."""
        constant = self.constant
        return {
            "weights": self.placed(packed.weights),
            "bias": constant(packed.bias),
            "shift": None if packed.shift is None else constant(packed.shift),
            "multiplier": constant(packed.multiplier),
            **(added or NOTHING_ADDED),
            "columns": columns,
            "to": to,
        }

    def float_product(self, packed: PackedFloats, columns: int, finish: Finish, out: Buffer, groups: int = 1) -> Given:
        """``struct float_product``: packed weights, and what becomes of the sums."""
        return {"weights": self.placed(packed.weights), **self.finish(finish, columns, out, groups)}

    def finish(self, finish: Finish, columns: int, out: Buffer, groups: int = 1) -> Given:
        """What becomes of the sums, of ``struct float_product``."""
        lo, hi = finish.limits
        bias = self.constant(padded_columns(finish.bias, groups))
        return {"bias": bias, "columns": columns, "alpha": finish.alpha, "lo": lo, "hi": hi, "out": out}

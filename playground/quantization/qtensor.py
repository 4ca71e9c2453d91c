"""Ranges, parameters and quantized tensors: ``real = scale * (decode(code) - zero_point) + offset``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground import notebook
from playground.arrays import Float32, as_float32, require_finite
from playground.calls import Public, public, public_class
from playground.errors import InvalidInputError, plural, shown
from playground.number_formats import Codes
from playground.quantization.block_storage import Part, packed_blocks, stored_nbytes
from playground.quantization.grouping import tile_of
from playground.quantization.other_names import ON_QTENSOR, QTENSOR_ATTRIBUTES
from playground.quantization.rotation import unrotate
from playground.quantization.scheme import Scheme
from playground.real_values import RealValues
from playground.units import size

Int32 = NDArray[np.int32]

TINY = 2.0**-126
"""The smallest normal float32."""

TILE = 1 << 15
"""Values per step: what is computed in between stays in the cache, and nothing of the whole tensor's size is made."""


class NoViewError(InvalidInputError, ValueError):
    """Real values without a copy. ``except ValueError`` sees it, as NumPy asks for."""


@public_class(
    "Range(-1.0, 1.0)",
    dict.fromkeys(("min", "max", "low", "high", "lower", "upper"), "lo and hi"),
    refused={"__getitem__": "Use range.lo and range.hi"},
)
@dataclass(frozen=True, slots=True, eq=False)
class Range(metaclass=Public):
    """The interval that codes have to cover, before zero is drawn into it.

    Attributes:
        lo: float32, of the scales' shape; given as a number, it holds for the whole tensor.
        hi: likewise, nowhere below ``lo``.

    Raises:
        InvalidInputError: a bound is NaN or infinite, the shapes differ, or ``lo > hi`` somewhere.
    """

    lo: Float32
    hi: Float32

    def __init__(self, lo: ArrayLike, hi: ArrayLike) -> None:
        """Take the bounds as anything that makes a float32 array."""
        low, high = as_float32(lo, "range.lo"), as_float32(hi, "range.hi")
        require_finite(low, "range.lo")
        require_finite(high, "range.hi")
        if low.shape != high.shape:
            raise InvalidInputError(
                f"lo has shape {low.shape} but hi has shape {high.shape}",
                where="range",
                hint="Give both bounds the same shape",
            )
        if (low > high).any():
            raise InvalidInputError("the lower bound lies above the upper bound", where="range", hint="Swap them")
        object.__setattr__(self, "lo", low)
        object.__setattr__(self, "hi", high)

    def __eq__(self, other: object) -> bool:
        """Whether the bounds are equal."""
        return isinstance(other, Range) and _equal(self.lo, other.lo) and _equal(self.hi, other.hi)

    def __hash__(self) -> int:
        """Of what equal ranges have in common."""
        return hash((self.lo.shape, float(self.lo.sum()), float(self.hi.sum())))

    def __iter__(self) -> Iterator[Float32]:
        """The two bounds, as in ``lo, hi = range``."""
        return iter((self.lo, self.hi))

    def __repr__(self) -> str:
        """The two numbers, or what the arrays span."""
        if self.lo.size == 1:
            return f"Range({self.lo.item():.6g}, {self.hi.item():.6g})"
        return f"Range({plural(self.lo.size, 'pair')} within {self.lo.min():.6g} to {self.hi.max():.6g})"

    def for_shape(self, shape: tuple[int, ...], scheme: Scheme) -> Range:
        """One entry per scale of a tensor of ``shape``; a single number is repeated for every scale.

        Raises:
            InvalidInputError: it has entries for another number of scales, or ``scheme`` does not fit ``shape``.
        """
        wanted = scheme.qparams_shape(shape)
        if self.lo.size != 1 and self.lo.shape != wanted:
            raise InvalidInputError(
                f"a range of shape {self.lo.shape} does not fit a tensor of shape {shape}",
                where="range",
                hint=f"Give one number, or arrays of shape {wanted}",
            )
        return Range(*(np.broadcast_to(b.reshape(() if b.size == 1 else wanted), wanted) for b in (self.lo, self.hi)))


def as_range(given: Any) -> Range:
    """A range from what people write for one: a range, or two numbers (InvalidInputError)."""
    if isinstance(given, Range):
        return given
    if isinstance(given, tuple | list) and len(given) == 2:
        return Range(*given)
    hint = "Use Range(-1.0, 1.0) or (-1.0, 1.0)"
    if isinstance(given, np.ndarray):
        raise InvalidInputError("an array is not a range", where="range", hint=f"{hint}; quantize(x) finds that of x")
    raise InvalidInputError(f"{shown(given)} is not a range", where="range", hint=hint)


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """What values are multiplied and then divided by to become steps, where ``1 / scale`` is not what a tool uses.

    Attributes:
        multiply: float32 of the scales' shape, or None.
        divide: likewise.
    """

    multiply: Float32 | None = None
    divide: Float32 | None = None


@public_class(
    "QParams(scale=0.1, zero_point=0)",
    {"scales": "scale", "zero_points": "zero_point", "zp": "zero_point", "bias": "offset"},
    refused={"__getitem__": "Use qparams.scale", "__iter__": "Use qparams.scale, qparams.zero_point"},
)
@dataclass(frozen=True, slots=True, eq=False)
class QParams(metaclass=Public):
    """Scales and what belongs to them, all of the same shape: see :class:`playground.quantization.grouping.Grouping`.

    Attributes:
        scale: float32, positive and normal (so that its reciprocal is finite), unless there are factors: then it may be
            zero or denormal; or a quantized tensor of scales, which may hold zero and negative ones too.
        zero_point: int32, the code that means 0; or float32.
        offset: float32, or a quantized tensor, that is added to what was scaled; None where there is none.
        codebook: float32 with one more axis at the end, the numbers that codes stand for, where the format leaves them
            to the data; else None.
        factors: how values become steps, where that is not by the scale itself. Not stored: it only serves encoding.

    Raises:
        InvalidInputError: a scale is not positive and finite, a zero-point is not a number, or the shapes differ.
    """

    scale: Float32 | QTensor
    zero_point: Int32 | Float32
    offset: Float32 | QTensor | None = None
    codebook: Float32 | None = None
    factors: Factors | None = None

    def __init__(
        self,
        scale: ArrayLike | QTensor,
        zero_point: ArrayLike = 0,
        offset: ArrayLike | QTensor | None = None,
        codebook: ArrayLike | None = None,
        factors: Factors | None = None,
    ) -> None:
        """Take them as anything that makes an array."""
        scales = scale if isinstance(scale, QTensor) else _checked_scale(scale, 0 if factors else TINY)
        points = np.asarray(zero_point)
        if points.dtype.kind not in "iuf":
            raise InvalidInputError(
                f"values of type {points.dtype} are not zero-points", where="zero_point", hint="Give integers or floats"
            )
        if points.dtype.kind == "f":
            points = require_finite(as_float32(points, "zero_point"), "zero_point")
        shift = offset if offset is None or isinstance(offset, QTensor) else as_float32(offset, "offset")
        book = None if codebook is None else require_finite(as_float32(codebook, "codebook"), "codebook")
        for name, held in (("zero_point", points), ("offset", shift)):
            if held is not None and held.shape != scales.shape:
                raise InvalidInputError(
                    f"shape {held.shape} is not the shape of the scales, {scales.shape}",
                    where=name,
                    hint="Give one number for each scale",
                )
        if book is not None and book.shape[:-1] != scales.shape:
            raise InvalidInputError(
                f"shape {book.shape} does not fit scales of shape {scales.shape}",
                where="codebook",
                hint="Give one codebook for each scale, its entries along the last axis",
            )
        object.__setattr__(self, "scale", scales)
        object.__setattr__(
            self, "zero_point", points if points.dtype.kind == "f" else points.astype(np.int32, copy=False)
        )
        object.__setattr__(self, "offset", shift)
        object.__setattr__(self, "codebook", book)
        object.__setattr__(self, "factors", factors)

    def __eq__(self, other: object) -> bool:
        """Whether all of it is equal."""
        return isinstance(other, QParams) and all(
            _equal(getattr(self, name), getattr(other, name)) for name in ("scale", "zero_point", "offset", "codebook")
        )

    def __hash__(self) -> int:
        """Of what equal parameters have in common."""
        return hash((self.scale.shape, float(self.scale_values.sum())))

    def __repr__(self) -> str:
        """The numbers, or what the arrays span."""
        points = f", zero-point {_span(self.zero_point)}" if self.zero_point.any() else ""
        return f"QParams({plural(math.prod(self.scale.shape), 'scale')}: {_span(self.scale_values)}{points})"

    @property
    def scale_values(self) -> Float32:
        """The scales as float32, decoded if they are quantized themselves."""
        return self.scale.dequantize() if isinstance(self.scale, QTensor) else self.scale

    @property
    def offset_values(self) -> Float32 | None:
        """The offsets as float32, decoded if they are quantized themselves; None where there are none."""
        return self.offset.dequantize() if isinstance(self.offset, QTensor) else self.offset


def _equal(one: Any, other: Any) -> bool:
    """Whether two arrays, quantized tensors or missing ones are the same."""
    if one is None or other is None:
        return one is other
    return np.shape(one) == np.shape(other) and bool(np.array_equal(one, other))


def _checked_scale(scale: ArrayLike, least: float) -> Float32:
    scales = require_finite(as_float32(scale, "scale"), "scale")
    if scales.size and scales.min() < least:
        raise InvalidInputError(
            f"{scales.min()} is not a valid scale", where="scale", hint="Use a positive number of at least 1.18e-38"
        )
    return scales


@public_class("quantize(x, 'int8')", attributes=QTENSOR_ATTRIBUTES, on_class=ON_QTENSOR, array="q.dequantize()")
@dataclass(frozen=True, slots=True, eq=False)
class QTensor(RealValues, metaclass=Public):
    """A quantized tensor: ``real = scale * (decode(code) - zero_point) + offset``.

    Arithmetic, comparisons and NumPy's functions take its real values, and give arrays.

    Attributes:
        codes: integers of the format's type, one element per code whatever the format, of ``shape``.
        qparams: its scales, zero-points and offsets.
        scheme: how it was made.
        shape: the tensor's shape.

    Raises:
        InvalidInputError: codes of another shape or type than the other fields say, or parameters that do not fit.
    """

    codes: Codes
    qparams: QParams
    scheme: Scheme
    shape: tuple[int, ...]

    _ARRAY = "q.dequantize()"

    def __post_init__(self) -> None:
        """Check that the parts fit each other."""
        wanted = self.scheme.element.dtype
        if self.codes.dtype != wanted or self.codes.shape != self.shape:
            raise InvalidInputError(
                f"{self.codes.dtype} codes of shape {self.codes.shape} do not fit this tensor",
                where="codes",
                hint=f"Give {wanted} codes of shape {self.shape}",
            )
        require_fit(self.qparams, self.scheme, self.shape)

    @property
    def scale(self) -> Float32:
        """The scales of ``qparams``, as numbers where they are stored in a format of their own."""
        return self.qparams.scale_values

    @property
    def zero_point(self) -> NDArray[Any]:
        """The zero-points of ``qparams``."""
        return self.qparams.zero_point

    @public("q.dequantize(), which is float32; q.dequantize().astype('float16') for another type")
    def dequantize(self) -> Float32:
        """The real values the codes stand for, float32 of ``shape``."""
        return dequantize(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The real values, for ``numpy.asarray`` and what calls it; ValueError if a copy is forbidden."""
        if copy is False:
            raise NoViewError("codes become real values in a new array", where="QTensor", hint="Leave copy out")
        return self.dequantize().astype(dtype or np.float32, copy=False)

    def __repr__(self) -> str:
        """Format, shape, scales and size, on one line."""
        facts = [f"shape {self.shape}", plural(math.prod(self.qparams.scale.shape), "scale"), size(self.nbytes)]
        return f"QTensor({self.scheme!r}, {', '.join(facts)})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the facts, and how often each code is used."""
        scales, points = self.qparams.scale_values, self.qparams.zero_point
        facts: list[tuple[str, object]] = [("shape", self.shape), ("scheme", self.scheme)]
        if self.scheme.is_scaled and scales.size:
            facts.append((plural(scales.size, "scale"), _span(scales)))
        if points.any():
            facts.append(("zero-point", _span(points)))
        facts.append(("size", f"{size(self.nbytes)}, {self.bits_per_weight:.3g} bits a weight"))
        return notebook.card("QTensor", facts, self._drawn_codes())

    def _drawn_codes(self) -> str:
        """How often codes are used, as bars: one a code, or one for some neighbours where there are many."""
        low, high = self.scheme.limits
        count = min(64, high - low + 1)
        used = np.histogram(self.codes, bins=count, range=(low - 0.5, high + 0.5))[0]
        what = "each code is" if count == high - low + 1 else "codes are"
        return notebook.bars(list(map(float, used)), f"how often {what} used, {low} to {high}")

    def packed(self) -> NDArray[np.uint8]:
        """The codes as stored: without gaps, the first in the lowest bits.

        GGUF's formats: whole blocks, scales included.
        """
        procedure, offset = self.scheme.procedure, self.qparams.offset
        if procedure is None:
            return self.scheme.element.pack(self.codes)
        parts = _block_part(self.qparams.scale), None if offset is None else _block_part(offset)
        size = self.scheme.block_size or procedure.values
        return packed_blocks(procedure, self.codes, self.scheme.block_axis, size, parts)

    @property
    def nbytes(self) -> int:
        """Bytes as stored: packed codes, scales, offsets and codebooks, and zero-points unless all are 0.

        Scales and offsets take 4 bytes each unless they are quantized; integer zero-points are packed like codes where
        they are codes. GGUF's formats are stored in whole blocks.
        """
        if self.scheme.procedure is not None:
            return stored_nbytes(self.scheme.procedure, self.shape, self.scheme.block_axis)
        offset = None if self.scheme.centre else self.qparams.offset
        parts = (self.qparams.scale if self.scheme.is_scaled else None, offset, self.qparams.codebook)
        extra = sum(part.nbytes for part in parts if part is not None) + 4 * self.scheme.centre  # the mean, once
        return self.scheme.element.packed_nbytes(self.codes.size) + extra + _zero_point_nbytes(self)

    @property
    def bits_per_weight(self) -> float:
        """Stored bits, scales and zero-points included, per value; 0 for an empty tensor."""
        return 8 * self.nbytes / self.codes.size if self.codes.size else 0.0


def _span(values: NDArray[Any]) -> str:
    """The only value, or the smallest and the largest one."""
    low, high = f"{values.min():.6g}", f"{values.max():.6g}"
    return low if low == high else f"{low} to {high}"


def _block_part(parameter: Float32 | QTensor) -> Part:
    """The fp16 bits of scales or offsets, and the codes that count them where there are any."""
    if not isinstance(parameter, QTensor):
        raise InvalidInputError(
            "these blocks cannot store float32 scales", where="scale", hint="Quantize with the format's own scales"
        )
    outer = parameter.qparams.scale
    return (outer.codes, parameter.codes) if isinstance(outer, QTensor) else (parameter.codes, None)


def _zero_point_nbytes(qtensor: QTensor) -> int:
    points, element = qtensor.qparams.zero_point, qtensor.scheme.element
    if not points.any():
        return 0
    are_codes = points.dtype.kind == "i" and element.qmin <= points.min() and points.max() <= element.qmax
    return element.packed_nbytes(points.size) if are_codes else points.nbytes


def require_fit(qparams: QParams, scheme: Scheme, shape: tuple[int, ...]) -> None:
    """Raise InvalidInputError if parameters do not belong to a tensor of ``shape``. A number fits every tensor."""
    if qparams.scale.shape == () or qparams.scale.shape == scheme.qparams_shape(shape):
        return
    raise InvalidInputError(
        f"scales of shape {qparams.scale.shape} do not fit values of shape {shape}",
        where="scale",
        hint=f"Give one scale, or scales of shape {scheme.qparams_shape(shape)}",
    )


def spread(parameters: NDArray[Any], scheme: Scheme, shape: tuple[int, ...]) -> NDArray[Any]:
    """Parameters in the scales' shape and C order, a single number repeated."""
    return np.ascontiguousarray(np.broadcast_to(parameters, scheme.qparams_shape(shape)))


def codebooks(qparams: QParams, scheme: Scheme, shape: tuple[int, ...]) -> Float32:
    """The codebooks that belong to the data, a row a group in the scales' C order; empty if there are none."""
    if qparams.codebook is None:
        return np.zeros((0, 0), np.float32)
    count = math.prod(scheme.qparams_shape(shape))
    size = qparams.codebook.shape[-1]
    return np.broadcast_to(qparams.codebook.reshape(-1, size), (count, size))


@public("dequantize(quantize(x, 'int8'))")
def dequantize(qtensor: QTensor) -> Float32:
    """The real values that codes stand for: ``scale * (decode(code) - zero_point) + offset`` in float32.

    Raises:
        InvalidInputError: it is not a quantized tensor.
    """
    given: Any = qtensor
    if not isinstance(given, QTensor):
        raise InvalidInputError(
            f"a value of type {type(given).__name__} is not a quantized tensor",
            where="qtensor",
            hint="Give what quantize returns, as in dequantize(quantize(x, 'int8')): codes alone have no scale",
        )
    scheme, shape, qparams = qtensor.scheme, qtensor.shape, qtensor.qparams
    element = scheme.element
    parts: list[NDArray[Any] | None] = [qparams.zero_point if qparams.zero_point.any() else None]
    parts += [qparams.scale_values if scheme.is_scaled else None, qparams.offset_values]
    whole = [None if part is None else spread(part.astype(np.float32, copy=False), scheme, shape) for part in parts]
    codes, out = np.ascontiguousarray(qtensor.codes), np.empty(shape, np.float32)
    books = codebooks(qparams, scheme, shape)
    for piece in scheme.grouping.pieces(shape):
        points, scales, offsets = (None if part is None else piece.parameters(part) for part in whole)
        given, made = piece.values(codes), piece.values(out)
        if qparams.codebook is not None:
            for index, group in piece.groups():
                made[index] = books[group].take(given[index])
            continue
        for tile in piece.tiles(TILE):
            values = element.decode(given[tile])
            if points is not None:
                np.subtract(values, tile_of(points, tile), out=values)
            if scales is not None:
                np.multiply(values, tile_of(scales, tile), out=values)
            if offsets is not None:
                np.add(values, tile_of(offsets, tile), out=values)
            made[tile] = values
    return unrotate(out, scheme.seed) if scheme.rotation else out

"""Tensors in block formats that have a procedure of their own (ggml's): from values, and from stored bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.errors import InvalidInputError
from playground.number_formats import Blocks, Procedure
from playground.quantization.block_storage import Octets, padded_rows, stored_nbytes, unrowed
from playground.quantization.qtensor import QParams, QTensor
from playground.quantization.scheme import Scheme

_CHUNK = 1 << 15
"""Values per step."""


def quantize_by_procedure(x: Float32, scheme: Scheme, procedure: Procedure) -> QTensor:
    """Quantize as the format's own procedure does it.

    Raises:
        InvalidInputError: values too large for its scales in fp16, or the axis is none of x's.
    """
    scheme.qparams_shape(x.shape)  # refuses an axis that it does not have
    rows = padded_rows(x, scheme.block_axis, procedure.values)
    step = max(1, _CHUNK // procedure.values)
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is looked at below
        blocks = _joined(
            (procedure.encode(rows[start : start + step]) for start in range(0, len(rows), step)), len(rows)
        )
    for bits in (blocks.scale, blocks.offset):
        if bits is not None and not np.isfinite(bits.view(np.float16)).all():
            raise InvalidInputError(
                f"the values are too large for the half-precision scales of {scheme.format}",
                where="x",
                hint="Scale the tensor down, or use a format with float32 scales",
            )
    return assemble(blocks, scheme, x.shape)


def from_bytes(data: Octets, scheme: Scheme, shape: tuple[int, ...]) -> QTensor:
    """The tensor that stored blocks are.

    Raises:
        InvalidInputError: the format has no blocks of its own, or there are more or fewer bytes than the shape needs.
    """
    procedure = scheme.procedure
    if procedure is None:
        raise InvalidInputError(
            f"{scheme.format!r} is not a block format of GGUF", where="format", hint="Use one such as q4_0 or q8_0"
        )
    scheme.qparams_shape(shape)
    wanted = stored_nbytes(procedure, shape, scheme.block_axis)
    if data.size != wanted:
        raise InvalidInputError(
            f"{data.size} bytes do not hold {scheme.format} blocks of shape {shape}",
            where="data",
            hint=f"Give exactly {wanted} bytes",
        )
    return assemble(procedure.from_bytes(data.reshape(-1, procedure.nbytes)), scheme, shape)


def assemble(blocks: Blocks, scheme: Scheme, shape: tuple[int, ...]) -> QTensor:
    """A tensor of ``shape`` from its blocks."""
    scale = _parameter(blocks.scale, blocks.scale_codes, scheme, shape)
    offset = None if blocks.offset is None else _parameter(blocks.offset, blocks.offset_codes, scheme, shape)
    qparams = QParams(scale, np.zeros(scale.shape, np.int32), offset)
    return QTensor(unrowed(blocks.codes, shape, scheme.block_axis), qparams, scheme, shape)


def _parameter(bits: NDArray[Any], codes: NDArray[Any] | None, scheme: Scheme, shape: tuple[int, ...]) -> QTensor:
    """Scales or offsets: fp16 numbers, or codes in steps of fp16 numbers."""
    counts, axis, stored = scheme.qparams_shape(shape), scheme.block_axis, scheme.scale_scheme or Scheme("fp16")
    if codes is None:
        return _halves(unrowed(bits[:, None], counts, axis), stored)
    steps = unrowed(bits[:, None], stored.qparams_shape(counts), axis)
    outer = _halves(steps, stored.scale_scheme or Scheme("fp16"))
    return QTensor(unrowed(codes, counts, axis), QParams(outer, np.zeros(outer.shape, np.int32)), stored, counts)


def _halves(bits: NDArray[Any], scheme: Scheme) -> QTensor:
    ones = np.ones((1,) * bits.ndim, np.float32)
    return QTensor(bits, QParams(ones, np.zeros(ones.shape, np.int32)), scheme, bits.shape)


def _joined(made: Iterable[Blocks], count: int) -> Blocks:
    """``count`` blocks from parts, each copied to its place while it still is in the cache."""
    whole: dict[str, Any] = {}
    at = 0
    for part in made:
        held = {f.name: getattr(part, f.name) for f in fields(Blocks) if getattr(part, f.name) is not None}
        for name, values in held.items():
            if at == 0:
                whole[name] = np.empty((count, *values.shape[1:]), values.dtype)
            whole[name][at : at + len(values)] = values
        at += len(part.codes)
    return Blocks(**whole)

"""Writes tensors as an .npz: codes, scales and zero-points of those that are quantized, the rest as they are."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError, plural
from playground.model.graph import Model, Tensor
from playground.model.recipe import Recipe
from playground.model.writers._writer import Writer, Written, rotated
from playground.quantization import QTensor, Scheme


def why_not(_tensor: Tensor, scheme: Scheme) -> str:
    """Why a tensor cannot be written in a scheme; empty if it can."""
    return rotated(scheme)


def write(model: Model, quantized: Mapping[str, QTensor], _recipe: Recipe) -> Written:
    """The file. ``w`` quantized is ``w.codes`` (one code a value, whatever its bits), ``w.scale`` (float32), and where
    there are any ``w.zero_point``, ``w.offset`` and ``w.codebook``: ``(levels[codes] - zero_point) * scale + offset``.

    Args:
        model: all its tensors are written.
        quantized: those that are written as codes.

    Raises:
        UnsupportedError: two arrays would have the same name.
    """
    arrays: dict[str, NDArray[Any]] = {}
    stored: dict[str, int] = {}
    for name, tensor in model.tensors.items():
        held = quantized.get(name)
        stored[name] = 0
        for array_name, values in _parts(name, held) if held is not None else ((name, tensor.numpy()),):
            if array_name in arrays:
                raise UnsupportedError(
                    f"two arrays would have the name {array_name!r}", where="npz", hint="Rename one of the tensors"
                )
            arrays[array_name] = values
            stored[name] += values.nbytes
    loose = sum(held.scheme.element.bits < 8 for held in quantized.values())
    told = f"{plural(loose, 'tensor')} of less than 8 bits: the .npz has one code a byte. Sizes are stated as packed."
    return Written(_zip(arrays), stored, (told,) if loose else ())


def _zip(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    made = io.BytesIO()

    # numpy.savez takes names as arguments: one could not be called "file"
    with zipfile.ZipFile(made, "w") as archive:
        for name, values in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(values), allow_pickle=False)
    return made.getvalue()


def _parts(name: str, held: QTensor) -> Iterator[tuple[str, NDArray[Any]]]:
    qparams = held.qparams
    yield f"{name}.codes", held.codes
    if held.scheme.is_scaled:
        yield f"{name}.scale", qparams.scale_values
    if qparams.zero_point.any():
        yield f"{name}.zero_point", qparams.zero_point
    if qparams.offset_values is not None:
        yield f"{name}.offset", qparams.offset_values
    if qparams.codebook is not None:
        yield f"{name}.codebook", qparams.codebook


WRITER = Writer("npz", ".npz", why_not, write)

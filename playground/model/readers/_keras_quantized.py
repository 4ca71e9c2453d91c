"""Weights that Keras has quantized itself: codes, what it keeps beside them, and the numbers that they stand for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.element_types import BY_NAME, decode
from playground.model.graph import Tensor
from playground.model.readers._keras_config import Layer
from playground.model.readers._keras_weights import Weights, mode_of

_PARTS = {"scale": "_scale", "zero_point": "_zero"}
"""What a quantized tensor keeps, and how Keras names it behind the weight."""


def quantized(weights: Weights, layer: Layer | None) -> dict[str, Tensor]:
    """A layer's weights; codes with their scales as one tensor, where Keras quantized them to int8 or int4."""
    found = dict(weights)
    mode = mode_of(layer.config) if layer is not None else ""
    for role in ("kernel", "embeddings"):
        codes = weights.get(role)
        if layer is None or codes is None or codes.dtype != "int8":
            continue
        parts = {"codes": codes}
        parts |= {name: weights[role + end] for name, end in _PARTS.items() if role + end in weights}
        parts |= {"groups": weights["g_idx"]} if "g_idx" in weights else {}
        made = _read_int8(layer, parts) if mode == "int8" else _read_int4(layer, parts) if mode == "int4" else None
        if made is None:
            continue
        shape, read = made
        nbytes = sum(part.nbytes for part in parts.values())
        found[role] = Tensor(role, f"q{mode}", shape, nbytes, read, quantized=True, parts=MappingProxyType(parts))
        for name in (*(role + end for end in _PARTS.values()), "g_idx"):
            found.pop(name, None)
    return found


_Made = tuple[tuple[int, ...], Callable[[], NDArray[Any]]] | None
"""The shape of what codes stand for, and what reads it; None where they are not understood."""


def _read_int8(layer: Layer, parts: Mapping[str, Tensor]) -> _Made:
    """Codes are divided by what Keras keeps."""
    shape = parts["codes"].shape
    along = _scale_shape(layer, shape)
    if along is None or "scale" not in parts or parts["scale"].size != math.prod(along):
        return None
    return shape, partial(_divided, parts, along)


def _scale_shape(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape in which scales stand beside codes; None where their axes are in another order."""
    if layer.kind == "Embedding":
        return (shape[0], *[1] * (len(shape) - 1))
    if layer.kind == "Dense":
        return (*[1] * (len(shape) - 1), shape[-1])
    terms, _, output = str(layer.config.get("equation", "")).replace(" ", "").partition("->")
    right = terms.partition(",")[2]
    kept = [label for label in right if label in output]
    if len(right) != len(shape) or sorted(kept, key=output.index) != kept:
        return None
    return tuple(size if label in output else 1 for label, size in zip(right, shape, strict=True))


@np.errstate(all="ignore")
def _divided(parts: Mapping[str, Tensor], along: tuple[int, ...]) -> NDArray[np.float32]:
    codes, scale = (parts[name].numpy().astype(np.float32) for name in ("codes", "scale"))
    values: NDArray[np.float32] = codes / scale.reshape(along)
    return values


def _read_int4(layer: Layer, parts: Mapping[str, Tensor]) -> _Made:
    """Two codes a byte along the last axis, as Keras 3.15 has them; with scales of rows, columns or groups."""
    codes, scale, groups = parts["codes"], parts.get("scale"), parts.get("groups")
    table = layer.kind == "Embedding"
    width = layer.config.get("output_dim") if table else scale.shape[-1] if scale is not None and scale.shape else None
    if scale is None or not isinstance(width, int) or len(codes.shape) != 2 or codes.shape[1] != (width + 1) // 2:
        return None
    rows = codes.shape[0]
    if groups is None:
        fits = width > 1 and scale.shape == ((rows,) if table else (width,))
    else:
        fits = groups.shape == ((width,) if table else (rows,)) and len(scale.shape) == 2 and "zero_point" in parts
    return ((rows, width), partial(_unpacked, parts, (rows, width), table)) if fits else None


@np.errstate(all="ignore")
def _unpacked(parts: Mapping[str, Tensor], shape: tuple[int, int], table: bool) -> NDArray[np.float32]:
    packed = parts["codes"].numpy()
    wide = decode(BY_NAME["int4"], packed.tobytes(), (shape[0], 2 * packed.shape[1]))
    codes, scale = wide[:, : shape[1]].astype(np.float32), parts["scale"].numpy().astype(np.float32)
    if "groups" not in parts:
        values: NDArray[np.float32] = codes / (scale[:, None] if table else scale)
        return values
    axis, groups = (1 if table else 0), parts["groups"].numpy().astype(np.int64)
    points = parts["zero_point"].numpy().astype(np.float32)
    grouped: NDArray[np.float32] = (codes - points.take(groups, axis)) * scale.take(groups, axis)
    return grouped

"""Weights that Keras has quantized itself: codes, the numbers that values were multiplied by, and what codes stand for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Tensor
from playground.model.readers._keras_config import Layer
from playground.model.readers._keras_weights import Weights, mode_of


def quantized(weights: Weights, layer: Layer | None) -> dict[str, Tensor]:
    """A layer's weights; codes together with their scales as one tensor, where both are understood."""
    found = dict(weights)
    mode = mode_of(layer.config) if layer is not None else ""
    for role in ("kernel", "embeddings"):
        codes, scale = weights.get(role), weights.get(f"{role}_scale")
        if layer is None or codes is None or scale is None or mode not in ("int8", "int4") or codes.dtype != "int8":
            continue
        made = _read_int8(layer, codes, scale) if mode == "int8" else None
        if made is None:
            continue
        parts = {"codes": codes, "scale": scale}
        found[role] = Tensor(
            role,
            f"keras_{mode}",
            codes.shape,
            codes.nbytes + scale.nbytes,
            made,
            quantized=True,
            parts=MappingProxyType(parts),
        )
        del found[f"{role}_scale"]
    return found


def _read_int8(layer: Layer, codes: Tensor, scale: Tensor) -> Callable[[], NDArray[Any]] | None:
    """Reads what codes stand for: they are divided by what Keras keeps."""
    shape = _scale_shape(layer, codes.shape)
    if shape is None or scale.size != int(np.prod(shape)):
        return None
    return partial(_divided, codes, scale, shape)


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


def _divided(codes: Tensor, scale: Tensor, shape: tuple[int, ...]) -> NDArray[np.float32]:
    values: NDArray[np.float32] = codes.numpy().astype(np.float32) / scale.numpy().astype(np.float32).reshape(shape)
    return values

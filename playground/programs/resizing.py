"""Where the places of a resized axis lie on the original one, in float32 as in ONNX Runtime."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TRANSFORMS = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)
"""ONNX's ``coordinate_transformation_mode``."""

ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
"""ONNX's ``nearest_mode``."""


def coordinates(
    size: int, out_size: int, scale: float | None, transform: str, part: tuple[float, float] = (0.0, 1.0)
) -> NDArray[np.float32]:
    """For each of ``out_size`` places where it lies among ``size`` ones, float32 (out_size,).

    Args:
        size: places along this axis.
        out_size: places of the output.
        scale: output over input; None: out_size / size.
        transform: one of TRANSFORMS.
        part: of the axis that is shown, from 0 to 1 (``tf_crop_and_resize``).
    """
    one, half = np.float32(1), np.float32(0.5)
    place, by = np.arange(out_size, dtype=np.float32), np.float32(out_size / size if scale is None else scale)
    last = np.float32(size) - one
    if transform == "align_corners":
        return np.asarray(place * last / np.float32(max(out_size - 1, 1)))
    if transform == "asymmetric":
        return np.asarray(place / by)
    if transform == "tf_half_pixel_for_nn":
        return np.asarray((place + half) / by)
    if transform == "tf_crop_and_resize":
        start, end = np.float32(part[0]), np.float32(part[1])
        if out_size == 1:
            return np.full(1, half * (start + end) * last, np.float32)
        return np.asarray(start * last + place * (end - start) * last / np.float32(out_size - 1))
    if transform == "pytorch_half_pixel" and out_size == 1:
        return np.zeros(1, np.float32)
    centred = (place + half) / by - half
    if transform == "half_pixel_symmetric":
        # The centre of the input is shown at the centre of the output, whatever was rounded away from its size
        centred = np.float32(size / 2) * (one - np.float32(out_size) / (by * np.float32(size))) + centred
    return np.asarray(centred)


def rounded(places: NDArray[np.float32], size: int, rounding: str) -> NDArray[np.int32]:
    """The nearest of ``size`` places to each coordinate, int32, by ONNX's ``nearest_mode``."""
    # In float64: 3.4999998 + 0.5 is 4 in float32
    moved = places.astype(np.float64) + {"round_prefer_floor": -0.5, "round_prefer_ceil": 0.5}.get(rounding, 0)
    whole = np.ceil(moved) if rounding in {"ceil", "round_prefer_floor"} else np.floor(moved)
    indices: NDArray[np.int32] = np.clip(whole, 0, size - 1).astype(np.int32)
    return indices

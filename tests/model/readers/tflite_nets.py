"""Small nets that TensorFlow's converter made, and what LiteRT gives for them: ``tools/tflite_nets.py`` writes them."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARCHIVE = Path(__file__).with_name("tflite_nets.zip")

FLOATS, CODES = ("float", "half"), ("int8", "tensor")
"""Kinds whose values are floats throughout, and those that take and give codes."""


@cache
def files(archive: Path = ARCHIVE) -> dict[str, bytes]:
    """Every file by ``NAME.KIND``."""
    with zipfile.ZipFile(archive) as held:
        names = [name for name in held.namelist() if name.endswith(".tflite")]
        return {name.removesuffix(".tflite"): held.read(name) for name in names}


def answers(name: str, archive: Path = ARCHIVE) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs, a feed each, and the answers of LiteRT's reference kernels."""
    with zipfile.ZipFile(archive) as held, np.load(io.BytesIO(held.read(f"{name}.npz"))) as arrays:
        return arrays["x"], arrays["y"]

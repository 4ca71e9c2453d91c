"""Small files of Keras and h5py, and what Keras answers; ``tools/keras_nets.py`` writes them."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARCHIVE = Path(__file__).with_name("keras_nets.zip")


@cache
def files() -> dict[str, bytes]:
    """The files by name (``"images.keras"``)."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith(".npz")}


@cache
def arrays(name: str) -> dict[str, NDArray[Any]]:
    """What belongs to a file: samples and answers, or the arrays that it holds."""
    with zipfile.ZipFile(ARCHIVE) as archive, np.load(io.BytesIO(archive.read(f"{name}.npz"))) as held:
        return dict(held)

"""Calibration data that nearly fits a model: arrays with labels, and images as the page decodes them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from playground import gallery
from playground.app.calibration_upload import CalibrationUpload
from playground.app.workspace import Workspace
from playground.host.sources import BytesSource
from playground.settings import Settings
from tests.hostile.make_arrays import npz_of
from tests.hostile.mutate import mutated_bytes


@cache
def _workspace() -> Workspace:
    """A page with a model that reads images and knows ten classes."""
    return Workspace(Settings(model="digits-convnet", tensor=gallery.entries()["digits-convnet"].tensor))


def make_calibration(rng: random.Random) -> Any:
    if rng.random() < 0.4:
        return _make_images(rng)
    rows = rng.choice((0, 1, 2, 5))
    shape = rng.choice((*((rows, 1, 8, 8),) * 5, (rows, 64), (rows, 1, 8, 7), (), (rows,), (1, 8, 8)))
    dtype = rng.choice((*("<f4",) * 8, "<f8", "|u1", "|b1", "<i8", ">f4", "<c8", "<f2"))
    with np.errstate(all="ignore"):
        values = np.random.default_rng(rng.randrange(2**32)).normal(size=shape).astype(dtype)
    if values.size and values.dtype.kind == "f" and rng.random() < 0.2:
        values.reshape(-1)[0] = rng.choice((np.nan, np.inf))
    arrays = {rng.choice((*(_workspace_input(),) * 9, "y", "labels")): values}
    if rng.random() < 0.6:
        high = rng.choice((10, 11, 256, 2**63 - 1))
        labels = np.random.default_rng(rng.randrange(2**32)).integers(
            rng.choice((0, 0, -1)), high, rng.choice((rows, 3))
        )
        with np.errstate(all="ignore"):
            arrays["labels"] = labels.astype(rng.choice(("<i8", "|u1", "<u8", "<f4", "|b1", "<i4")))
        if rng.random() < 0.1:
            arrays["labels"] = np.full(rows, 2**64 - 1, np.uint64)
    data = npz_of(arrays, rng.random() < 0.3)
    return ("npz", mutated_bytes(rng, data) if rng.random() < 0.3 else data)


@cache
def _workspace_input() -> str:
    model = _workspace().model
    assert model is not None
    assert model.graph is not None
    return model.graph.inputs[0].name


_CHOICES: Sequence[Any] = (
    "",
    None,
    "8",
    "0",
    "-3",
    "1e9",
    "NaN",
    8,
    2**40,
    1e400,
    "NHWC",
    "NCHW",
    "crop",
    "0.5 0.5",
    "0",
    [],
    {},
)


def _make_images(rng: random.Random) -> Any:
    height, width = rng.choice(
        (*((8, 8), (1, 1), (3, 200)) * 3, (0, 8), (-1, 8), (2**40, 2**40), ("8", 8), (True, 8), (None, 8))
    )
    names = ("height", "width", "layout", "resize", "scale", "mean", "std", "other")
    choices: Any = {rng.choice(names): rng.choice(_CHOICES) for _ in range(rng.choice((0, 0, 1, 3)))}
    if rng.random() < 0.05:
        choices = rng.choice(_CHOICES)
    content = {"index": rng.choice((0,) * 9 + (1, -1, "0")), "total": rng.choice((1,) * 6 + (2, 10**9, None))}
    content |= {"height": height, "width": width, "choices": choices}
    whole = isinstance(height, int) and isinstance(width, int) and 0 < height * width < 10**6
    return ("image", content, rng.randbytes(4 * height * width if whole and rng.random() < 0.9 else rng.randrange(99)))


def use_calibration(given: Any) -> None:
    data = CalibrationUpload(_workspace())
    if given[0] == "npz":
        data.use_npz(BytesSource(given[1], "samples.npz"))
    else:
        data.add_image(given[1], BytesSource(given[2], "image.png"))

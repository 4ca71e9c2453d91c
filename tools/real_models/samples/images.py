"""Photographs' stand-ins: light that varies slowly, objects with edges, texture and grain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tools.real_models.samples import Feed, Maker, generator


def picture(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """An RGB image: noise of four octaves (coarse ones are strongest), ellipses and bars on it, and grain."""
    scene = np.zeros((height, width, 3), np.float32)
    for octave in range(4):
        cells = 3 * 2**octave
        coarse = rng.uniform(0, 255, (cells, cells, 3)).astype(np.uint8)
        smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        scene += np.asarray(smooth, np.float32) * 0.5 ** (octave + 1)
    image = Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 7))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        w, h = rng.uniform(width / 12, width / 2), rng.uniform(height / 12, height / 2)
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        shape = draw.ellipse if rng.random() < 0.6 else draw.rectangle
        shape((x - w / 2, y - h / 2, x + w / 2, y + h / 2), fill=colour)
    grain = rng.normal(0, 4, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(image, np.float32) + grain, 0, 255).astype(np.uint8))


def planes(image: Image.Image, divisor: float = 255, shift: float = 0, scale: float = 1) -> NDArray[Any]:
    """Channels first: ``(x / divisor - shift) / scale`` as float32, with a batch of one."""
    values = (np.asarray(image, np.float32) / np.float32(divisor) - np.float32(shift)) / np.float32(scale)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def pictures(name: str, size: int, divisor: float) -> Maker:
    """Square images for the input ``name``."""

    def make(count: int, seed: int, _folder: Path) -> list[Feed]:
        rng = generator(seed)
        return [{name: planes(picture(rng, size, size), divisor)} for _ in range(count)]

    return make

"""Rendered text, for models that find and read it: Pillow's own font, in many sizes, inks and papers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tools.real_models.samples import Feed, Maker, generator
from tools.real_models.samples.images import picture, planes

_WORDS = (
    *("the", "of", "and", "with", "which", "their", "about", "model", "number", "range", "invoice", "total"),
    *("street", "Monday", "September", "quality", "window", "yellow", "journey", "exactly", "Berlin", "London"),
    *("Tokyo", "2026", "1,024", "37.5", "Figure", "Table", "question", "Zebra", "Quick", "brown", "jumps", "lazy"),
    *("express", "puzzle", "kitchen", "voltage", "benchmark", "height", "width", "open", "closed", "Chapter"),
)
_CALM = 0.25
"""How much of a picture shows through the paper."""


def words(rng: np.random.Generator, letters: int) -> str:
    """English words and numbers, at most ``letters`` long together, of which the last may be cut off."""
    text = ""
    while len(text) < letters:
        text += str(rng.choice(_WORDS)) + " "
    return text[:letters].strip()


def paper(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Light or dark paper with uneven light on it."""
    base = rng.integers(200, 256, 3) if rng.random() < 0.7 else rng.integers(0, 60, 3)
    plain = Image.new("RGB", (width, height), tuple(int(c) for c in base))
    return Image.blend(plain, picture(rng, width, height), _CALM * rng.random())


def write(rng: np.random.Generator, image: Image.Image, at: tuple[float, float], text: str, size: float) -> None:
    """Draw a line of text in an ink that stands out from the paper."""
    dark = float(np.asarray(image, np.float32).mean()) < 128
    ink = tuple(int(c) for c in (rng.integers(190, 256, 3) if dark else rng.integers(0, 90, 3)))
    ImageDraw.Draw(image).text(at, text, ink, ImageFont.load_default(size))


def line(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """One line of text that fills an image of this size, with a little grain."""
    image = paper(rng, width, height)
    size = height * rng.uniform(0.55, 0.75)
    write(rng, image, (rng.uniform(2, 8), height * 0.08), words(rng, max(2, int(width / size / 0.6))), size)
    noisy = np.asarray(image, np.float32) + rng.normal(0, rng.uniform(0, 6), (height, width, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def page(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A scene with several lines of text."""
    image = paper(rng, width, height)
    y = rng.uniform(5, 20)
    while y < height - 30:
        size = rng.uniform(12, 30)
        write(rng, image, (rng.uniform(0, width / 3), y), words(rng, int(rng.integers(4, 24))), size)
        y += size * rng.uniform(1.2, 2.2)
    return image


def lines(name: str, width: int, height: int, batch: int = 1) -> Maker:
    """Lines for PP-OCR: channels first, -1 .. 1, several a feed."""

    def make(count: int, seed: int, _folder: Path) -> list[Feed]:
        rng = generator(seed)
        return [{name: _stack(rng, width, height, batch)} for _ in range(count)]

    return make


def _stack(rng: np.random.Generator, width: int, height: int, batch: int) -> NDArray[Any]:
    return np.concatenate([planes(line(rng, width, height), 255, 0.5, 0.5) for _ in range(batch)])


def turned_lines(name: str, width: int, height: int, batch: int = 1) -> Maker:
    """Lines of which about half stand on their heads."""
    upright = lines(name, width, height, batch)

    def make(count: int, seed: int, folder: Path) -> list[Feed]:
        rng, feeds = generator(seed + 1000), upright(count, seed, folder)
        for feed in feeds:
            for image in feed[name]:
                if rng.random() < 0.5:
                    image[:] = image[:, ::-1, ::-1].copy()
        return feeds

    return make


def pages(name: str, size: int, divisor: float = 255, shift: float = 0.5, scale: float = 0.5) -> Maker:
    """Scenes with text, for detectors."""

    def make(count: int, seed: int, _folder: Path) -> list[Feed]:
        rng = generator(seed)
        return [{name: planes(page(rng, size, size), divisor, shift, scale)} for _ in range(count)]

    return make


def grey_words(name: str, height: int) -> Maker:
    """Short words in grey, each as wide as it is, -1 .. 1: what readers of captchas take."""

    def make(count: int, seed: int, _folder: Path) -> list[Feed]:
        rng = generator(seed)
        feeds = []
        for _ in range(count):
            image = line(rng, int(rng.integers(120, 200)), height).convert("L")
            values = np.asarray(image, np.float32)[None, None] / np.float32(255)
            feeds.append({name: (values - np.float32(0.5)) / np.float32(0.5)})
        return feeds

    return make

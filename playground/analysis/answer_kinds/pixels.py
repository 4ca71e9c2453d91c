"""Classes per pixel: scores of shape (samples, classes, height, width) or (samples, height, width, classes).

A single channel of probabilities is a mask, yes above 0.5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from playground.analysis.answer_kinds._classes import DISTANCE, HARMLESS, ClassSums, Rows, two_classes
from playground.analysis.answer_kinds._evidence import Evidence, named_like
from playground.analysis.answer_kinds._kind import SHARE, AnswerKind, Array, Measure, Outcome, Outputs, Reading

LEAST, MOST_CLASSES = 4, 1024
"""Pixels of a side, and classes: what is smaller or has more is an inner feature map rather than a picture."""

NAMES = ("seg", "mask", "semantic", "parsing", "matte")


@dataclass(slots=True)
class _Pixels:
    """Top classes of pixels, and how often each pair of them occurs."""

    rows: Rows
    sums: ClassSums
    pairs: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))

    def update(self, reference: Outputs, outputs: Outputs, samples: int) -> None:
        """Add a batch."""
        rows = self.rows(reference)
        wanted, found = self.sums.update(rows, self.rows(outputs))
        count = rows.shape[1]
        pairs = np.bincount(wanted * count + found, minlength=count * count).reshape(count, count)
        self.pairs = pairs if not self.pairs.size else self.pairs + pairs

    def outcome(self) -> Outcome:
        """Share of equal pixels, and the mean intersection over union of the classes that occur."""
        sums = self.sums
        share = sums.same / max(1, sums.count)
        union = self.pairs.sum(axis=0) + self.pairs.sum(axis=1) - self.pairs.diagonal()
        occurs = union > 0
        iou = float((self.pairs.diagonal()[occurs] / union[occurs]).mean()) if occurs.any() else float("nan")
        measures = (
            Measure("Pixel agreement", share, SHARE, "pixels with the same top class as float"),
            Measure("Mean IoU", iou, SHARE, f"against float, over {int(occurs.sum())} classes"),
        )
        silent = sums.one_class("pixels")
        return Outcome(sums.count, "pixels", measures, sums.divergence, share, silent, sums.lead)


def read(evidence: Evidence, chosen: bool) -> Reading | None:
    """The first output with four axes that has the form of a picture with a class for each pixel."""
    for name, x in evidence.floats().items():
        if x.ndim != 4 or x.shape[0] != evidence.samples:
            continue
        axis = _class_axis(evidence, name, x, chosen)
        if axis is not None:
            return _reading(evidence, name, x, axis)
    return None


def _class_axis(evidence: Evidence, name: str, x: Array, chosen: bool) -> int | None:
    """The axis that counts classes: 1 or 3; None if there is none."""
    for axis in (1, 3):
        height, width = (x.shape[a] for a in range(1, 4) if a != axis)
        if min(height, width) < LEAST or x.shape[axis] > MOST_CLASSES:
            continue
        if _is_classes(evidence, name, x, axis, (height, width)):
            return axis
    return min((1, 3), key=lambda axis: x.shape[axis]) if chosen else None


def _is_classes(evidence: Evidence, name: str, x: Array, axis: int, sides: tuple[int, int]) -> bool:
    image = evidence.image()
    as_large = bool(image) and _fits(image, sides)
    if x.shape[axis] == 1:
        return as_large and evidence.is_sigmoid(name)
    if evidence.is_softmax(name, axis):
        return True
    same_channels = x.shape[axis] in (image[1:2] + image[3:4])
    return not same_channels and (named_like(name, NAMES) or (as_large and x.shape[axis] < min(sides)))


def _fits(image: tuple[int | str | None, ...], sides: tuple[int, int]) -> bool:
    """Whether a picture is as large as the model's image; sizes that are left open fit."""
    pairs = (image[2:4], image[1:3])
    return any(all(not isinstance(a, int) or a == b for a, b in zip(pair, sides, strict=True)) for pair in pairs)


def _reading(evidence: Evidence, name: str, x: Array, axis: int) -> Reading:
    count = x.shape[axis]
    softmax = count > 1 and evidence.is_softmax(name, axis)
    logarithm = evidence.is_logarithm(name)
    probabilities = not logarithm and (softmax or (count == 1 or evidence.is_sigmoid(name)))
    form = "logarithms" if logarithm else "probabilities" if probabilities else "logits"
    rows = _yes_or_no(name) if count == 1 else _by_pixel(name, axis)
    why = "a mask, yes above 0.5" if count == 1 else f"{count} scores for each pixel, along axis {axis}"
    return Reading(
        "pixels",
        "classes per pixel",
        f"output {name!r} holds {why}",
        (name,),
        DISTANCE,
        lambda: _Pixels(rows, ClassSums(form)),
        harmless=HARMLESS,
    )


def _yes_or_no(name: str) -> Callable[[Outputs], Array]:
    return lambda outputs: two_classes(outputs[name])


def _by_pixel(name: str, axis: int) -> Callable[[Outputs], Array]:
    def rows(outputs: Outputs) -> Array:
        moved = np.moveaxis(outputs[name], axis, -1)
        return moved.reshape(-1, moved.shape[-1])

    return rows


KIND = AnswerKind(
    "pixels", "classes per pixel", 20, "an output of shape (samples, classes, height, width), or classes last", read
)

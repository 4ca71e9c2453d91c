"""NonMaxSuppression: the boxes with the highest scores that do not overlap much."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError
from playground.operators._attributes import flag, single
from playground.operators._operator import Operator, Takes
from playground.operators._ranks import always
from playground.programs.call import Array, Call

_BLOCK = 128
"""So many boxes are compared with those kept at once: mostly the best ones are enough."""


def run(  # noqa: PLR0917 (inputs come by position)
    call: Call,
    boxes: Array,
    scores: Array,
    most: Array | None = None,
    overlap: Array | None = None,
    least: Array | None = None,
) -> Array:
    """Batch, class and box of what is kept, int64 (kept, 3): for each class the highest scores first.

    Args:
        call: has ``center_point_box``.
        boxes: (batch, boxes, 4): two opposite corners (y, x, y, x), or centre and size (x, y, width, height).
        scores: (batch, classes, boxes).
        most: how many boxes of each class of each batch are kept; none is by default.
        overlap: a box is left out if it overlaps a better one by more than this (intersection over union).
        least: a box is left out if its score is not higher than this.

    Raises:
        InvalidInputError: the shapes do not fit each other, or the overlap is not between 0 and 1.
    """
    if boxes.ndim != 3 or boxes.shape[2] != 4 or scores.shape != (len(boxes), *scores.shape[1:2], boxes.shape[1]):
        raise InvalidInputError(
            f"scores of shape {list(scores.shape)} do not fit boxes of shape {list(boxes.shape)}",
            hint="Give boxes (batch, boxes, 4) and scores (batch, classes, boxes)",
        )
    count = 0 if most is None else int(single(most, "number of boxes"))
    limit = 0.0 if overlap is None else float(single(overlap, "overlap"))
    floor = None if least is None else float(single(least, "score"))
    if not 0 <= limit <= 1:
        raise InvalidInputError(f"{limit:g} is not a valid overlap of boxes", hint="Use a number from 0 to 1")
    call.room.work(scores.size * max(0, min(count, boxes.shape[1])))
    rows: list[tuple[int, int, int]] = []
    for batch, own in enumerate(boxes):
        corners, areas = _corners_and_areas(own, call.get("center_point_box"))
        for kind, of_class in enumerate(scores[batch]):
            kept = _kept(corners, areas, _candidates(of_class, floor), count, limit)
            rows += [(batch, kind, box) for box in kept]
    return np.array(rows, np.int64).reshape(-1, 3)


def _corners_and_areas(boxes: Array, centred: int) -> tuple[Array, Array]:
    """Lower and upper corners (boxes, 4), and areas (boxes,)."""
    if centred:
        centre, half = boxes[:, :2], boxes[:, 2:] / 2
        low, high = centre - half, centre + half
    else:
        low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    return np.concatenate([low, high], 1), np.prod(high - low, 1)


def _candidates(scores: Array, floor: float | None) -> NDArray[np.intp]:
    """Boxes from the highest score to the lowest; of equal ones the first comes first."""
    found = np.arange(len(scores)) if floor is None else np.flatnonzero(scores > scores.dtype.type(floor))
    return found[np.argsort(-scores[found], kind="stable")]


def _kept(corners: Array, areas: Array, order: NDArray[np.intp], most: int, limit: float) -> list[int]:
    kept = np.zeros(0, np.intp)
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        block = block[~_overlap(corners, areas, kept, block, limit).any(axis=0)]
        while len(block) and len(kept) < most:
            best, block = block[:1], block[1:]
            kept = np.append(kept, best)
            block = block[~_overlap(corners, areas, best, block, limit)[0]]
        if len(kept) >= most:
            break
    return [int(box) for box in kept]


def _overlap(
    corners: Array, areas: Array, some: NDArray[np.intp], others: NDArray[np.intp], limit: float
) -> NDArray[np.bool_]:
    """Whether the intersection over union is above the limit: (some, others). Boxes without area overlap nothing."""
    low = np.maximum(corners[some, None, :2], corners[others, :2])
    high = np.minimum(corners[some, None, 2:], corners[others, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    own, other = areas[some, None], areas[others]
    union = own + other - shared
    real = (shared > 0) & (union > 0) & (own > 0) & (other > 0)
    return np.asarray(real & (shared / union > limit))


OPERATOR = Operator(
    name="NonMaxSuppression",
    versions=(10, None),
    run=run,
    attributes=(flag("center_point_box"),),
    data=(0, 1),
    takes=(Takes.VALUES, Takes.VALUES, Takes.NUMBER, Takes.NUMBER, Takes.NUMBER),
    ranks=(3, 3),
    rank=always(2),
)

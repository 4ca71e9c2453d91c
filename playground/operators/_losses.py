"""Negative log-likelihoods of classes, their weights and how they are taken together."""

from __future__ import annotations

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute, text
from playground.programs.call import Array, Call

ATTRIBUTES = (
    Attribute("ignore_index", "int"),
    Attribute("reduction", "string", "mean", choices=("none", "sum", "mean")),
)


def loss(call: Call, scores: Array, target: Array, weight: Array | None) -> Array:
    """Minus the score of each target's class, times the weight of the class; none, their sum or weighted mean taken.

    Args:
        call: has ``ignore_index`` and ``reduction``.
        scores: log-probabilities (N, C, d1, ... dk).
        target: classes (N, d1, ... dk), int32 or int64.
        weight: of each class (C); None: 1 for all.

    Raises:
        InvalidInputError: the shapes do not fit each other, or a target is not a class.
    """
    require_fitting(scores, target, weight)
    ignored = target == call.get("ignore_index", -1) if "ignore_index" in call.attributes else None
    classes = target if ignored is None else np.where(ignored, 0, target)
    if classes.size and not 0 <= classes.min() <= classes.max() < scores.shape[1]:
        raise InvalidInputError(
            f"targets from {classes.min()} to {classes.max()} are outside of {scores.shape[1]} classes",
            hint=f"Use classes from 0 to {scores.shape[1] - 1}, or ignore_index",
        )
    call.room.value(target.shape, np.float64)
    weights = np.ones(target.shape, scores.dtype) if weight is None else weight[classes]
    if ignored is not None:
        weights = np.where(ignored, weights.dtype.type(0), weights)
    picked = np.take_along_axis(scores, np.expand_dims(classes, 1).astype(np.int64), 1).squeeze(1)
    losses = np.where(weights == 0, scores.dtype.type(0), -picked * weights)
    how = text(call.get("reduction"))
    if how == "none":
        return losses.astype(scores.dtype, copy=False)
    total = losses.sum()
    return np.asarray(total if how == "sum" else total / weights.sum(), scores.dtype)


def require_fitting(scores: Array, target: Array, weight: Array | None) -> None:
    """Raise InvalidInputError if the shapes of a loss's inputs do not fit each other."""
    if scores.ndim < 2 or target.shape != (scores.shape[0], *scores.shape[2:]) or target.dtype.kind not in "iu":
        raise InvalidInputError(
            f"targets of shape {list(target.shape)} do not fit scores of shape {list(scores.shape)}",
            hint="Give an integer for every place of (N, C, d1, ... dk) besides C",
        )
    if weight is not None and weight.shape != scores.shape[1:2]:
        raise InvalidInputError(
            f"weights of shape {list(weight.shape)} do not fit {scores.shape[1]} classes",
            hint="Give one weight for each class",
        )

"""Labels: the correct classes of samples, an array in the file of the model's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError, plural
from playground.model.graph import Graph

LABELS = "labels"
"""Name of the array that holds them, unless the model has an input of that name."""


def taken_from(arrays: dict[str, NDArray[Any]], graph: Graph) -> NDArray[Any] | None:
    """Take the labels out of ``arrays``; None if there are none."""
    return None if any(value.name == LABELS for value in graph.inputs) else arrays.pop(LABELS, None)


def checked_labels(labels: NDArray[Any], samples: int, graph: Graph, where: str) -> NDArray[np.int64]:
    """Labels that belong to so many samples of a model: whole numbers, one a sample or one a position of each.

    What is checked here needs no run: classes against the output's shape as far as the graph states it.

    Args:
        labels: of any integer type, ``[samples]`` or ``[samples, positions]``.
        samples: how many there are.
        graph: the model; its first output has the classes along the last axis.
        where: the file's name, for errors.

    Raises:
        InvalidInputError: they are no whole numbers, too many or too few, or no classes of this model.
    """
    if labels.ndim == 0 or len(labels) != samples:
        raise InvalidInputError(
            f"{LABELS} of shape {labels.shape} do not fit {plural(samples, 'sample')}",
            where=where,
            hint="Give one label for each sample",
        )
    require_classes(labels, graph.outputs[0].shape, where)
    if labels.size and labels.max() > np.iinfo(np.int64).max:
        raise InvalidInputError(f"{LABELS} up to {labels.max()} are too large", where=where, hint="Use int64 numbers")
    return labels.astype(np.int64)


def require_classes(labels: NDArray[Any], shape: Sequence[int | str | None] | None, where: str) -> None:
    """Labels that an output of this shape, classes along the last axis, can have; sizes that are left open fit.

    Raises:
        InvalidInputError: they are no whole numbers, one is below zero or beyond the classes, or their axes are not the
            output's without the last.
    """
    if labels.dtype.kind not in "iu":
        raise InvalidInputError(
            f"{LABELS} of type {labels.dtype} are not classes", where=where, hint="Use integers from 0 on"
        )
    if labels.size and labels.min() < 0:
        raise InvalidInputError(
            f"{LABELS} from {labels.min()} on are not classes", where=where, hint="Use integers from 0 on"
        )
    if shape is None:
        return
    positions = zip(shape[1:-1], labels.shape[1:], strict=False)
    known = all(wanted == given for wanted, given in positions if isinstance(wanted, int))
    if len(shape) != labels.ndim + 1 or shape[-1] == 1 or not known:
        raise InvalidInputError(
            f"{LABELS} of shape {labels.shape} do not fit an output of shape {tuple(shape)}",
            where=where,
            hint="Give labels with all axes of the output but the last, which counts classes",
        )
    classes = shape[-1]
    if isinstance(classes, int) and labels.size and labels.max() >= classes:
        raise InvalidInputError(
            f"{LABELS} from {labels.min()} to {labels.max()} do not fit {classes} classes",
            where=where,
            hint=f"Use integers from 0 to {classes - 1}",
        )

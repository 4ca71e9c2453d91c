"""Inputs from a visitor, checked: arrays of a file or of a message, and drawn digits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import gallery
from playground.engines.feeds import checked_feeds
from playground.engines.fitting import fitted
from playground.errors import InvalidInputError
from playground.host.sources import Source
from playground.model.graph import Graph
from playground.opening import load

Feeds = dict[str, NDArray[Any]]


def digit_of(content: Mapping[str, Any]) -> tuple[NDArray[np.float32], str]:
    """A digit as float32 (1, 1, 8, 8), and what it is: a drawn one (``pixels``) or a held-out one (``index``).

    Raises:
        InvalidInputError: there are not 64 finite pixels, or no whole number.
    """
    if "pixels" in content:
        pixels = _as_array(content["pixels"], "pixels")
        if pixels.size != 64 or pixels.dtype.kind not in "fiu" or not np.isfinite(pixels).all():
            raise InvalidInputError(
                "the pixels are not 64 finite grey levels", where="pixels", hint="Give 8 rows of 8 numbers"
            )
        return pixels.astype(np.float32).reshape(1, 1, 8, 8), ""
    if not isinstance(content.get("index"), int):
        raise InvalidInputError(
            "the message has neither pixels nor an index", where="sample", hint="Give pixels, or the index of a sample"
        )
    samples = gallery.digits()
    index = content["index"] % len(samples.labels)
    return samples.images[index : index + 1], f"Sample {index + 1} is a {samples.labels[index]}. "


def read_feeds(source: Source, graph: Graph) -> Feeds:
    """Arrays of an ``.npz`` named as a graph's inputs.

    Raises:
        BadFileError: it is no ``.npz``. InvalidInputError: names are missing, an array is empty or not finite.
    """
    return as_feeds(read_arrays(source), graph)


def read_arrays(source: Source) -> Feeds:
    """Arrays of an ``.npz`` by name. Raises BadFileError: it is none."""
    return {name: tensor.numpy() for name, tensor in load(source).tensors.items()}


def as_feeds(given: Mapping[str, Any], graph: Graph, *, samples: bool = False) -> Feeds:
    """Checked feeds for a graph: what it asks for, not empty, finite. Arrays of other names are left out.

    Args:
        given: arrays or nested lists by name.
        graph: whose inputs they are for.
        samples: whether there may be any number of samples, more than the graph takes at once.

    Raises:
        InvalidInputError: naming the input and what is wrong with it.
    """
    names = {value.name for value in graph.inputs}
    chosen = {name: _as_array(values, name) for name, values in given.items() if name in names}
    if not chosen and given:
        has, wants = ", ".join(map(str, given)), ", ".join(sorted(names))
        raise InvalidInputError(
            f"no array is named like an input of the model; the arrays are {has}",
            where="inputs",
            hint=f"Use the names {wants}",
        )
    feeds = fitted(graph, chosen)[0] if samples else checked_feeds(graph, chosen)
    for name, values in feeds.items():
        if not values.size:
            raise InvalidInputError("the array is empty", where=name, hint="Give at least one sample")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InvalidInputError("the array has NaN or infinite values", where=name, hint="Remove these samples")
    return feeds


def _as_array(values: Any, where: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise InvalidInputError(
            "the nested lists do not form an array", where=where, hint="Give rows of one length"
        ) from error

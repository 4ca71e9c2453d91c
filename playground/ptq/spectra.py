"""Spectra written as products: what makes one of a signal, or reads one, and loses too much as an integer product.

A short-time Fourier or constant-Q transform is often a convolution (or a matrix product) whose weights are sinusoids
under a window. What it makes spreads over decades, and is squared, or has its logarithm taken; 8-bit codes of the
signal, or of magnitudes, put noise of one level into all bands. So such convolutions compute in float, with weights
in codes, whose errors are in proportion to what they make. So do those that read spectra before a logarithm makes
their range small, and filters of one channel in front of all that. Matrix products among them keep their weights in
float, too: ONNX Runtime rounds to 8 bits what it multiplies with a matrix of codes (MatMulNBits).
"""

from __future__ import annotations

from collections.abc import Container

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Node
from playground.model.graph_view import GraphView
from playground.operators import Scales, Trait, find, unary_family

LEAST_TAPS, LEAST_BANDS = 64, 8
"""Samples under the shortest window, and rows of the smallest transform."""

NARROW = 0.75
"""Share of its energy that a sinusoid's row has near its peak, within a sixteenth of the band on either side."""

SINUSOIDS, DISTINCT = 0.9, 0.25
"""Shares of the rows that are sinusoids, and that have frequencies of their own: sine and cosine have one for both."""

_AT_ONCE = 32
"""Rows that are looked at before it is asked whether the rest can still make a transform of them."""


def spectral_nodes(view: GraphView) -> tuple[Node, ...]:
    """The products that make spectra or read them, and the filters in front."""
    nodes = [node for node in view.graph.nodes if _is_product(node)]
    found = {node.name for node in nodes if _is_transform(node, view)}
    if not found:
        return ()
    found |= _readers(view, found)
    for node in reversed(nodes):
        if node.name not in found and _is_filter(node, view) and _only_read_by(node, view, found):
            found.add(node.name)
    return tuple(node for node in nodes if node.name in found)


def is_matrix_product(node: Node) -> bool:
    """Whether a product is no convolution."""
    operator = find(node)
    return operator is not None and Trait.CONVOLUTION not in operator.traits


def _readers(view: GraphView, transforms: Container[str]) -> set[str]:
    """Names of the products that read spectra; behind a logarithm, or such a product, there is none any more.

    A filter bank, with weights that are never negative, makes one spectrum of another.
    """
    spectra: set[str] = set()
    found: set[str] = set()
    for node in view.graph.nodes:
        if node.name in transforms:
            spectra.update(node.outputs)
        elif spectra.isdisjoint(node.inputs) or find(node) is unary_family.LOG:
            continue
        elif view.weight(node) is not None:
            found.add(node.name)
            if _is_filter_bank(node, view):
                spectra.update(node.outputs)
        elif not view.weights(node):
            spectra.update(node.outputs)
    return found


def _is_product(node: Node) -> bool:
    operator = find(node)
    return operator is not None and operator.scales is Scales.PRODUCT


def _rows(node: Node, view: GraphView) -> NDArray[np.float32] | None:
    """The weights of a product as rows, one an output, if they have one axis of taps besides."""
    name, axis = view.weight(node), view.channel_axis(node)
    if name is None or axis is None or view.constants[name].dtype != "float32":
        return None
    shape = view.constants[name].shape
    taps = [size for at, size in enumerate(shape) if at != axis and size > 1]
    if len(taps) != 1 or taps[0] < LEAST_TAPS or shape[axis] < LEAST_BANDS:
        return None
    values = np.moveaxis(view.constants[name].numpy(), axis, 0).reshape(shape[axis], -1)
    return values if np.isfinite(values).all() else None


def _is_transform(node: Node, view: GraphView) -> bool:
    rows = _rows(node, view)
    if rows is None:
        return False
    largest = np.abs(rows).max(axis=1)
    # the sine of frequency 0 is none
    rows = rows[largest > 1e-6 * largest.max()]
    if len(rows) < LEAST_BANDS:
        return False
    peaks, sinusoids = set[int](), len(rows)
    for start in range(0, len(rows), _AT_ONCE):
        found, is_narrow = _peaks(rows[start : start + _AT_ONCE])
        sinusoids -= int(np.count_nonzero(~is_narrow))
        # most weights are none, and that is clear after a few rows of thousands
        if sinusoids / len(rows) < SINUSOIDS:
            return False
        peaks.update(found.tolist())
    return len(peaks) / len(rows) >= DISTINCT


def _peaks(rows: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The frequency at which each row has most energy, and whether most of its energy is near it."""
    energy = np.square(np.abs(np.fft.rfft(rows.astype(np.float64), axis=1)))
    peaks, near = energy.argmax(axis=1), max(3, rows.shape[1] // 16)
    distance = np.abs(np.arange(energy.shape[1]) - peaks[:, None])
    share = np.where(distance <= near, energy, 0).sum(axis=1) / energy.sum(axis=1)
    return peaks, share >= NARROW


def _is_filter_bank(node: Node, view: GraphView) -> bool:
    rows = _rows(node, view)
    return is_matrix_product(node) and rows is not None and bool((rows >= 0).all())


def _is_filter(node: Node, view: GraphView) -> bool:
    """Whether it convolves one channel by one filter."""
    operator, weight = find(node), view.weight(node)
    if operator is None or weight is None or Trait.CONVOLUTION not in operator.traits:
        return False
    return view.constants[weight].shape[:2] == (1, 1)


def _only_read_by(node: Node, view: GraphView, found: Container[str]) -> bool:
    """Whether only these nodes read a product's results, perhaps moved."""
    names, seen = list(node.outputs), 0
    while names:
        name = names.pop()
        if name in view.ends:
            return False
        for reader in view.readers(name):
            operator = find(reader)
            if reader.name in found:
                seen += 1
            elif operator is not None and operator.scales is Scales.PASSES:
                names.extend(reader.outputs)
            else:
                return False
    return seen > 0

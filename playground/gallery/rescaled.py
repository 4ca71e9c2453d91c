"""Gallery models that compute exactly what another one computes, from weights that are harder to quantize.

Factors move from one layer to the next. They are powers of two, so nothing is rounded: in floating point the outputs
stay equal bit for bit. These models are made when they are opened, and labelled as made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Node
from playground.model.graph_view import GraphView
from playground.operators import find, layer_normalization, mat_mul

UNBALANCED = (22, 12, 16)
"""The channels between conv1 and depthwise1 of digits-convnet that matter least to its answers ..."""
UNBALANCE = 2.0**8
"""... become so much smaller, and their depthwise filters so much larger."""

OUTLIERS = 4
"""So many channels behind each normalisation ..."""
OUTLIER = 2.0**6
"""... become so much larger, as some do in large language models by themselves."""


def unbalanced(graph: Graph) -> Graph:
    """Filters of a depthwise convolution whose ranges differ by orders of magnitude, in digits-convnet.

    The rectifier between the two layers lets positive factors through. Folding the batch normalisation of channels that
    hardly vary does the same: their small deviation is divided by, and their filters become large.
    """
    factors = np.ones(graph.initializers["conv1.bias"].size, np.float32)
    factors[list(UNBALANCED)] = UNBALANCE
    column = factors[:, None, None, None]
    return graph.with_constants(
        {
            "conv1.weight": graph.initializers["conv1.weight"].numpy() / column,
            "conv1.bias": graph.initializers["conv1.bias"].numpy() / factors,
            "depthwise1.weight": graph.initializers["depthwise1.weight"].numpy() * column,
        },
    )


def with_outliers(graph: Graph) -> Graph:
    """A few channels far larger than the others behind every normalisation that products with constants alone read.

    The normalisation's gain and bias grow in these channels, and the rows of the matrices that read them shrink.
    """
    constants: dict[str, NDArray[Any]] = {}
    for index, (norm, products) in enumerate(_normalised_products(graph)):
        channels = graph.initializers[norm.inputs[1]].size
        factors = np.ones(channels, np.float32)
        factors[(11 * index + 37 * np.arange(OUTLIERS)) % channels] = OUTLIER  # scattered; others behind each
        constants |= {name: graph.initializers[name].numpy() * factors for name in norm.inputs[1:]}
        for name in (product.inputs[1] for product in products):
            constants[name] = graph.initializers[name].numpy() / factors[:, None]
    return graph.with_constants(constants)


def _normalised_products(graph: Graph) -> Iterator[tuple[Node, Sequence[Node]]]:
    """Layer normalisations, each with all that reads it, where these are products with constants."""
    view = GraphView(graph)
    for node in graph.nodes:
        if find(node) is layer_normalization.OPERATOR:
            readers = view.readers(node.outputs[0])
            if readers and all(find(n) is mat_mul.OPERATOR and n.inputs[1] in view.constants for n in readers):
                yield node, readers

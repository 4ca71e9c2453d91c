"""What is known about a model's outputs: the graph behind them, and what the float model makes of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import operators
from playground.model.graph import Node
from playground.model.graph_view import GraphView
from playground.operators import Operator, Trait, find

Array = NDArray[Any]

STEP = 64
"""Widths of hidden layers are multiples of this; numbers of classes hardly ever are."""

CLASS_NAMES = ("logit", "prob", "score", "class", "softmax", "label", "pred")
FEATURE_NAMES = ("embed", "feat", "hidden", "pool", "latent", "descriptor", "state", "vector")
"""Parts of names that exporters give outputs."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What an answer kind is recognised from.

    Attributes:
        view: of the graph, float or quantized.
        outputs: of the float model for one batch, by name; at least one.
        samples: how many samples the batch has.
        labelled: whether the right classes are known, so that answers are classes.
    """

    view: GraphView
    outputs: Mapping[str, Array]
    samples: int
    labelled: bool = False

    def floats(self) -> dict[str, Array]:
        """The outputs of a floating type that have values, in the graph's order."""
        return {name: x for name, x in self.outputs.items() if x.dtype.kind == "f" and x.size and x.ndim}

    def candidates(self, chosen: bool) -> list[tuple[str, Array]]:
        """The outputs that may hold answers, by name: the first of :meth:`floats`, all if it is ``chosen``."""
        return list(self.floats().items())[: None if chosen else 1]

    def maker(self, name: str) -> Operator | None:
        """The operator that computes an output; what only moves or codes values is passed over."""
        node = self.node(name)
        return find(node) if node is not None else None

    def node(self, name: str) -> Node | None:
        """That operator's node."""
        node = self.view.producer(name)
        while node is not None and node.inputs and _passes(node):
            node = self.view.producer(node.inputs[0])
        return node

    def is_softmax(self, name: str, axis: int = -1) -> bool:
        """Whether an output holds probabilities that add up to one along an axis: as written, or by its values."""
        made = self.maker(name)
        if made is not None and made in (operators.softmax.OPERATOR, operators.log_softmax.OPERATOR):
            return True
        x = self.outputs[name]
        if x.shape[axis] < 2 or x.min() < 0 or x.max() > 1:
            return False
        return bool(np.allclose(x.sum(axis=axis, dtype=np.float64), 1, atol=1e-3))

    def is_logarithm(self, name: str) -> bool:
        """Whether an output holds logarithms of probabilities."""
        return self.maker(name) is operators.log_softmax.OPERATOR

    def is_sigmoid(self, name: str) -> bool:
        """Whether an output is made by Sigmoid."""
        return self.maker(name) is operators.sigmoid.OPERATOR

    def input_ids(self) -> bool:
        """Whether the model reads ids (of words, characters), and no float values."""
        return all(value.dtype.startswith(("int", "uint")) for value in self.view.graph.inputs)

    def image(self) -> tuple[int | str | None, ...]:
        """Sizes of the first input with four axes; empty if there is none."""
        shapes = (value.shape for value in self.view.graph.inputs if value.shape is not None)
        return next((tuple(shape) for shape in shapes if len(shape) == 4), ())


def _passes(node: Node) -> bool:
    found = find(node)
    if found is None:
        return False
    codes = (*operators.quantize_linear.OPERATORS, *operators.dequantize_linear.OPERATORS)
    return found in codes or found is operators.identity.OPERATOR or Trait.MOVES in found.traits


def named_like(name: str, parts: tuple[str, ...]) -> bool:
    """Whether a name has one of these parts."""
    return any(part in name.lower() for part in parts)


def looks_like_features(name: str, size: int) -> bool:
    """Whether an axis of this size rather holds features than classes, by the output's name or the size."""
    if named_like(name, FEATURE_NAMES):
        return True
    return size >= STEP and size % STEP == 0 and not named_like(name, CLASS_NAMES)

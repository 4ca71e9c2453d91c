"""How well a classifier answers: accuracy and cross-entropy, of the float model and with a weight tensor replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import gallery
from playground.engines.interpreter import Runner
from playground.errors import InvalidInputError
from playground.model.graph import Graph, Model


@dataclass(frozen=True, slots=True)
class Score:
    """Share of right answers (0 to 1), and mean cross-entropy in nats."""

    accuracy: float
    cross_entropy: float


def score(logits: NDArray[Any], labels: NDArray[np.integer[Any]]) -> Score:
    """Score a classifier's outputs.

    Args:
        logits: (samples, classes), any floating type, before softmax.
        labels: (samples,), the right classes.

    Raises:
        InvalidInputError: the shapes do not belong together.
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise InvalidInputError(
            f"outputs of shape {logits.shape} for labels of shape {labels.shape}",
            where="score",
            hint="Outputs are (samples, classes)",
        )
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    right = shifted[np.arange(labels.size), labels]
    entropy = np.log(np.exp(shifted).sum(axis=1)) - right
    return Score(float((logits.argmax(axis=1) == labels).mean()), float(entropy.mean()))


class Evaluator:
    """A float classifier with its samples. Layers before a replaced weight are not run again.

    Attributes:
        count: how many samples there are.
        float_score: the score of the unchanged model.
    """

    def __init__(self, graph: Graph, samples: NDArray[np.float32], labels: NDArray[np.integer[Any]]) -> None:
        """Run the float model once.

        Args:
            graph: one input, one output of shape (samples, classes).
            samples: float32, what the input takes.
            labels: (samples,), the right classes.
        """
        self._runner = Runner(graph)
        self._labels = labels
        self._output = graph.outputs[0].name
        self.count = len(labels)
        self.float_score = score(self._runner.run({graph.inputs[0].name: samples})[self._output], labels)

    def with_weight(self, name: str, values: NDArray[np.float32]) -> Score:
        """The score with one weight tensor replaced by ``values`` of the same shape."""
        return score(self._runner.rerun({name: values})[self._output], self._labels)


def evaluator_for(key: str, model: Model) -> Evaluator | None:
    """An evaluator for a gallery model on the gallery's held-out digits; None for any other model."""
    if key not in gallery.entries() or model.graph is None:
        return None
    digits = gallery.digits()
    return Evaluator(model.graph, digits.images, digits.labels)

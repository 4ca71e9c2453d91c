"""How well a classifier answers: accuracy and cross-entropy, of the float model and with a weight tensor replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import gallery
from playground.analysis.labels import require_classes
from playground.engines.interpreter import Runner
from playground.errors import InvalidInputError
from playground.model.graph import Graph, Model


@dataclass(frozen=True, slots=True)
class Score:
    """Share of right answers (0 to 1), and mean cross-entropy in nats."""

    accuracy: float
    cross_entropy: float

    @property
    def perplexity(self) -> float:
        """The exponential of the cross-entropy: among how many equally likely classes the model seems to choose."""
        return float(np.exp(self.cross_entropy))


def score(logits: NDArray[Any], labels: NDArray[np.integer[Any]]) -> Score:
    """Score a classifier's outputs.

    Args:
        logits: (samples, classes) or (samples, positions, classes), any floating type, before softmax.
        labels: the right classes, an axis less; any integer type.

    Raises:
        InvalidInputError: the shapes do not belong together, or a label is no class.
    """
    if logits.ndim < 2 or labels.shape != logits.shape[:-1]:
        raise InvalidInputError(
            f"labels of shape {labels.shape} do not fit outputs of shape {logits.shape}",
            where="labels",
            hint="Give one label for each row of classes",
        )
    require_classes(labels, logits.shape, "labels")
    shifted = logits.reshape(labels.size, -1).astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    right = shifted[np.arange(labels.size), labels.reshape(-1)]
    entropy = np.log(np.exp(shifted).sum(axis=1)) - right
    return Score(float((shifted.argmax(axis=1) == labels.reshape(-1)).mean()), float(entropy.mean()))


class Evaluator:
    """A float classifier with its samples. Layers before a replaced weight are not run again.

    Attributes:
        count: how many answers there are to get right.
        noun: what is counted.
        float_score: the score of the unchanged model.
    """

    def __init__(
        self, graph: Graph, samples: NDArray[Any], labels: NDArray[np.integer[Any]], noun: str = "samples"
    ) -> None:
        """Run the float model once.

        Args:
            graph: one input, one output of shape (samples, classes) or (samples, positions, classes).
            samples: what the input takes.
            labels: the right classes, of the output's shape without its last axis.
            noun: what is counted.
        """
        self.noun = noun
        self._runner = Runner(graph)
        self._labels = labels
        self._output = graph.outputs[0].name
        self.count = labels.size
        self.float_score = score(self._runner.run({graph.inputs[0].name: samples})[self._output], labels)

    def with_weight(self, name: str, values: NDArray[np.float32]) -> Score:
        """The score with one weight tensor replaced by ``values`` of the same shape."""
        return score(self._runner.rerun({name: values})[self._output], self._labels)


def evaluator_for(key: str, model: Model) -> Evaluator | None:
    """An evaluator for a gallery model on what it is measured on while a slider moves; None for any other model."""
    if key not in gallery.entries() or model.graph is None:
        return None
    samples = gallery.held_out(key, gallery.entry(key).data.live or None)
    return Evaluator(model.graph, samples.feeds[model.graph.inputs[0].name], samples.labels, samples.noun)

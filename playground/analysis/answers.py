"""The float model's answers and the quantized one's, on the same samples: one number each for the whole model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from playground.analysis.agreement import KEPT, Batch
from playground.analysis.answer_kinds import AUTO
from playground.analysis.outputs import AnswerReader, Measured, OutputTally
from playground.analysis.runs import Variant, batches_task, labels_of, runs_task
from playground.errors import EngineError
from playground.model.graph import Graph
from playground.operators import view_of
from playground.ptq.calibration_data import Feeds, calibration_data
from playground.ptq.quantized_model import QuantizedModel
from playground.ptq.without_graph import QuantizedTensors
from playground.tasks import Task, run_sync, typed_task


@dataclass(frozen=True, slots=True)
class Answers:
    """Both models measured.

    Attributes:
        original: the float model that was quantized, as the recipe's algorithms left it.
        quantized: the quantized one; its agreement and errors are against the other.
        generated: whether the samples were made up: then nothing here is a measurement.
        batches: both models' outputs, unless they take too much memory to be kept.
    """

    original: Measured
    quantized: Measured
    generated: bool
    batches: tuple[Batch, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data, without the outputs."""
        held = {"original": self.original.as_dict(), "quantized": self.quantized.as_dict()}
        return held | {"generated": self.generated}


@typed_task(EngineError, "the answers cannot be measured", where="model", hint="Check the model and the samples")
def answers_task(
    result: QuantizedModel | QuantizedTensors,
    samples: Mapping[str, ArrayLike] | None = None,
    labels: NDArray[Any] | None = None,
    choice: str = AUTO,
) -> Task[Answers]:
    """The work of :func:`answers`."""
    graph, quantized = graphs_of(result)
    data = calibration_data(graph, samples, shapes=getattr(result, "shapes", None))
    batches = yield from batches_task(graph, data)
    wanted = labels_of(labels, data, batches)
    reader = AnswerReader(view_of(graph), choice, labelled=labels is not None, generated=data.generated)
    variants = [
        Variant(graph, reader.names, keep=True, about="Running the float model"),
        Variant(quantized, reader.names, about="Running the quantized model"),
    ]
    tallies = [OutputTally(reader) for _ in variants]

    kept, room = [], KEPT

    def take(batch: int, index: int, first: Feeds, values: Feeds) -> None:
        nonlocal room
        pair = Batch(first, values, wanted[batch], data.count(batches[batch]))
        tallies[index].update(first, values, pair.labels, pair.samples)
        if index:
            room -= pair.nbytes
            kept.append(pair)
            if room < 0:
                kept.clear()

    yield from runs_task(batches, variants, take)
    return Answers(tallies[0].measured(), tallies[1].measured(), data.generated, tuple(kept))


def graphs_of(result: QuantizedModel | QuantizedTensors) -> tuple[Graph, Graph]:
    """The float graph and the quantized one; of weights without their graph the one that computes with their values.

    Raises:
        UnsupportedError: the model that they are of has no graph.
    """
    if isinstance(result, QuantizedModel):
        return result.source, result.model.required_graph()
    return result.model.required_graph(), result.simulated().required_graph()


def answers(
    result: QuantizedModel | QuantizedTensors,
    samples: Mapping[str, ArrayLike] | None = None,
    labels: NDArray[Any] | None = None,
    choice: str = AUTO,
) -> Answers:
    """Measure a quantized model on samples.

    Args:
        result: what ``quantize_model`` gave, or ``quantize_tensors`` of a model with a graph.
        samples: input name -> array of samples, or feeds in a list; made up when left out.
        labels: the right classes, for accuracy and cross-entropy; without them the measure is agreement with the float
            model.
        choice: the kind of answer (docs/answers.md), ``"auto"``: as the outputs look.

    Raises:
        InvalidInputError: samples or labels do not fit, a value is NaN or infinite, or the outputs cannot be read as
            what was chosen.
        EngineError: a model cannot be run.
    """
    return run_sync(answers_task(result, samples, labels, choice))

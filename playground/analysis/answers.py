"""The float model's answers and the quantized one's, on the same samples: one number each for the whole model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from playground.analysis.outputs import Measured, OutputTally, gives_probabilities
from playground.analysis.runs import Variant, batches_task, labels_of, runs_task
from playground.errors import EngineError
from playground.operators import view_of
from playground.ptq.calibration_data import Feeds, calibration_data
from playground.ptq.pipeline import QuantizedModel
from playground.tasks import Task, run_sync, typed_task


@dataclass(frozen=True, slots=True)
class Answers:
    """Both models measured.

    Attributes:
        original: the float model that was quantized, as the recipe's algorithms left it.
        quantized: the quantized one; its agreement and errors are against the other.
        generated: whether the samples were made up: then nothing here is a measurement.
    """

    original: Measured
    quantized: Measured
    generated: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@typed_task(EngineError, "the answers cannot be measured", where="model", hint="Check the model and the samples")
def answers_task(
    result: QuantizedModel, samples: Mapping[str, ArrayLike] | None = None, labels: NDArray[Any] | None = None
) -> Task[Answers]:
    """The work of :func:`answers`."""
    graph, quantized = result.source, result.model.required_graph()
    data = calibration_data(graph, samples, shapes=result.shapes)
    batches = yield from batches_task(graph, data)
    wanted = labels_of(labels, data, batches)
    output = graph.outputs[0].name
    variants = [
        Variant(graph, (output,), keep=True, about="Running the float model"),
        Variant(quantized, (output,), about="Running the quantized model"),
    ]
    tallies = [OutputTally(gives_probabilities(view_of(graph))) for _ in variants]

    def take(batch: int, index: int, first: Feeds, values: Feeds) -> None:
        tallies[index].update(first[output], values[output], wanted[batch])

    yield from runs_task(batches, variants, take)
    return Answers(tallies[0].measured(), tallies[1].measured(), data.generated)


def answers(
    result: QuantizedModel, samples: Mapping[str, ArrayLike] | None = None, labels: NDArray[Any] | None = None
) -> Answers:
    """Measure a quantized model on samples.

    Args:
        result: what ``quantize_model`` gave.
        samples: input name -> array of samples, or feeds in a list; made up when left out.
        labels: the right classes, for accuracy and cross-entropy; without them the measure is agreement with the float
            model.

    Raises:
        InvalidInputError: samples or labels do not fit, or a value is NaN or infinite.
        EngineError: a model cannot be run.
    """
    return run_sync(answers_task(result, samples, labels))

"""Compares the float and the quantized model on all samples of the gallery, or on those of the visitor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from playground import gallery
from playground.analysis.agreement import Batch, Compared, compared
from playground.analysis.answer_kinds import AUTO
from playground.analysis.answers import answers_task, graphs_of
from playground.app.first_supporting_engine import first_supporting_engine_task
from playground.engines.fitting import fitted
from playground.engines.run import run_task
from playground.operators import view_of
from playground.tasks import Task

if TYPE_CHECKING:
    from playground.app.model_jobs import ModelJobs
    from playground.ptq.pipeline import QuantizedModel
    from playground.ptq.without_graph import QuantizedTensors

MOST = 256
"""Samples of the visitor's that are compared: each takes a run of both models, and the model may be a large one."""


def compared_task(
    jobs: ModelJobs, key: str, result: QuantizedModel | QuantizedTensors, choice: str = AUTO
) -> Task[Compared | None]:
    """Compare the quantized model with the float one; None where there is nothing to compare them on.

    Args:
        jobs: on the open model.
        key: its id, as in the settings.
        result: the quantized model, or its quantized weights alone.
        choice: the kind of answer, as in the settings.

    Raises:
        InvalidInputError: the visitor's labels are no classes of the model, or its outputs no answers of that kind.
        EngineError: a model cannot be run.
    """
    if key in gallery.entries():
        return (yield from _on_gallery(jobs, key, result, choice))
    samples, labels = jobs.measured_on()
    return None if samples is None else (yield from _on_samples(result, samples, labels, choice))


def _on_gallery(jobs: ModelJobs, key: str, result: QuantizedModel | QuantizedTensors, choice: str) -> Task[Compared]:
    samples, graph = gallery.held_out(key, gallery.entry(key).data.live or None), jobs.graph()
    floats = yield from run_task(graph, samples.feeds, "reference")
    codes = graphs_of(result)[1]
    quantized, engine = yield from first_supporting_engine_task(codes, samples.feeds)
    batch = Batch(floats, quantized, samples.labels, len(samples.labels))
    return compared(view_of(graph), [batch], engine, choice)


def _on_samples(
    result: QuantizedModel | QuantizedTensors,
    samples: Mapping[str, NDArray[Any]],
    labels: NDArray[Any] | None,
    choice: str,
) -> Task[Compared]:
    source = graphs_of(result)[0]
    held, axes = fitted(source, samples)
    first = axes.part(held, 0, min(MOST, axes.count(held)))
    found = yield from answers_task(result, first, None if labels is None else labels[:MOST], choice)
    view = view_of(source)
    return Compared(found.original, found.quantized, "as fake-quantized", found.generated, found.batches, view)

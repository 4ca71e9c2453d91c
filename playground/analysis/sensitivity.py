"""Which layer hurts: the error that a layer makes itself, the error of its inputs, and the effect on the outputs.

Everything is measured in one pass over the samples: a batch runs through the float and the quantized model, whose
activations are kept until the next, and from them through a graph for each layer, of which only what differs is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from playground.analysis.answer_kinds import AUTO
from playground.analysis.outputs import AnswerReader, Measured, OutputTally
from playground.analysis.runs import Variant, batches_task, labels_of, runs_task
from playground.analysis.variants import Layer, dequantized, layers_of, quantized_only
from playground.errors import EngineError, InvalidInputError, UnsupportedError
from playground.metrics import ErrorSums, compare
from playground.model.graph import Graph
from playground.model.graph_view import GraphView
from playground.operators import view_of
from playground.ptq.calibration_data import Feeds, Shapes, calibration_data
from playground.ptq.qdq import Quantization
from playground.tasks import Progress, Task, run_sync, typed_task


@dataclass(frozen=True, slots=True)
class LayerResult:
    """What quantizing one layer does. Errors have the fields of :func:`playground.metrics.compare`.

    Attributes:
        layer: which one.
        weights: error of its weights; None if they are not quantized.
        local: error of its output when it alone is quantized, so is fed what the float model feeds it.
        accumulated: error of its output when everything is quantized: its own, and what came from before it.
        alone: the model with only this layer quantized ("one on"); None if that was not asked for.
        without: the model with all layers quantized but this one ("one off"); None likewise.
        share: of the distances of the answers that the layers cause alone, this one's part, 0 to 1; None without
            ``alone``.
    """

    layer: Layer
    weights: dict[str, float] | None
    local: dict[str, float]
    accumulated: dict[str, float]
    alone: Measured | None = None
    without: Measured | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What was measured.

    Attributes:
        layers: in graph order.
        original: the float model.
        quantized: the quantized one.
        samples: samples that were run.
        generated: whether these were made up: then nothing here is a measurement.
    """

    layers: tuple[LayerResult, ...]
    original: Measured
    quantized: Measured
    samples: int
    generated: bool

    def gain(self, found: LayerResult) -> float:
        """By how much the loss of the quantized model falls when this layer stays in float; 0 if not measured."""
        return 0.0 if found.without is None else self.quantized.loss - found.without.loss

    def worst(self) -> LayerResult:
        """The layer that hurts most: what is gained most by leaving it in float; without such runs, the noisiest."""
        if self.layers[0].without is None:
            return min(self.layers, key=lambda found: found.local["sqnr_db"])
        return max(self.layers, key=self.gain)

    def as_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        return asdict(self)


@typed_task(EngineError, "the layers cannot be measured", where="model", hint="Check the model and the samples")
def sensitivity_task(
    graph: Graph,
    quantization: Quantization,
    samples: Mapping[str, ArrayLike] | None = None,
    labels: NDArray[Any] | None = None,
    *,
    outputs: bool = True,
    shapes: Shapes | None = None,
    choice: str = AUTO,
) -> Task[Sensitivity]:
    """The work of :func:`sensitivity`."""
    view = view_of(graph)
    layers = layers_of(view, quantization)
    if not layers:
        raise UnsupportedError(
            "the model has no quantized layers", where=graph.name, hint="Read in the report what was skipped, and why"
        )
    data = calibration_data(graph, samples, shapes=shapes)
    batches = yield from batches_task(graph, data)
    reader = AnswerReader(view, choice, labelled=labels is not None, generated=data.generated)
    known = list(zip(labels_of(labels, data, batches), map(data.count, batches), strict=True))
    study = _Study(view, quantization, layers, reader, known, outputs=outputs)
    yield from study.prepared()
    yield from runs_task(batches, study.variants, study.take)
    return study.result(data.samples, data.generated)


def sensitivity(
    graph: Graph,
    quantization: Quantization,
    samples: Mapping[str, ArrayLike] | None = None,
    labels: NDArray[Any] | None = None,
    *,
    outputs: bool = True,
    shapes: Shapes | None = None,
    choice: str = AUTO,
) -> Sensitivity:
    """Measure every quantized layer.

    Args:
        graph: the float graph.
        quantization: what was decided and computed about it (``QuantizedModel.quantization``).
        samples: input name -> array of samples, or feeds in a list; made up when left out.
        labels: the right classes; without them the measure is the difference from the float model.
        outputs: whether to run the model once with and once without each layer. Without, only the errors of layers are
            measured, which takes two runs in all.
        shapes: sizes of made-up inputs, as for ``quantize_model``.
        choice: the kind of answer that is measured (docs/answers.md), ``"auto"``: as the outputs look.

    Raises:
        UnsupportedError: nothing is quantized.
        InvalidInputError: samples or labels do not fit, or a value is NaN or infinite.
        EngineError: the model cannot be run.
    """
    work = sensitivity_task(graph, quantization, samples, labels, outputs=outputs, shapes=shapes, choice=choice)
    return run_sync(work)


class _Study:
    """The graphs to run, and the sums that come of them."""

    def __init__(
        self,
        view: GraphView,
        quantization: Quantization,
        layers: Sequence[Layer],
        reader: AnswerReader,
        known: Sequence[tuple[Any, int]],
        *,
        outputs: bool,
    ) -> None:
        """``known``: of each batch, its labels (None if there are none) and how many samples it has."""
        graph = view.graph
        self._view, self._reader = view, reader
        self._graph, self._quantization, self._layers, self._known = graph, quantization, layers, known
        self._outputs = outputs
        self._every = [node.name for node in view.nodes]
        whole = quantized_only(view, quantization, self._every)
        self._ends = [layer.output for layer in layers]
        written = view_of(whole)
        self._quantized_ends = [dequantized(written, end) for end in self._ends]
        cost = len(graph.nodes)
        self.variants = [
            Variant(graph, (*reader.names, *self._ends), keep=True, about="Running the float model", weight=cost),
            Variant(
                whole,
                (*reader.names, *self._quantized_ends),
                keep=True,
                about="Running the quantized model",
                weight=cost,
            ),
        ]
        self._alone_ends: list[str] = []
        self._local, self._accumulated = ([ErrorSums() for _ in layers] for _ in range(2))
        self._tallies: list[OutputTally] = []
        self._weights: list[dict[str, float] | None] = []

    def prepared(self) -> Task[None]:
        """Write the graphs, and measure the weights."""
        for layer in self._layers:
            yield Progress(0, 1, f"Preparing {layer.node}")
            self._add_layer(layer)
            self._weights.append(self._weights_error(layer))
        where = f"{self._graph.name}: output {self._reader.names[0]!r}"
        self._tallies = [OutputTally(self._reader, f"{where} ({variant.about})") for variant in self.variants]

    def _add_layer(self, layer: Layer) -> None:
        every = self._every
        left = len(every) - every.index(layer.node)
        alone = quantized_only(self._view, self._quantization, layer.nodes)
        end = dequantized(view_of(alone), layer.output)
        self._alone_ends.append(end)
        names = (*self._reader.names, end) if self._outputs else (end,)
        counted = f"Layer {len(self._alone_ends)} of {len(self._layers)}"
        about = f"{counted}: only {layer.node} quantized"
        self.variants.append(Variant(alone, names, about=about, weight=left if self._outputs else 1))
        if self._outputs:
            rest = quantized_only(self._view, self._quantization, [name for name in every if name not in layer.nodes])
            self.variants.append(
                Variant(rest, self._reader.names, about=f"{counted}: all but {layer.node} quantized", weight=left)
            )

    def take(self, batch: int, index: int, first: Feeds, values: Feeds) -> None:
        """Add what a variant makes of a batch; ``first`` is what the float model makes of it."""
        if index == 1:
            for at, (end, name) in enumerate(zip(self._ends, self._quantized_ends, strict=True)):
                self._add(self._accumulated[at], first[end], values[name], at)
        elif index > 1:
            at, second = divmod(index - 2, 2 if self._outputs else 1)
            if not second:
                self._add(self._local[at], first[self._ends[at]], values[self._alone_ends[at]], at)
        if self._outputs or index < 2:
            labels, samples = self._known[batch]
            self._tallies[index].update(first, values, labels, samples)

    def _add(self, sums: ErrorSums, x: NDArray[Any], x_hat: NDArray[Any], at: int) -> None:
        try:
            sums.update(x, x_hat)
        except InvalidInputError as error:
            where = f"{self._graph.name}: output of {self._layers[at].node!r}"
            raise InvalidInputError(error.what, where=where, hint="Leave this layer in float") from error

    def result(self, samples: int, generated: bool) -> Sensitivity:
        """Everything together."""
        alone: list[Measured | None] = [None] * len(self._layers)
        without = list(alone)
        if self._outputs:
            alone = [tally.measured() for tally in self._tallies[2::2]]
            without = [tally.measured() for tally in self._tallies[3::2]]
        total = sum(found.distance for found in alone if found)
        layers = tuple(
            LayerResult(
                layer=layer,
                weights=self._weights[at],
                local=self._local[at].measures(),
                accumulated=self._accumulated[at].measures(),
                alone=alone[at],
                without=without[at],
                share=_share(alone[at], total),
            )
            for at, layer in enumerate(self._layers)
        )
        original, quantized = (tally.measured() for tally in self._tallies[:2])
        return Sensitivity(layers, original, quantized, samples, generated)

    def _weights_error(self, layer: Layer) -> dict[str, float] | None:
        weight = self._quantization.weights.get(layer.weight)
        if weight is None:
            return None
        return compare(self._graph.initializers[layer.weight].numpy(), weight.dequantize())


def _share(alone: Measured | None, total: float) -> float | None:
    if alone is None:
        return None
    return alone.distance / total if total else 0.0

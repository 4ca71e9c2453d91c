"""What an algorithm of ``playground/ptq/`` is: one file, one :class:`Algorithm`; a recipe lists which are called.

They run in the order of their stages, and within a stage in the recipe's order:

- ``"graph"``: before anything is quantized; gives back a changed float graph that computes the same, or nearly so
  (equalisation, SmoothQuant, rotation, pruning);
- ``"weights"``: gives back quantized weights in the place of round-to-nearest (AdaRound, GPTQ, AWQ, HQQ); a weight that
  one algorithm has quantized is not offered to the next;
- ``"after"``: when all weights are quantized; changes float constants to make up for it (bias correction).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from playground.arrays import Float32
from playground.calibration import Parameter
from playground.errors import InvalidInputError
from playground.model.graph import Graph, Node
from playground.model.graph_view import GraphView
from playground.model.recipe import Recipe
from playground.operators import view_of
from playground.ptq.calibration_data import CalibrationData
from playground.ptq.capture import release_task, tap_task, tapped_task
from playground.ptq.placement import Placement
from playground.quantization import QTensor, Range, Scheme
from playground.tasks import Progress, Task

__all__ = ["STAGES", "Algorithm", "Context", "Outcome", "Parameter", "Values"]

STAGES = ("graph", "weights", "after")

Values = dict[str, NDArray[Any]]
"""Tensors of one batch by name."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an algorithm may look at. Nothing in it may be changed in place.

    Attributes:
        view: of the float graph, as the algorithms before this one left it.
        recipe: what is to be done with it.
        placement: which tensors are quantized; ``placement.weights`` holds the schemes, channel axes filled in.
        data: calibration samples; None if the recipe quantizes weights only and none were given.
        batch: how many samples to run at once, so that one batch's activations fit into memory.
        ranges: of the activations that have parameters of their own; empty in stage ``"graph"``.
        weights: quantized so far, by name; empty in stage ``"graph"``, complete in stage ``"after"``.
    """

    view: GraphView
    recipe: Recipe
    placement: Placement
    data: CalibrationData | None = None
    batch: int = 1
    ranges: Mapping[str, Range] = field(default_factory=dict)
    weights: Mapping[str, QTensor] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        """The float graph."""
        return self.view.graph

    def with_graph(self, graph: Graph) -> Context:
        """The same, of a changed graph."""
        return self if graph is self.graph else replace(self, view=view_of(graph))

    def open_weights(self) -> dict[str, Scheme]:
        """The weights of products that no algorithm has quantized yet, with their schemes, in graph order."""
        products = self.products()
        return {
            name: scheme
            for name, scheme in self.placement.weights.items()
            if name in products and name not in self.weights
        }

    def products(self) -> dict[str, Node]:
        """Constant weight -> the first Conv, ConvTranspose, Gemm or MatMul that multiplies with it, unless excluded."""
        found: dict[str, Node] = {}
        for node in self.graph.nodes:
            weight = self.view.weight(node)
            if weight is not None and node.name not in self.placement.excluded:
                found.setdefault(weight, node)
        return found

    def values(self, name: str) -> Float32:
        """A float constant's values. float32, its own shape; not to be changed in place."""
        return self.graph.initializers[name].numpy()

    def fake_quantized(self, weights: Mapping[str, QTensor] | None = None) -> Graph:
        """The graph with weights as they are after quantization: those given, else all that are quantized so far."""
        chosen = self.weights if weights is None else weights
        return self.graph.with_constants({name: weight.dequantize() for name, weight in chosen.items()})

    def stream(
        self,
        names: Collection[str],
        take: Callable[[Values], None],
        graph: Graph | None = None,
        message: str = "Collecting activations",
    ) -> Task[int]:
        """Run the calibration samples through a graph, batch by batch, and hand the named tensors to ``take``.

        One batch at a time is in memory; what ``take`` keeps is its own affair. Ask for all names in one pass.

        Args:
            names: tensors of the graph: inputs, constants or outputs of nodes.
            take: is called once a batch with name -> values, samples along the first axis.
            graph: which one to run; this context's own when left out (:meth:`fake_quantized` for the quantized one).
            message: is shown while it runs.

        Returns:
            The number of batches.

        Raises:
            InvalidInputError: there is no calibration data.
            EngineError: the graph cannot be run on it.
        """
        if self.data is None:
            raise InvalidInputError(
                "this algorithm needs calibration data",
                where="algorithms",
                hint="Give calibration data",
            )
        total, done = self.data.number_of_batches(self.batch), 0
        tap = yield from tap_task(graph or self.graph, names)
        for feeds in self.data.batches(self.batch):
            step = Progress(done, max(total, done + 1), f"{message}, batch {done + 1}")
            take((yield from tapped_task(tap, feeds, step)))
            done += 1
        yield from release_task(tap)
        return done


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an algorithm gives back.

    Attributes:
        graph: the changed float graph, in the stages ``"graph"`` and ``"after"``; None: as it was. Stage ``"after"``
            keeps node names and the quantized weights as they are.
        weights: stage ``"weights"``: quantized constants by name, with the shape and the scheme's format asked for.
        before: what it is about (an error, a range, a share of zeros), as it was. Names are words with underscores.
        after: the same numbers, as they are now.
        tensors: the same a tensor or layer: name -> {number's name: (before, after)}.
        skipped: name of a tensor or node -> why it could not be treated.
        notes: sentences for the report about what was approximated.
    """

    graph: Graph | None = None
    weights: Mapping[str, QTensor] = field(default_factory=dict)
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    tensors: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A way to make post-training quantization lose less.

    Attributes:
        id: stable name, as in a recipe: the module's name.
        name: what people call it.
        summary: one line: what it does.
        source: the paper, and where an implementation was followed.
        stage: one of :data:`STAGES`.
        apply: the work: context and parameters by name (checked, complete) -> outcome.
        parameters: what it can be given; integers come as ``int``.
        needs_data: whether it needs calibration samples.
    """

    id: str
    name: str
    summary: str
    source: str
    stage: str
    apply: Callable[[Context, Mapping[str, float]], Task[Outcome]]
    parameters: tuple[Parameter, ...] = ()
    needs_data: bool = False

    def __post_init__(self) -> None:
        """Refuse an unknown stage, whose algorithms would never run (ValueError)."""
        if self.stage not in STAGES:
            raise ValueError(f"{self.stage!r} is not a stage of algorithms: {', '.join(STAGES)}")

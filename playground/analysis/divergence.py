"""Where engines differ: the codes of every quantized activation, computed by each engine and compared.

Fake-quantized execution (the interpreter: what the operators are specified to do, in float) stands beside integer
execution by our reference, our kernels and ONNX Runtime. Where a code differs by one, a tie was rounded another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground import operators
from playground.analysis.agreement import largest_difference
from playground.analysis.outputs import AnswerReader
from playground.engines import run
from playground.engines.feeds import checked_feeds
from playground.engines.interpreter import run_graph_task
from playground.engines.run import ENGINES
from playground.errors import EngineError, InvalidInputError, PlaygroundError, one_of
from playground.model.graph import Graph, ValueInfo
from playground.model.graph_view import GraphView
from playground.operators import find, view_of
from playground.tasks import Task, run_sync, typed_task

FAKE_QUANT = "fake_quant"
"""The engine that the others are compared with: float arithmetic on values that QuantizeLinear rounds."""

Values = Mapping[str, NDArray[Any]]

_TITLES = run.TITLES | {FAKE_QUANT: "fake quantization", "reference": "our reference in integers"}


@dataclass(frozen=True, slots=True)
class NodeDifference:
    """What two engines make of one activation.

    Attributes:
        node: the node that makes it.
        op: its operator.
        value: the activation's name.
        largest: largest difference, in codes (steps of its scale).
        share: share of its codes that differ.
    """

    node: str
    op: str
    value: str
    largest: int
    share: float


@dataclass(frozen=True, slots=True)
class Divergence:
    """One engine beside another.

    Attributes:
        engine: the one that is looked at.
        beside: the one that it is compared with.
        nodes: every quantized activation, in graph order.
        output: largest absolute difference of the first output.
        agreement: share of equal answers; None where answers are not equal or different.
        failure: why it could not run, else empty.
    """

    engine: str
    beside: str
    nodes: tuple[NodeDifference, ...] = ()
    output: float = float("nan")
    agreement: float | None = None
    failure: str = ""

    @property
    def first(self) -> NodeDifference | None:
        """The first activation in which they differ; None if they agree in all."""
        return next((node for node in self.nodes if node.largest), None)

    @property
    def sentence(self) -> str:
        """What came out, in words."""
        engine, beside = _TITLES.get(self.engine, self.engine), _TITLES.get(self.beside, self.beside)
        engine = engine[0].upper() + engine[1:]
        if self.failure:
            return f"{engine} could not run it: {self.failure}"
        if self.first is None:
            return f"{engine} and {beside} agree in every code of {len(self.nodes)} activations."
        first, steps = self.first, "one step" if self.first.largest == 1 else f"{self.first.largest} steps"
        return (
            f"{engine} and {beside} first part at {first.node} ({first.op}): "
            f"{100 * first.share:.3g} % of its codes differ, by at most {steps}."
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold."""
        first = asdict(self.first) if self.first else None
        return asdict(self) | {"first": first, "sentence": self.sentence}


def divergences(
    graph: Graph, feeds: Mapping[str, ArrayLike], engines: Sequence[str] = tuple(ENGINES)
) -> list[Divergence]:
    """Compare engines with fake-quantized execution, and our kernels with our reference.

    Args:
        graph: a quantized graph.
        feeds: input name -> array; one batch.
        engines: which ones; of those that cannot run the graph the reason is told.

    Raises:
        InvalidInputError: there is no such engine, or the feeds do not fit.
        UnsupportedError: the interpreter lacks an operator of the graph.
    """
    return run_sync(divergences_task(graph, feeds, engines))


@typed_task(EngineError, "the engines cannot be compared", where="model", hint="Check the model and the samples")
def divergences_task(
    graph: Graph, feeds: Mapping[str, ArrayLike], engines: Sequence[str] = tuple(ENGINES)
) -> Task[list[Divergence]]:
    """The work of :func:`divergences`."""
    for engine in engines:
        if engine not in ENGINES:
            raise InvalidInputError(f"{engine!r} is not an engine", where="engines", hint=one_of(engine, ENGINES))
    codes = _codes(graph)
    showing = graph.with_(outputs=(*graph.outputs, *(ValueInfo(name, "", None) for name in codes)))
    made: dict[str, Values] = {FAKE_QUANT: (yield from run_graph_task(graph, feeds, codes))}
    count = max((len(x) for x in checked_feeds(graph, feeds).values() if x.ndim), default=1)
    failures: dict[str, str] = {}
    for engine in engines:
        try:
            made[engine] = yield from ENGINES[engine](showing, feeds)
        except PlaygroundError as error:
            failures[engine] = str(error)
    found = [
        Divergence(engine, FAKE_QUANT, failure=failures[engine])
        if engine in failures
        else _parting(graph, count, (engine, FAKE_QUANT), codes, made)
        for engine in engines
    ]
    if {"wasm", "reference"} <= made.keys():
        found.append(_parting(graph, count, ("wasm", "reference"), codes, made))
    return found


def _codes(graph: Graph) -> dict[str, NodeDifference]:
    """Names of codes -> the node that made what they stand for, in graph order."""
    view = GraphView(graph)
    found = {}
    for node in graph.nodes:
        if find(node) in operators.quantize_linear.OPERATORS and node.inputs[0] not in view.constants:
            maker = view.producer(node.inputs[0])
            name, op = (maker.name, maker.op) if maker else (node.inputs[0], "input")
            found[node.outputs[0]] = NodeDifference(name, op, node.inputs[0], 0, 0.0)
    return found


def _parting(
    graph: Graph,
    samples: int,
    names: tuple[str, str],
    codes: Mapping[str, NodeDifference],
    made: Mapping[str, Values],
) -> Divergence:
    engine, beside = names
    ours, theirs = made[engine], made[beside]
    nodes = []
    for name, about in codes.items():
        difference = np.abs(ours[name].astype(np.int32) - theirs[name].astype(np.int32))
        share = int(np.count_nonzero(difference)) / max(1, difference.size)
        nodes.append(NodeDifference(about.node, about.op, about.value, int(difference.max(initial=0)), share))
    output = graph.outputs[0].name
    outputs = [{value.name: values[value.name] for value in graph.outputs} for values in (ours, theirs)]
    tally = AnswerReader(view_of(graph)).reading(outputs[1], samples).tally()
    tally.update(outputs[1], outputs[0], samples)
    largest = largest_difference(ours[output], theirs[output])
    return Divergence(engine, beside, tuple(nodes), largest, tally.outcome().agreement)

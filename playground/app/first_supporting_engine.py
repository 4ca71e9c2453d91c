"""Running a model on the first of some engines that takes it, as the Run and Model views do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from playground.app.inputs import Feeds
from playground.engines.run import run_task
from playground.errors import UnsupportedError
from playground.model.graph import Graph
from playground.tasks import Task

if TYPE_CHECKING:
    pass

INTEGER_ENGINES = ("wasm", "onnxruntime")
ENGINE_TITLES = {"wasm": "our int8 kernels", "onnxruntime": "ONNX Runtime", "reference": "NumPy"}


def first_supporting_engine_task(graph: Graph, feeds: Feeds, engines: Sequence[str]) -> Task[tuple[Feeds, str]]:
    """Run on the first engine that takes the graph; the answer says which one it was."""
    *first, last = engines
    for engine in first:
        try:
            outputs = yield from run_task(graph, feeds, engine)
        except UnsupportedError:
            continue
        return outputs, ENGINE_TITLES[engine]
    outputs = yield from run_task(graph, feeds, last)
    return outputs, ENGINE_TITLES[last]

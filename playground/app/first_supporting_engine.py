"""Runs a model on the first of several engines that supports it, for the Run and Model views."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.app.inputs import Feeds
from playground.engines.run import TITLES, engines_for, first_supporting_task, run_task
from playground.model.graph import Graph
from playground.tasks import Task


def first_supporting_engine_task(
    graph: Graph, feeds: Feeds, engines: Sequence[str] | None = None
) -> Task[tuple[Feeds, str]]:
    """Run on the first engine that takes the graph; the answer says which one it was.

    Args:
        graph: any graph.
        feeds: input name -> array.
        engines: to try in this order; None: those that suit the graph.
    """
    if engines is None:
        engines = engines_for(graph, {name: np.shape(array) for name, array in feeds.items()})
    outputs, engine, _ = yield from first_supporting_task(engines, lambda engine: run_task(graph, feeds, engine))
    return outputs, TITLES[engine]

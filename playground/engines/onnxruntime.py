"""ONNX Runtime as an engine: native under CPython, Web in the page. Our files are tested with it.

Its functions are coroutines: the page awaits them, native code settles them (``playground.tasks.resolve``) at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from playground import host
from playground.engines.feeds import checked_feeds
from playground.model.graph import Graph
from playground.model.writers.onnx import to_onnx


@dataclass(frozen=True, slots=True)
class Program:
    """A graph that ONNX Runtime has loaded."""

    graph: Graph
    session: host.OrtSession


async def plan(
    graph: Graph, model: bytes | None = None, *, as_written: bool = False, exact_products: bool = False
) -> Program:
    """Load a graph.

    Args:
        graph: the graph, of any operators that ONNX Runtime has.
        model: its ONNX file, if there is one already.
        as_written: see ``host.ort_session``.
        exact_products: see there, too.

    Raises:
        UnsupportedError: ONNX Runtime does not take the model.
        MissingError: onnxruntime is not installed.
    """
    content = to_onnx(graph) if model is None else model
    return Program(graph, await host.ort_session(content, as_written=as_written, exact_products=exact_products))


async def run(program: Program, feeds: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    """The outputs for one batch, by name.

    Raises:
        InvalidInputError: the feeds do not fit the graph.
        EngineError: ONNX Runtime failed.
    """
    return await program.session.run(checked_feeds(program.graph, feeds))

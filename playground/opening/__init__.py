"""Opening a model: what a reader found, brought to the form that the rest of the program works with.

Everything else sees operators in one form each, whatever operator set a file is of.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from playground.errors import BadFileError, plural, typed
from playground.host.sources import Source
from playground.model.graph import Graph, Model
from playground.model.loading import DAMAGED, read
from playground.opening.branches import with_known_conditions, with_weights_outside
from playground.opening.folding import folded
from playground.opening.operator_sets import NEWEST, OLDEST, with_operator_set
from playground.opening.upgrading import upgraded

__all__ = ["load", "opened", "working"]


def load(path_or_bytes: str | Path | bytes | Source, name: str | None = None) -> Model:
    """Read a model file, and bring its graph to the operator set that is worked with.

    Args:
        path_or_bytes: a path, the file's bytes, or a source of them.
        name: the file's name if it is given as bytes; its ending decides where the content fits several formats.

    Returns:
        The model. Tensors are read from the file when their values are needed. ``notes`` says what was changed.

    Raises:
        BadFileError: the file is empty, damaged or truncated, or its format is unknown.
        MissingError: the file, or another one that has its weights, does not exist.
        UnsupportedError: the file uses a part of its format that is not supported.
    """
    model = read(path_or_bytes, name)
    with typed(BadFileError, "the file cannot be read", where=model.name, hint=DAMAGED):
        return opened(model)


def opened(model: Model) -> Model:
    """The model with its graph as it is worked with. Raises as :func:`load` does."""
    if model.graph is None:
        return model
    graph, notes = working(with_weights_outside(model.graph))
    if graph is model.graph:
        return model
    return replace(model, graph=graph, tensors=graph.initializers, notes=(*model.notes, *notes))


def working(graph: Graph) -> tuple[Graph, tuple[str, ...]]:
    """A graph as it is worked with, and a sentence for each thing that was changed.

    Raises:
        BadFileError: a node cannot be what its operator set says.
    """
    if not OLDEST <= graph.opset <= NEWEST:
        return with_known_conditions(graph), ()
    made, count = folded(with_operator_set(upgraded(graph)))
    resolved = with_known_conditions(made)
    if resolved is not made:  # the branch that is taken may have more that is constant
        made, more = folded(resolved)
        count += more
    made = with_weights_outside(made)  # those that folding has made
    told = [] if made.opset == graph.opset else [f"Operator set {graph.opset} was brought to {made.opset}."]
    if count:
        told.append(
            f"{plural(count, 'node')} that {'reads' if count == 1 else 'read'} constants alone became constants."
        )
    return made, tuple(told)

"""Opening a model: what a reader found, brought to the form that the rest of the program works with.

Everything else sees operators in one form each, whatever operator set a file is of.
"""

from __future__ import annotations

from dataclasses import replace

from playground.calls import public
from playground.errors import BadFileError, InvalidInputError, plural, shown, typed
from playground.model.graph import Graph, Model, NoGraph
from playground.model.loading import DAMAGED, GivenModel, read
from playground.opening.branches import with_known_conditions, with_weights_outside
from playground.opening.folding import folded
from playground.opening.operator_sets import NEWEST, OLDEST, is_too_old, with_operator_set
from playground.opening.upgrading import upgraded

__all__ = ["GivenModel", "load", "opened", "working"]


@public("load('model.onnx')", {"format": "name='model.onnx', whose ending tells the format", "path": "given"})
def load(given: GivenModel, name: str | None = None) -> Model:
    """Read a model file, and bring its graph to the operator set that is worked with.

    Args:
        given: a path, the file's bytes, or a source of them; an ``onnx.ModelProto``; a mapping from names to arrays;
            several paths or sources, if the model is in several files; or a model, or what has one as its ``model``,
            which is returned as it is.
        name: the file's name if it is given as bytes; its ending decides where the content fits several formats.

    Returns:
        The model. Tensors are read from the file when their values are needed. ``notes`` says what was changed.

    Raises:
        BadFileError: the file is empty, damaged or truncated, or its format is unknown.
        MissingError: the file, or another one that has its weights, does not exist.
        UnsupportedError: the file uses a part of its format that is not supported.
    """
    if name is not None and not isinstance(name, str):
        raise InvalidInputError(f"{shown(name)} is not a name", where="name", hint="Use name='model.onnx'")
    if isinstance(given, Model):
        return given
    held = getattr(given, "model", None)
    if isinstance(held, Model):
        return held
    model = read(given, name)
    with typed(BadFileError, "the file cannot be read", where=model.name, hint=DAMAGED):
        return opened(model)


def opened(model: Model) -> Model:
    """The model with its graph as it is worked with. Raises as :func:`load` does."""
    if model.graph is None:
        return model
    if is_too_old(model.graph):
        return _without_graph(model, model.graph.opset)
    graph, told = working(with_weights_outside(model.graph))
    graph = with_weights_outside(graph)  # those too that were computed
    if graph is model.graph:
        return model
    notes, changes = (*model.notes, *told), (*model.changes, *told)
    return replace(model, graph=graph, tensors=graph.initializers, notes=notes, changes=changes)


def _without_graph(model: Model, opset: int) -> Model:
    """The tensors of a model whose operators mean what they do not mean here, nor in ONNX Runtime."""
    note = f"It is of operator set {opset}: its tensors are shown, its graph is not"
    no_graph = NoGraph(
        f"operator set {opset} is too old: {OLDEST} is the oldest whose graphs are read",
        "Convert it with onnx.version_converter",
    )
    return replace(model, graph=None, notes=(*model.notes, note), no_graph=no_graph)


def working(graph: Graph) -> tuple[Graph, tuple[str, ...]]:
    """A graph as it is worked with, and a sentence for each thing that was changed.

    Raises:
        BadFileError: a node cannot be what its operator set says.
    """
    if is_too_old(graph) or graph.opset > NEWEST:
        return with_known_conditions(graph), ()
    made, count = folded(with_operator_set(upgraded(graph)))
    resolved = with_known_conditions(made)
    if resolved is not made:  # the branch that is taken may have more that is constant
        made, more = folded(resolved)
        count += more
    made = with_weights_outside(made)  # those that folding has made
    told = []
    if made.opset != graph.opset >= OLDEST:
        told.append(f"Operator set {graph.opset} was brought to {made.opset}.")
    if count:
        told.append(
            f"{plural(count, 'node')} that {'reads' if count == 1 else 'read'} constants alone became constants."
        )
    return made, tuple(told)

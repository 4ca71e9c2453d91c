"""One file an operator, or a small family: all that is known about it, as an :class:`Operator`.

A file is named after its operator (``MatMul`` is in ``mat_mul.py``) or, if it holds several alike, ends in ``_family``.
Files are imported when their operator is first asked for. Names that start with ``_`` are helpers.
"""

from __future__ import annotations

import importlib
import importlib.util
import keyword
import pkgutil
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType, ModuleType

from playground.model.graph import Graph, Node
from playground.model.graph_view import GraphView, Weight
from playground.operators._operator import Form, Operator, Scales, Trait

__all__ = ["Form", "Operator", "Scales", "Trait", "all_operators", "find", "id_of", "operator", "validate", "view_of"]

_ONNX = ("", "ai.onnx")
_FAMILY = "_family"
_found: dict[str, Operator] = {}


def __getattr__(name: str) -> ModuleType:
    """A file of operators, imported when it is first asked for: ``operators.softmax.OPERATOR``."""
    if name.startswith("_") or importlib.util.find_spec(f"{__name__}.{name}") is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")


def id_of(node: Node) -> str:
    """The operator of a node: its name, with its domain where that is not ONNX's own."""
    return node.op if node.domain in _ONNX else f"{node.domain}.{node.op}"


def find(node: Node) -> Operator | None:
    """The operator of a node, or None if it is not known here."""
    return operator(id_of(node))


@lru_cache(maxsize=1024)  # looking for one that is not known takes milliseconds, and a graph may have many
def operator(name: str) -> Operator | None:
    """The operator of this id (see :func:`id_of`), or None if it is not known here."""
    if name not in _found:
        _import(file_name(name))
    if name not in _found:
        for module in _modules():
            if module.endswith(_FAMILY):
                _import(module)
    return _found.get(name)


def all_operators() -> Mapping[str, Operator]:
    """Every operator by its id. Imports all of them."""
    for module in _modules():
        _import(module)
    return MappingProxyType(dict(sorted(_found.items())))


def validate(graph: Graph) -> None:
    """Hold the attributes of all nodes, those in branches included, against what their operators allow.

    Raises:
        InvalidInputError: one is missing, of another kind, or out of its limits.
    """
    for node in graph.nodes:
        known = find(node)
        if known is not None:
            known.validate(node)
        for branch in node.branches:
            validate(branch)


def view_of(graph: Graph, dtypes: Mapping[str, str] | None = None) -> GraphView:
    """The view of a graph that knows the weights of its operators.

    Args:
        graph: the graph.
        dtypes: element types of values that the graph itself does not state.
    """

    def weight(node: Node) -> Weight | None:
        found = find(node)
        return found.weight(node, graph.initializers) if found is not None else None

    def others(node: Node) -> Sequence[Weight]:
        found = find(node)
        return found.recurrent_weights(node, graph.initializers) if found is not None else ()

    return GraphView(graph, weight, others, dtypes)


def file_name(operator: str) -> str:
    """The name, without ``.py``, of the file that an operator has to itself."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[0-9]+", operator.rpartition(".")[2])
    name = "_".join(words).lower()
    return f"{name}_" if keyword.iskeyword(name) else name


def _modules() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def _import(name: str) -> None:
    full = f"{__name__}.{name}"
    if not name or importlib.util.find_spec(full) is None:
        return
    module = importlib.import_module(full)
    for entry in getattr(module, "OPERATORS", None) or (module.OPERATOR,):
        if not isinstance(entry, Operator):
            raise TypeError(f"{full} holds {entry!r}, which is not an Operator")
        if _found.setdefault(entry.id, entry) is not entry:
            raise ValueError(f"{full}: another file holds an operator {entry.id!r} already")

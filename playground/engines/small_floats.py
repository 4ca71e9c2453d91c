"""Which values of a graph are codes of floats of 8 bits or less: an array of them looks like one of whole numbers."""

from __future__ import annotations

import weakref
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from playground import operators
from playground.model.graph import Graph, Node
from playground.operators import Trait, find, id_of

PREFIXES = ("float8_", "float6_", "float4_")

_known: dict[int, tuple[weakref.ref[Graph], Mapping[str, str]]] = {}


def small_floats(graph: Graph, *around: Graph) -> Mapping[str, str]:
    """Value -> its type, of those that are small floats and that the nodes of a graph see.

    Args:
        graph: it; values in graphs inside are left out.
        around: the graphs around it, from the inside out.
    """
    outer = small_floats(*around) if around else {}
    if outer:
        return {**outer, **_types(graph, outer)}
    key = id(graph)
    held = _known.get(key)
    if held is None or held[0]() is not graph:

        def forget(_gone: weakref.ref[Graph]) -> None:
            _known.pop(key, None)

        held = _known[key] = (weakref.ref(graph, forget), MappingProxyType(_types(graph, {})))
    return held[1]


def misread(graph: Graph, *around: Graph) -> Iterator[str]:
    """Operators that would read codes of small floats as whole numbers, each as ``"Add of float8_e4m3fn"``.

    Args:
        graph: it, graphs inside included.
        around: the graphs around it, from the inside out.
    """
    types = small_floats(graph, *around)
    for node in graph.nodes:
        ends = [name for branch in node.branches for name in _ends(branch, graph, *around)]
        given = [types[name] for name in node.inputs if name in types]
        if (given and not _takes(node)) or (node.branches and (given or ends)):
            yield f"{id_of(node)} of {(given or ends)[0]}"
        for branch in node.branches:
            yield from misread(branch, graph, *around)


def _ends(branch: Graph, *around: Graph) -> list[str]:
    types = small_floats(branch, *around)
    return [types[value.name] for value in branch.outputs if value.name in types]


def _types(graph: Graph, outer: Mapping[str, str]) -> dict[str, str]:
    stated = {value.name: value.dtype for value in graph.inputs}
    stated |= {name: tensor.dtype for name, tensor in graph.initializers.items()}
    types = {name: dtype for name, dtype in stated.items() if dtype.startswith(PREFIXES)}
    for node in graph.nodes:
        made = _made(node, ChainMap(types, outer))  # type: ignore[arg-type]  # it is only read
        types |= {name: made for name in node.outputs if name and made}
    return types


def _made(node: Node, types: Mapping[str, str]) -> str:
    operator = find(node)
    if operator is None:
        return ""
    given: Sequence[str] = [types.get(name, "") for name in node.inputs]
    moved = given[0] if given and given[0] and _moves(node) else ""
    return operator.small_float(node, given) or moved


def _moves(node: Node) -> bool:
    """Whether an operator moves codes as they are; what compares values (MaxPool) or mixes them (Resize) does not."""
    operator = find(node)
    if operator is None or Trait.MONOTONIC in operator.traits or not operator.traits & (Trait.MOVES | Trait.REMOVABLE):
        return False
    return operator is not operators.resize.OPERATOR


def _takes(node: Node) -> bool:
    """Whether an operator asks what codes stand for, does not care, or is not run here."""
    operator = find(node)
    if operator is None or Trait.STORED_TYPES in operator.traits or _moves(node):
        return True
    return operator is operators.shape.OPERATOR or operator is operators.size.OPERATOR

"""Turns a QDQ graph and concrete input shapes into an integer program: fused steps without any float in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from playground.engines.feeds import Fed, fits
from playground.engines.planning.expansions import expanded
from playground.engines.planning.layer_norms import with_layer_norms
from playground.engines.small_floats import small_floats
from playground.errors import InvalidInputError, PlaygroundError, UnsupportedError, plural, typed
from playground.model.element_types import BY_NAME
from playground.model.graph import Graph, Node, ValueInfo
from playground.model.graph_view import GraphView
from playground.operators import Operator, Trait, find
from playground.operators._added_rows import with_added_rows
from playground.operators._planning import fold
from playground.programs import program as p
from playground.programs.planner import Codes, Dynamic, Planner, Symbol
from playground.programs.room import room_of

__all__ = ["Refusal", "compile_graph", "needed_steps", "plan_node", "planned", "planner_of", "refusals"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a graph cannot run in integers.

    Attributes:
        node: the node's name, or that of its output.
        op: its operator.
        reason: why integers cannot compute it, as a clause.
    """

    node: str
    op: str
    reason: str

    def __str__(self) -> str:
        """One clause."""
        return f"{self.node} ({self.op}): {self.reason}"


def compile_graph(graph: Graph, shapes: Mapping[str, Sequence[int]], *, floats: bool = False) -> p.Program:
    """Plan a quantized graph (QuantizeLinear / DequantizeLinear around its operators) for integer execution.

    Args:
        graph: nodes in topological order.
        shapes: input name -> concrete shape.
        floats: whether steps may compute in float32, too; then the graph need not be quantized.

    Raises:
        InvalidInputError: an input has no shape here, or one that contradicts the graph's.
        UnsupportedError: names every node that cannot run in integers and why.
    """
    with _boundary(graph):
        planner, refused = _walked(graph, shapes, floats=floats)
        if not refused:
            return _finished(planner)
    raise UnsupportedError(
        f"{plural(len(refused), 'node')} cannot run in {'kernels' if floats else 'integers'}: "
        f"{'; '.join(map(str, refused))}",
        where=graph.name,
        hint="Use engine='onnxruntime'",
    )


def _boundary(graph: Graph) -> AbstractContextManager[None]:
    """The boundary for errors of planning that are not about one node."""
    return typed(UnsupportedError, "the graph cannot be planned", where=graph.name, hint="Use engine='onnxruntime'")


def _finished(planner: Planner) -> p.Program:
    graph = planner.graph
    outputs = {o.name: _output(planner, o.name) for o in graph.outputs}
    kept = set(outputs.values())
    steps = with_added_rows(needed_steps(planner.steps, set(kept)), planner.values, planner.constants, kept)
    used = {name for step in steps for name in step.inputs} | set(outputs.values())
    return p.Program(
        inputs=tuple(info.name for info in graph.inputs),
        outputs=outputs,
        steps=steps,
        values=planner.values,
        constants={name: array for name, array in planner.constants.items() if name in used},
    )


def _output(planner: Planner, name: str) -> str:
    """The value that is an output of the graph, in float32 where only codes exist."""
    if name not in planner.symbols and name not in planner.graph.initializers:
        raise UnsupportedError("no node makes this output", where=name)
    try:
        return planner.floating(name)
    except PlaygroundError as error:
        raise error.at(error.where or name) from error


def _shape_of_input(value: ValueInfo, shapes: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    name = value.name
    if name not in shapes:
        raise InvalidInputError(
            "this input has no shape", where=name, hint=f"Give its shape besides those of {sorted(shapes)}"
        )
    shape = tuple(int(n) for n in shapes[name])
    if 0 in shape:
        raise InvalidInputError(f"shape {shape} has no elements", where=name, hint="Give at least one sample")
    if not fits(value, shape):
        raise InvalidInputError(f"shape {shape} does not fit this input", where=name, hint=f"Use {value.shape}")
    return shape


def _stored(value: ValueInfo) -> str:
    element = BY_NAME.get(value.dtype)
    if element is None or not element.stored:
        raise UnsupportedError(
            f"values of type {value.dtype or 'unknown'} cannot run in integers",
            where=value.name,
            hint="Use engine='onnxruntime'",
        )
    return value.dtype


def refusals(graph: Graph, shapes: Mapping[str, Sequence[int]] | None = None) -> tuple[Refusal, ...]:
    """What keeps a quantized graph from running in integers; empty if it runs. Nothing is run.

    Args:
        graph: as for :func:`compile_graph`.
        shapes: input name -> concrete shape; sizes that the graph leaves open are 1 if none are given.

    Raises:
        InvalidInputError: an input has no shape here, or one that contradicts the graph's.
    """
    if shapes is None:
        shapes = {v.name: [n if isinstance(n, int) else 1 for n in v.shape or ()] for v in graph.inputs}
    try:
        with _boundary(graph):
            planner, refused = _walked(graph, shapes)
            if not refused:
                _finished(planner)
    except UnsupportedError as error:
        return (Refusal(error.where, "", error.what),)
    return tuple(refused)


def planned(graph: Graph, shapes: Mapping[str, Sequence[int]]) -> Planner:
    """What planning a graph that has an integer program finds out about its tensors; the graph as it was planned."""
    with _boundary(graph):
        return _walked(graph, shapes)[0]


def planner_of(graph: Graph, fed: Fed) -> Planner:
    """A planner that knows the inputs of a graph, and nothing of its nodes, written out as planning takes them."""
    planner = _planner(graph, {name: p.Value(array.shape, array.dtype.name) for name, array in fed.items()})
    planner.floats = True
    return planner


def _planner(graph: Graph, inputs: dict[str, p.Value]) -> Planner:
    planner = Planner(with_layer_norms(GraphView(expanded(graph)))[0])
    planner.symbols.update((name, Codes(name)) for name in inputs)
    planner.values.update(inputs)
    planner.room = room_of(graph, [value.nbytes for value in inputs.values()])
    return planner


def _walked(
    graph: Graph, shapes: Mapping[str, Sequence[int]], *, floats: bool = False
) -> tuple[Planner, list[Refusal]]:
    """Plan node after node; nodes that depend on one that cannot run are left out; all that cannot run are named."""
    planner = _planner(graph, {v.name: p.Value(_shape_of_input(v, shapes), _stored(v)) for v in graph.inputs})
    planner.floats = floats
    for value in planner.values.values():
        planner.room.value(value.shape, value.dtype)
    broken: set[str] = set()
    refused: list[Refusal] = []
    for node in planner.graph.nodes:
        unmade = [n for n in node.inputs if n and n not in planner.symbols and n not in planner.graph.initializers]
        if unmade and not broken.intersection(node.inputs):
            refused.append(Refusal(node.name or node.op, node.op, f"no node before it makes its input {unmade[0]!r}"))
        if unmade or broken.intersection(node.inputs):
            broken.update(node.outputs)
            continue
        try:
            planner.symbols.update(plan_node(planner, node))
        except UnsupportedError as error:
            broken.update(node.outputs)
            refused.append(Refusal(node.name or next(iter(node.outputs), ""), node.op, error.what))
    return planner, refused


def plan_node(planner: Planner, node: Node) -> dict[str, Symbol]:
    """What a node's outputs are."""
    operator = find(node)
    if operator is None or (operator.plan is None and operator.domain):
        raise UnsupportedError("this operator has no integer form")
    small = small_floats(planner.graph)
    if small and any(name in small for name in (*node.inputs, *node.outputs)):
        raise UnsupportedError("codes of small floats have no integer form")
    dynamic = any(isinstance(planner.symbols.get(name), Dynamic) for name in node.inputs)
    if dynamic and Trait.TAKES_DYNAMIC not in operator.traits:
        raise UnsupportedError("this operator does not support the outputs of DynamicQuantizeLinear")
    _check_attributes(operator, node)
    try:
        made = (operator.plan or fold)(planner, operator.with_defaults(node))
    except InvalidInputError as error:
        raise UnsupportedError(error.what) from error
    except UnsupportedError:
        raise
    # attributes, constants and shapes that contradict an operator raise exceptions of any type
    except Exception as error:
        known = (name for name in node.inputs if name in planner.symbols)
        shapes = ", ".join(_shown_shape(planner, name) for name in known)
        raise UnsupportedError(f"the operator cannot run on shapes {shapes} ({error})") from error
    symbols = made if isinstance(made, tuple) else (made,)
    return dict(zip(node.outputs, symbols, strict=False))


def _shown_shape(planner: Planner, name: str) -> str:
    try:
        return str(list(planner.shape(name)))
    except Exception:
        return "?"


def _check_attributes(operator: Operator, node: Node) -> None:
    try:
        operator.validate(node)
    except InvalidInputError as error:
        raise UnsupportedError(f"{error.what}; {error.hint[:1].lower()}{error.hint[1:]}") from error


def needed_steps(steps: list[p.Step], wanted: set[str]) -> tuple[p.Step, ...]:
    """The steps whose results are used."""
    kept: list[p.Step] = []
    for step in reversed(steps):
        if step.output in wanted:
            kept.append(step)
            wanted.update(step.inputs)
    return tuple(reversed(kept))

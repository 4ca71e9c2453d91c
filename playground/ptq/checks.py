"""What is checked before anything is computed: the recipe against the model, the runtime, and the algorithms there are.

What is wrong is an error that says where and what to do. Unless the recipe is strict (``partial=False``), it is a
sentence for the report instead, as far as a part of the model can be quantized all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from playground.errors import InvalidInputError, Offer, UnsupportedError
from playground.model.graph import Graph, Node, ValueInfo
from playground.model.graph_view import GraphView
from playground.model.recipe import Recipe, Rule
from playground.model.recipe.unmatched import near_names, unmatched
from playground.operators import id_of
from playground.ptq.choices import quantized_operators

QUANTIZE_THE_REST = Offer(
    "partial",
    in_code="Set partial=True in the recipe to quantize the rest",
    in_page="Or quantize the rest and leave this in float",
    at_terminal="Leave out --strict to quantize the rest",
)
"""Of an error that a recipe with ``partial=True`` would not meet."""

DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Whose operators ONNX Runtime has."""


def checked(view: GraphView, recipe: Recipe) -> list[str]:
    """Check a recipe with a model.

    Returns:
        What is left out, a sentence each.

    Raises:
        InvalidInputError: an algorithm or a parameter of it is not known; in a strict recipe a rule or an override
            matches nothing or never decides.
        UnsupportedError: the runtime does not take what the recipe asks for; the recipe is strict, and the model has
            operators of its own.
    """
    quantized_operators(recipe)
    _check_runtime(view.graph, recipe)
    if recipe.algorithms:
        from playground.ptq.algorithms import checked_calls

        checked_calls(recipe.algorithms)
    sentences = [*_idle_rules(view, recipe), *_unknown_tensors(view.graph, recipe)]
    if sentences and not recipe.partial:
        what, where, hint = sentences[0]
        raise InvalidInputError(what, where=where, hint=hint)
    found = [f"{where[0].upper()}{where[1:]}: {what}. {hint}." for what, where, hint in sentences]
    foreign = list(_foreign(view.graph))
    if foreign and not recipe.partial:
        node, what = foreign[0]
        more = f", and {len(foreign) - 1} more like it" if len(foreign) > 1 else ""
        raise UnsupportedError(
            f"{what}{more}",
            where=f"node {node.name!r} ({node.op})",
            hint="Remove the node from the model",
            offer=QUANTIZE_THE_REST,
        )
    found += [f"Node {node.name!r} ({node.op}) stays as it is: {what}." for node, what in foreign]
    if recipe.activations == "static":
        found += [
            f"In the branches of node {node.name!r} ({node.op}) only weights are quantized."
            for node in view.graph.nodes
            if any(view.weights(inner) for branch in node.branches for inner in branch.walk())
        ]
    return found


def _check_runtime(graph: Graph, recipe: Recipe) -> None:
    from playground.model.runtimes import runtime

    target = runtime(recipe.runtime)
    if not target.reads_graphs:
        raise UnsupportedError(
            f"{target.name} reads no graph, and this model has one",
            where="runtime",
            hint="Write its weights with playground.ptq.without_graph.quantize_tensors(model, recipe), or use an ONNX "
            "runtime",
            at_terminal=f"Use 'playground quantize -o NAME.{target.file}', or an ONNX runtime",
        )
    restrictions = target.restrictions(recipe, graph)
    if restrictions:
        first, others = restrictions[0], len(restrictions) - 1
        more = f" There {'is' if others == 1 else 'are'} {others} more." if others else ""
        raise UnsupportedError(
            first.what, where=first.where, hint=f"{first.hint.rstrip('.')}.{more}" if more else first.hint
        )


def _idle_rules(view: GraphView, recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """Rules about names that match nothing, or that an earlier rule never lets decide.

    A rule for any name (``*``) is general: that this model has no such operator is no mistake.
    """
    matched: list[set[int]] = [set() for _ in recipe.rules]
    for index, node in enumerate(view.nodes):
        constants = [name for name in node.inputs if name in view.constants]
        for tensor in dict.fromkeys([*constants, None]):
            names = (node.name,) if tensor is None else (tensor, node.name)
            shape = None if tensor is None else view.shape(tensor)
            for which, rule in enumerate(recipe.rules):
                if rule.matches(*names, op=node.op, shape=shape):
                    matched[which].add(index)
    taken: dict[int, int] = {}
    for which, rule in enumerate(recipe.rules):
        where = f"rule {which + 1} ({rule.described})"
        if rule.pattern == "*":
            pass
        elif not matched[which]:
            yield _matches_nothing(rule, view), where, _advice(rule.pattern, view.graph)
        elif all(index in taken for index in matched[which]):
            earlier = sorted({taken[index] + 1 for index in matched[which]})
            listed = ", ".join(map(str, earlier))
            yield (
                f"the rule has no effect: rule {listed} comes first wherever it matches",
                where,
                "Move it up, or remove it",
            )
        for index in matched[which]:
            taken.setdefault(index, which)


def _unknown_tensors(graph: Graph, recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    known = {name for node in graph.walk() for name in (*node.inputs, *node.outputs)}
    for override in recipe.overrides:
        if override.tensor not in known:
            yield "the model has no such tensor", f"override of {override.tensor!r}", _advice(override.tensor, graph)


def _advice(wanted: str, graph: Graph) -> str:
    return near_names(wanted, [*graph.initializers, *(node.name for node in graph.walk())])


def _matches_nothing(rule: Rule, view: GraphView) -> str:
    """Why a rule has no effect that fits nothing: no such name, or none with its operator and shape."""
    names = {node.name for node in view.nodes} | set(view.constants)
    activations = {name for node in view.nodes for name in (*node.inputs, *node.outputs)} - names
    return unmatched(rule.pattern, names, activations) or "the rule matches no tensor and no node of the model"


def _foreign(graph: Graph) -> Iterator[tuple[Node, str]]:
    """Operators outside ONNX's own sets that nothing here is known to run."""
    for node in graph.walk():
        if node.domain not in DOMAINS:
            yield node, f"no engine can run operators of the domain {node.domain!r}"


def runnable_part(view: GraphView, lacking: Collection[str] = ()) -> Graph:
    """The graph without operators that nothing here can run, and without what depends on them.

    Its outputs are those that are left, and what else it computes last.

    Args:
        view: of the graph.
        lacking: ids of operators of known domains that nothing here can run either.
    """
    graph = view.graph
    lost: set[str] = set()
    kept = []
    for node in graph.nodes:
        inside = (inner for branch in node.branches for inner in branch.walk())
        foreign = any(held.domain not in DOMAINS or id_of(held) in lacking for held in (node, *inside))
        if foreign or lost.intersection(node.reads):
            lost.update(node.outputs)
        else:
            kept.append(node)
    if not lost:
        return graph
    used = {name for node in kept for name in node.reads}
    ends = [name for node in kept for name in node.outputs if name and name not in used]
    known = {value.name: value for value in graph.outputs}
    outputs = dict.fromkeys([*(name for name in known if name not in lost), *ends])
    held = {name: tensor for name, tensor in graph.initializers.items() if name in used}
    values = tuple(known.get(name, ValueInfo(name, "", None)) for name in outputs)
    return graph.with_(nodes=tuple(kept), outputs=values, initializers=held)

"""Which nodes of a graph the steps of its programs compute: a product, what follows it and the rounding are one."""

from __future__ import annotations

from collections.abc import Iterable

from playground.engines.parts import Part
from playground.model.graph import Node
from playground.operators import Scales, find
from playground.programs.planner import Planner


class Owners:
    """Finds the nodes behind values of programs."""

    def __init__(self, planner: Planner, parts: Iterable[Part]) -> None:
        """``planner``: with all tensors of the graph; ``parts``: all that compute something."""
        self._planner = planner
        self._producers = {name: node for node in planner.graph.nodes for name in node.outputs if name}
        self._made = {self._tensor(step.output) for part in parts if part.plain for step in part.plain.steps}
        self._made |= {name for part in parts for _, _, names in part.nodes for name in names}

    def _tensor(self, value: str) -> str:
        """The tensor of the graph that a value is part of: ``x:real`` belongs to ``x``."""
        while value not in self._producers and ":" in value:
            value = value.rpartition(":")[0]
        return value

    def nodes(self, value: str) -> list[Node]:
        """The nodes whose results a value holds and that are no values of their own, the last one first."""
        found: dict[int, Node] = {}
        waiting = [self._tensor(value)]
        while waiting:
            node = self._producers.get(waiting.pop())
            if node is None or id(node) in found:
                continue
            found[id(node)] = node
            waiting += [name for name in node.reads if name not in self._made and not self._is_known(name)]
        return list(found.values())

    def _is_known(self, name: str) -> bool:
        known = name in self._planner.symbols or name in self._planner.graph.initializers
        return not name or (known and self._planner.is_constant(name))

    def is_rounding(self, node: Node) -> bool:
        """Whether a node only brings values into codes or out of them."""
        operator = find(node)
        return operator is not None and operator.scales is Scales.CODES and not self.operations(node)

    def operations(self, node: Node) -> int:
        """Multiply-adds of a node."""
        operator = find(node)
        names = [name for name in (*node.inputs, *node.outputs) if name]
        held = self._planner.graph.initializers
        shapes = {n: self._planner.shape(n) for n in names if n in self._planner.symbols or n in held}
        try:
            return operator.cost(node, shapes) if operator is not None else 0
        except KeyError:  # a tensor that only exists inside another node
            return 0

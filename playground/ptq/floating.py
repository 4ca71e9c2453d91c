"""What gains nothing by being quantized: operators whose neighbours are in float, or whose values codes would lose.

Exponentials, logarithms, roots, powers and quotients spread over decades, and codes of one scale keep the last one.
So they stay in float, and with them what stands between them: the rest of a normalization or a softmax that is written
out, a mask on its way to the scores. Products are quantized in any case; where only operators in float read a matrix
product, its sums go to them as they are.
"""

from __future__ import annotations

from collections.abc import Container

from playground.model.graph import Node
from playground.model.graph_view import GraphView
from playground.operators import Operator, Scales, Trait, find
from playground.ptq.choices import STATIC
from playground.ptq.masks import Masks
from playground.ptq.patterns import Groups


class Floating:
    """Which nodes stay in float for what they, or their neighbours, do.

    Attributes:
        nodes: names of those that have a quantized form which is not used.
    """

    def __init__(
        self,
        view: GraphView,
        groups: Groups,
        masks: Masks,
        *,
        excluded: Container[str],
        apart: Container[str],
        alone: Container[str],
    ) -> None:
        """Look at the whole graph.

        Args:
            view: of it.
            groups: functions that several operators write out.
            masks: sentinels in it.
            excluded: nodes that stay in float for other reasons: they count as quantized, beside them nothing changes.
            apart: those of them whose results no one scale holds: what reads these, or is only read by them, stays in
                float.
            alone: products of which the weights alone are quantized.
        """
        self._view, self._apart = view, apart
        self._all: set[str] = set()
        weights_alone: set[str] = set()
        open_nodes: list[tuple[Node, Operator]] = []
        for node in view.graph.nodes:
            operator = find(node)
            if node.name in excluded:
                continue
            if operator is None or not (operator.forms & STATIC or Trait.REMOVABLE in operator.traits):
                self._all.add(node.name)
            elif operator.scales is Scales.RECURRENT or node.name in alone:
                # Its weights are quantized, what it reads and makes is not
                self._all.add(node.name)
                weights_alone.add(node.name)
            elif self._has_weights(node, operator):
                continue
            elif (operator.spreads(node, view.constants) and node.outputs[0] not in groups.inner) or masks.touch(node):
                self._all.add(node.name)
            else:
                open_nodes.append((node, operator))
        self._spread(open_nodes)
        self.nodes = frozenset(self._all - weights_alone)

    def keeps_sums(self, node: Node) -> bool:
        """Whether the results of a matrix product go to operators in float only, so that codes would only cost."""
        operator = find(node)
        is_matrix = operator is not None and Trait.CONVOLUTION not in operator.traits
        return is_matrix and self._only_read_in_float(node)

    def keeps_rows(self, node: Node) -> bool:
        """Whether the rows of a table go to operators in float only."""
        return self._only_read_in_float(node)

    def _spread(self, nodes: list[tuple[Node, Operator]]) -> None:
        """To what reads float values, and to what only operators in float read, until nothing changes."""
        while True:
            before = len(self._all)
            nodes = [entry for entry in nodes if not self._joins(self._reads_float(*entry), entry[0])]
            nodes = [e for e in reversed(nodes) if not self._joins(self._only_feeds_float(*e), e[0])][::-1]
            if len(self._all) == before:
                return

    def _joins(self, joins: bool, node: Node) -> bool:
        if joins:
            self._all.add(node.name)
        return joins

    def _has_weights(self, node: Node, operator: Operator) -> bool:
        """Whether it is a product, or takes rows of a table that is known."""
        table = operator.scales is Scales.LOOKUP and node.inputs[0] in self._view.constants
        return table or operator.scales is Scales.PRODUCT

    def _reads_float(self, node: Node, operator: Operator) -> bool:
        for place, name in enumerate(node.inputs):
            producer = self._view.producer(name)
            is_value = operator.data is None or place in operator.data
            if is_value and producer is not None and (producer.name in self._all or producer.name in self._apart):
                return True
        return False

    def _only_feeds_float(self, node: Node, operator: Operator) -> bool:
        producer = self._view.producer(node.inputs[0])
        above = None if producer is None else find(producer)
        # A convolution's results are codes in any case, and codes can clip
        vanishes = operator.scales is Scales.CLIPS and above is not None and Trait.CONVOLUTION in above.traits
        return not vanishes and self._only_read_in_float(node)

    def _only_read_in_float(self, node: Node) -> bool:
        readers = [reader for name in node.outputs for reader in self._view.readers(name)]
        ends = any(name in self._view.ends for name in node.outputs)
        return (
            bool(readers)
            and not ends
            and all(reader.name in self._all or reader.name in self._apart for reader in readers)
        )

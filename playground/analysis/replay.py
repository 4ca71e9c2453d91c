"""Runs graphs that share most of their nodes: a value that they share is computed once.

A value is known by how it comes about: operator, attributes and the identities of its inputs, down to constants (their
contents) and feeds. So a graph in which one layer is quantized shares everything before that layer with the float
graph, and only what follows is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from playground.analysis.replay_programs import ReplayPrograms, worth_keeping
from playground.engines.feeds import checked_feeds
from playground.engines.single_nodes import SingleNodes
from playground.errors import MissingError, one_of
from playground.model.graph import Graph, Node, Tensor
from playground.programs.room import WIDEST, Room, room_of
from playground.tasks import Progress, Task, as_step, thinned

Values = dict[str, NDArray[Any]]

CONSTANTS = 256 * 2**20
"""Bytes of what follows from constants alone (dequantized weights) that are kept from batch to batch."""

_FEED, _CONSTANT = "feed", "constant"


class Replay:
    """An interpreter with a memory: of constants for as long as it lives, of activations until the next batch."""

    def __init__(self, *, programs: bool = False) -> None:
        """Start with nothing remembered.

        Args:
            programs: whether what is needed of a graph runs as a program of our kernels, else node by node.
        """
        self._programs = ReplayPrograms() if programs else None
        self._room: Room = WIDEST
        self._numbers: dict[Hashable, int] = {}
        self._constant: set[int] = set()
        self._digests: dict[int, tuple[Any, str]] = {}
        self._fixed: dict[int, NDArray[Any]] = {}
        self._fixed_bytes = 0
        self._batch: dict[int, NDArray[Any]] = {}
        self._nodes = SingleNodes()
        self._identities: dict[int, tuple[Graph, dict[str, int]]] = {}

    def begin(self) -> None:
        """Forget the activations: what is fed from now on is another batch."""
        self._batch = {}

    def run_task(
        self,
        graph: Graph,
        feeds: Mapping[str, ArrayLike],
        names: Collection[str],
        step: Progress,
        *,
        keep: bool = False,
    ) -> Task[Values]:
        """Run what the named values need and is not known yet.

        Args:
            graph: of operators that the interpreter has.
            feeds: input name -> array; within a batch every graph has to be fed the same.
            names: the values to return; any value of the graph.
            step: told before every node.
            keep: whether to remember all activations for the graphs that follow in this batch.

        Returns:
            Name -> array.

        Raises:
            MissingError: the graph has no such value.
            InvalidInputError, EngineError: as the interpreter.
        """
        identity = self._identity(graph)
        for name in names:
            if name not in identity:
                raise MissingError(f"the model has no value {name!r}", where=graph.name, hint=one_of(name, identity))
        self._feed(graph, feeds, identity)
        if self._programs is not None:
            found = yield from as_step(thinned(self._program_task(self._programs, graph, identity, names, keep)), step)
            if found is not None:
                return found
        needed = self._needed(graph, identity, names, keep)
        last_use = {name: at for at, (_, node) in enumerate(needed) for name in node.reads}
        values: Values = {}
        for at, (_, node) in enumerate(needed):
            yield step
            inputs = {name: self._value(graph, name, identity, values) for name in node.reads}
            made = yield from as_step(self._nodes.evaluate_task(graph, node, inputs), step)
            for name, array in made.items():
                if not self._remember(identity[name], array, keep):
                    values[name] = array
            for name in node.reads:
                if last_use[name] == at and name not in names:
                    values.pop(name, None)
        return {name: self._value(graph, name, identity, values) for name in names}

    def _program_task(
        self, programs: ReplayPrograms, graph: Graph, identity: Mapping[str, int], names: Collection[str], keep: bool
    ) -> Task[Values | None]:
        """What :meth:`run_task` returns, or None where the nodes have to be run one by one."""
        kept = [name for name in worth_keeping(graph) if identity[name] not in self._constant] if keep else []
        ends = [
            name
            for name in dict.fromkeys([*names, *kept])
            if identity[name] not in self._batch and name not in graph.initializers
        ]
        nodes = [node for _, node in self._needed(graph, identity, ends, everything=False, constants=True)]
        if not nodes:
            return {name: self._value(graph, name, identity, {}) for name in names}
        made = {name for node in nodes for name in node.outputs}
        known = {
            name: self._batch[identity[name]]
            for node in nodes
            for name in node.reads
            if name not in made and identity[name] in self._batch
        }
        values = yield from programs.run_task(graph, nodes, known, ends, self._room)
        if values is None:
            return None
        self._batch.update((identity[name], values[name]) for name in kept if name in values)
        return {name: self._value(graph, name, identity, values) for name in names}

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _identity(self, graph: Graph) -> dict[str, int]:
        """Value name -> the number of how it comes about; found once for a graph, which is held."""
        held = self._identities.get(id(graph))
        if held is None:
            held = self._identities[id(graph)] = (graph, self._identify(graph))
        return held[1]

    def _identify(self, graph: Graph) -> dict[str, int]:
        identity = {value.name: self._number((_FEED, value.name)) for value in graph.inputs}
        for name, tensor in graph.initializers.items():
            identity[name] = self._number((_CONSTANT, tensor.dtype, tensor.shape, self._digest(tensor)))
            self._constant.add(identity[name])
        for node in graph.nodes:
            inputs = tuple(identity[name] if name else -1 for name in node.inputs)
            around = tuple(identity[name] for name in node.reads) if node.branches else ()
            attributes = self._all_frozen(node.attributes)
            # Graphs of one model have their operators in one form, whatever operator set each needs
            made = (node.op, node.domain, attributes, len(node.outputs), inputs, around)
            fixed = all(number == -1 or number in self._constant for number in (*inputs, *around))
            for index, name in enumerate(node.outputs):
                identity[name] = self._number((*made, index))
                if fixed:
                    self._constant.add(identity[name])
        return identity

    def _frozen(self, value: Any) -> str:
        """An attribute as something that can be a key."""
        if isinstance(value, Graph):
            held = {name: (t.dtype, t.shape, self._digest(t)) for name, t in value.initializers.items()}
            nodes = [(n.op, n.domain, n.inputs, n.outputs, self._all_frozen(n.attributes)) for n in value.nodes]
            return repr((value.inputs, value.outputs, nodes, held))
        if isinstance(value, np.ndarray):
            return f"{value.dtype} {value.shape} {value.tobytes().hex()}"
        return repr(value)

    def _all_frozen(self, attributes: Mapping[str, Any]) -> Hashable:
        return tuple(sorted((name, self._frozen(value)) for name, value in attributes.items()))

    def _digest(self, tensor: Tensor) -> str:
        """What a constant holds; looked at once for each tensor and for each array (variants share their codes)."""
        for_tensor = self._digests.get(id(tensor))
        if for_tensor is not None:
            return for_tensor[1]
        array = tensor.numpy()
        for_array = self._digests.get(id(array))
        digest = for_array[1] if for_array else hashlib.blake2b(np.ascontiguousarray(array).data).hexdigest()
        # Both are held, so that no other object can take their ids
        self._digests[id(tensor)], self._digests[id(array)] = (tensor, digest), (array, digest)
        return digest

    def _feed(self, graph: Graph, feeds: Mapping[str, ArrayLike], identity: Mapping[str, int]) -> None:
        fed = checked_feeds(graph, feeds)
        self._room = room_of(graph, fed.sizes)
        for name, array in fed.items():
            self._batch.setdefault(identity[name], array)

    def _needed(
        self,
        graph: Graph,
        identity: Mapping[str, int],
        names: Iterable[str],
        everything: bool,
        constants: bool = False,
    ) -> Sequence[tuple[int, Node]]:
        """The nodes that have to be run, in the graph's order; with ``constants``, those of what is constant, too."""
        known = [self._batch] if constants else [self._batch, self._fixed]
        wanted, needed = set(names), []
        for index in range(len(graph.nodes) - 1, -1, -1):
            node = graph.nodes[index]
            outputs = [name for name in node.outputs if name]
            if not everything and not wanted.intersection(outputs):
                continue
            if all(any(identity[name] in some for some in known) for name in outputs):
                continue
            needed.append((index, node))
            wanted.update(node.reads)
        return needed[::-1]

    def _value(self, graph: Graph, name: str, identity: Mapping[str, int], values: Values) -> NDArray[Any]:
        if name in values:
            return values[name]
        number = identity[name]
        for known in (self._batch, self._fixed):
            if number in known:
                return known[number]
        return graph.initializers[name].numpy()

    def _remember(self, number: int, array: NDArray[Any], keep: bool) -> bool:
        if number in self._constant:
            if self._fixed_bytes + array.nbytes > CONSTANTS:
                return False
            self._fixed[number] = array
            self._fixed_bytes += array.nbytes
            return True
        if keep:
            self._batch[number] = array
        return keep

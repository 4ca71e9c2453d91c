"""Functions that an ONNX file defines itself: every call is replaced by the function's nodes.

As ONNX describes it (docs/IR.md, "Functions"): formal inputs and outputs stand for those of the call, an attribute that
refers to one of the function's takes the call's value, or the function's default, or is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.errors import BadFileError
from playground.limits import MOST_CALL_DEPTH, MOST_INLINED_BYTES, MOST_NAME_PARTS, MOST_NODES
from playground.model.naming import FreeNames
from playground.model.onnx_proto import Message

_INLINE = "Inline the functions with onnx.inliner"

Key = tuple[str, str, str]
"""Domain, name and overload."""


def inline(model: Message, where: str) -> str:
    """Replace all calls in a model, in place.

    Args:
        model: a ModelProto.
        where: what errors call it.

    Returns:
        Why that cannot be done, and then nothing has changed; ``""`` when it is done.

    Raises:
        BadFileError: a function is defined twice, calls itself, is called with too many inputs or outputs, or its calls
            become more than anybody can mean.
    """
    functions: dict[Key, Message] = {}
    for function in model.functions:
        key = (function.domain, function.name, function.overload)
        if key in functions:
            raise BadFileError(
                f"the function {function.name!r} is defined twice", where=where, hint="Remove one definition"
            )
        functions[key] = function
    versions = {_domain(held.domain): held.version for held in model.opset_import}
    for function in functions.values():
        for held in function.opset_import:
            if versions.setdefault(_domain(held.domain), held.version) != held.version:
                return f"its function {function.name!r} is written for another operator set ({held.version})"
    stems = _Stems(where)
    _collect_stems(model.graph, stems)
    inliner = _Inliner(functions, stems, FreeNames(also=stems), where)
    inliner.count(model.graph.node, 0)
    inliner.replace(model.graph, ())
    _declare(model, versions, {key[0] for key in functions})
    return ""


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else str(name)


def _declare(model: Message, versions: Mapping[str, int], defined: set[str]) -> None:
    """The operator sets that the functions' nodes are of."""
    known = {_domain(held.domain) for held in model.opset_import}
    for domain in versions.keys() - known - defined:
        model.opset_import.add(domain=domain, version=versions[domain])


class _Stems:
    """What names begin with, up to each of their slashes: a tree of the parts between them, which is linear in size."""

    def __init__(self, where: str) -> None:
        self._tree: dict[str, Any] = {}
        self._where, self._left = where, MOST_NAME_PARTS

    def add(self, name: str) -> None:
        """All that a name begins with."""
        at = self._tree
        for part in name.split("/")[:-1]:
            if part not in at:
                self._left -= 1
                if self._left < 0:
                    raise BadFileError(
                        f"the names in the file have more than {MOST_NAME_PARTS} parts between slashes",
                        where=self._where,
                        hint="Shorten the names",
                    )
            at = at.setdefault(part, {})

    def __contains__(self, stem: object) -> bool:
        """Whether a name begins with this and a slash."""
        at = self._tree
        for part in str(stem).split("/"):
            if part not in at:
                return False
            at = at[part]
        return True


def _collect_stems(graph: Message, stems: _Stems) -> None:
    """Of all values, those in subgraphs included."""
    for value in (*graph.input, *graph.initializer):
        stems.add(value.name)
    for node in graph.node:
        for name in node.output:
            stems.add(name)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _collect_stems(attribute.g, stems)


@dataclass(slots=True)
class _Inliner:
    functions: Mapping[Key, Message]
    stems: _Stems
    names: FreeNames
    where: str
    seen: int = 0
    copied: int = 0
    sizes: dict[Key, int] = field(default_factory=dict)
    """How many nodes a function becomes at least; none yet of one that is being counted."""

    def count(self, nodes: Iterable[Message], depth: int) -> int:
        """How many nodes these become at least, without making any: functions that call others twice double.

        Graphs that a call hands to its function are not counted; ``replace`` keeps the limit for them.
        """
        total = 0
        for node in nodes:
            if total >= MOST_NODES or depth > MOST_CALL_DEPTH:
                raise self._too_often()
            key = (node.domain, node.op_type, node.overload)
            if key in self.functions and key not in self.sizes:
                self.sizes[key] = 0  # one that calls itself is told by replace
                self.sizes[key] = self.count(self.functions[key].node, depth + 1)
            total += 1 + self.sizes.get(key, 0)
        return total

    def _too_often(self) -> BadFileError:
        return BadFileError("functions call each other too often", where=self.where, hint=_INLINE)

    def replace(self, graph: Message, inside: tuple[Key, ...]) -> None:
        """Replace the calls of a graph and of its subgraphs; ``inside``: the functions whose bodies it is in."""
        made: list[Message] = []
        for node in graph.node:
            made += self._replaced(node, inside)
        copies = [_copy(node) for node in made]  # clearing the field takes its messages away
        del graph.node[:]
        graph.node.extend(copies)

    def _replaced(self, node: Message, inside: tuple[Key, ...]) -> Sequence[Message]:
        self.seen += 1
        if self.seen > MOST_NODES or len(inside) > MOST_CALL_DEPTH:
            raise self._too_often()
        key = (node.domain, node.op_type, node.overload)
        if key not in self.functions:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    self.replace(attribute.g, inside)
            return (node,)
        if key in inside:
            raise BadFileError(
                f"the function {node.op_type!r} calls itself", where=self.where, hint="Remove the recursive call"
            )
        return [
            inner for made in self._body(node, self.functions[key]) for inner in self._replaced(made, (*inside, key))
        ]

    def _body(self, call: Message, function: Message) -> list[Message]:
        """The function's nodes with the call's names and attributes."""
        if len(call.input) > len(function.input) or len(call.output) > len(function.output):
            raise BadFileError(
                f"node {call.name!r} calls the function {function.name!r} with too many inputs or outputs",
                where=self.where,
                hint="Give as many as the function has",
            )
        names = dict.fromkeys(function.input, "") | dict(zip(function.input, call.input, strict=False))
        wanted = {formal: actual for formal, actual in zip(function.output, call.output, strict=False) if actual}
        passed_on = {formal: wanted.pop(formal) for formal in list(wanted) if formal in names}
        names |= wanted
        stem = self._free(call.name or next(iter(call.output), function.name))
        attributes = {held.name: held for held in (*function.attribute_proto, *call.attribute)}
        nodes = [_copy(node) for node in function.node]
        self._rename(nodes, stem, names, attributes)
        self.copied += sum(node.ByteSize() for node in nodes)
        if self.copied > MOST_INLINED_BYTES:
            raise BadFileError(
                f"inlined functions take more than {MOST_INLINED_BYTES} bytes", where=self.where, hint=_INLINE
            )
        for formal, actual in passed_on.items():  # an output that is an input as it came
            identity = type(call)(op_type="Identity", name=f"{stem}/{formal}")
            identity.input.append(names[formal])
            identity.output.append(actual)
            nodes.append(identity)
        return nodes

    def _free(self, wanted: str) -> str:
        """What the body's names begin with: nothing else begins so."""
        stem = self.names.take(wanted)
        self.stems.add(f"{stem}/")
        return stem

    def _rename(
        self, nodes: Sequence[Message], stem: str, names: dict[str, str], attributes: Mapping[str, Message]
    ) -> None:
        """Give nodes their names in the graph they go to, and attributes their values, in place."""
        for node in nodes:
            node.name = f"{stem}/{node.name or node.op_type}"
            for at, name in enumerate(node.input):
                node.input[at] = names.get(name, name)
            _resolve(node, attributes)
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    self._rename_graph(attribute.g, stem, names, attributes)
            for at, name in enumerate(node.output):
                if name and name not in names:
                    names[name] = f"{stem}/{name}"
                    if "/" in name:  # what it begins with otherwise is known: the stem
                        self.stems.add(names[name])
                node.output[at] = names[name] if name else ""

    def _rename_graph(
        self, graph: Message, stem: str, outer: Mapping[str, str], attributes: Mapping[str, Message]
    ) -> None:
        names = dict(outer)
        for value in (*graph.input, *graph.initializer):
            names[value.name] = value.name = f"{stem}/{value.name}"
        del graph.value_info[:]
        self._rename(graph.node, stem, names, attributes)
        for value in graph.output:
            value.name = names.get(value.name, value.name)


def _copy(node: Message) -> Message:
    made = type(node)()
    made.CopyFrom(node)
    return made


def _resolve(node: Message, attributes: Mapping[str, Message]) -> None:
    """Attributes that refer to one of the function's get its value; without one they are left out."""
    held = [_copy(attribute) for attribute in node.attribute]
    del node.attribute[:]
    for attribute in held:
        if not attribute.ref_attr_name:
            node.attribute.append(attribute)
        elif attribute.ref_attr_name in attributes:
            given = _copy(attributes[attribute.ref_attr_name])
            given.name = attribute.name
            node.attribute.append(given)

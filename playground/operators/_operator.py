"""All that the program knows about one operator, as a value."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from playground.errors import InvalidInputError, plural
from playground.model.graph import Node, Tensor
from playground.operators._attributes import Attribute, where_of
from playground.operators._kinds import Form, Scales, Takes, Trait
from playground.programs.call import Array, Call
from playground.programs.room import WIDEST, Room
from playground.tasks import Task

if TYPE_CHECKING:
    from playground.operators._qdq import Expansion
    from playground.operators._ranks import Rank
    from playground.operators._upgrades import Upgrade
    from playground.programs.planner import Planner, Symbol

__all__ = ["Form", "Operator", "Scales", "Takes", "Trait", "Weight", "first_output"]

Run = Callable[..., Array | tuple[Array, ...]]
"""``run(call, *inputs)``: the output, or a tuple of them. An omitted input is None."""

RunGraphs = Callable[..., Task[tuple[Array, ...]]]
"""The same as a task, of an operator that runs graphs: ``yield from call.run_graph(graph, inputs)``."""

Plan = Callable[["Planner", Node], "Symbol | tuple[Symbol, ...]"]
"""``plan(planner, node)``: what the node's outputs are, in an integer program."""

Shapes = Mapping[str, Sequence[int]]
"""Tensor name -> sizes of its axes."""


@dataclass(frozen=True, slots=True)
class Weight:
    """An input that may hold weights.

    Attributes:
        place: which input.
        channel_axis: node, rank of the weight -> the axis along which outputs have a channel each; None if none is.
    """

    place: int
    channel_axis: Callable[[Node, int], int | None]


def _arity(run: Run | RunGraphs) -> tuple[int, float]:
    parameters = list(inspect.signature(run).parameters.values())[1:]
    least = sum(p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty for p in parameters)
    return least, math.inf if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(parameters)


Limits = Callable[[Node, Mapping[str, Tensor]], tuple[float, float] | None]
"""``limits(node, constants)``: what values are held to; None if it is only known when the model runs."""


def no_limits(node: Node, constants: Mapping[str, Tensor]) -> tuple[float, float]:
    """The limits of operators that have none."""
    return -math.inf, math.inf


def nothing(node: Node) -> tuple[str, ...]:
    """The inputs that an operator inserts among its results: none."""
    return ()


def no_small_float(node: Node, types: Sequence[str]) -> str:
    """The type of a result that is a small float: most operators give none."""
    return ""


def never(node: Node, constants: Mapping[str, Tensor]) -> bool:
    """Whether the results of most operators spread over decades: they do not."""
    return False


def always(node: Node, constants: Mapping[str, Tensor]) -> bool:
    """Whether the results of exponentials, logarithms and quotients spread over decades: they do."""
    return True


def no_cost(node: Node, shapes: Shapes) -> int:
    """The cost of operators without multiply-adds."""
    return 0


def first_output(node: Node) -> tuple[int, ...]:
    """The places of outputs with the first input's scale: the first one."""
    return (0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An operator of ONNX, or of a runtime's own domain.

    Attributes:
        name: as files have it.
        domain: empty for ONNX's own.
        versions: of its operator set: the first and the last one with a form that is known here; None: the newest.
        run: the float function in NumPy; None: only native runtimes have it.
        run_graphs: the float function of an operator that runs the graphs inside its nodes, in place of ``run``.
        attributes: which it has and what they may be.
        data: places of the inputs that carry values; the others are shapes, indices, conditions or parameters. None:
            all carry values.
        takes: what each input is; those beyond the last one stated are as that one.
        ranks: how many axes its first input has at least and at most.
        weights: the inputs that may hold weights. Of a product the first that is a constant does, of a recurrent
            operator all that are.
        bias: the place of the input that may hold a bias.
        scales: what it does to scales.
        passes: node -> places of the outputs that have the first input's scale, if it passes scales on.
        output_range: what its output never leaves.
        limits: what it holds values to, if that is all it does to them.
        inserts: node -> the inputs whose values stand among its results as they are.
        spreads: node, constants -> whether its results spread over decades: codes of one scale lose most of them.
        small_float: node, element types of its inputs -> the type of its result where that is a float of 8 bits or
            less, of which an array has only the codes; empty where it is not. What moves values needs none.
        traits: what else holds.
        forms: in which forms it can be quantized.
        rank: how many axes its outputs have; None: as Scales says, or that is not known.
        since: for each input the operator set since which it exists and the node means what it means here; the last
            entry is that of all further inputs. Attributes have their own.
        types_since: element type -> the operator set since which it takes this type, where that is a late one.
        upgrade: brings a node of an older operator set to the form that is known here.
        expand: writes a node out in other operators, which is what is planned instead.
        plan: makes its integer form: what its outputs are. None: only constants can be computed.
        cost: node, shapes of its inputs and outputs -> multiply-adds.
        arity: how many inputs its float function takes at least and at most.
        defaults: attribute -> what it is where a node does not state it, if that can be said without the node.
    """

    name: str
    domain: str = ""
    versions: tuple[int, int | None] = (1, None)
    run: Run | None = None
    run_graphs: RunGraphs | None = None
    attributes: tuple[Attribute, ...] = ()
    data: tuple[int, ...] | None = None
    takes: tuple[Takes, ...] = (Takes.VALUES,)
    ranks: tuple[int, int] = (1, 6)
    weights: tuple[Weight, ...] = ()
    bias: int | None = None
    scales: Scales = Scales.FLOAT
    passes: Callable[[Node], tuple[int, ...]] = first_output
    output_range: tuple[float, float] | None = None
    limits: Limits = no_limits
    inserts: Callable[[Node], Sequence[str]] = nothing
    spreads: Callable[[Node, Mapping[str, Tensor]], bool] = never
    small_float: Callable[[Node, Sequence[str]], str] = no_small_float
    traits: Trait = Trait.NONE
    forms: Form = Form.NONE
    rank: Rank | None = None
    since: tuple[int, ...] = (1,)
    types_since: Mapping[str, int] = field(default_factory=dict)
    upgrade: Upgrade | None = None
    expand: Callable[[Expansion, Node], None] | None = None
    plan: Plan | None = None
    cost: Callable[[Node, Shapes], int] = no_cost
    defaults: Mapping[str, Any] = field(init=False, repr=False)
    arity: tuple[int, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Collect the attributes' defaults by name, and count the float function's inputs."""
        defaults = {a.name: a.default for a in self.attributes if a.default is not None}
        object.__setattr__(self, "defaults", MappingProxyType(defaults))
        run = self.run or self.run_graphs
        object.__setattr__(self, "arity", (0, math.inf) if run is None else _arity(run))

    @property
    def id(self) -> str:
        """Its name, with its domain where that is not ONNX's own."""
        return f"{self.domain}.{self.name}" if self.domain else self.name

    def get(self, node: Node, name: str, otherwise: Any = None) -> Any:
        """An attribute of a node: as stated, else the operator's default; ``otherwise`` if it has none."""
        if name in node.attributes:
            return node.attributes[name]
        return self.defaults.get(name, otherwise)

    def with_defaults(self, node: Node) -> Node:
        """The node with all attributes stated that have a default."""
        return replace(node, attributes={**self.defaults, **node.attributes})

    def call(self, node: Node, outputs: int = 1, stored: tuple[str, ...] = (), room: Room = WIDEST) -> Call:
        """The arguments of the float function for a node."""
        return Call({**self.defaults, **node.attributes}, outputs, stored, room)

    def validate(self, node: Node) -> None:
        """Hold a node's attributes, and the number of its inputs, against what they may be.

        Raises:
            InvalidInputError: an input or attribute is missing, too many, of another kind or beyond its limits.
        """
        least, most = self.arity
        if len(node.inputs) > most or not all(node.inputs[: int(least)]) or len(node.inputs) < least:
            given = sum(map(bool, node.inputs))
            takes = (
                f"{least:g}"
                if least == most
                else f"{least:g} or more"
                if most == math.inf
                else f"{least:g} to {most:g}"
            )
            raise InvalidInputError(
                f"{node.op} has {plural(given, 'input')}",
                where=where_of(node),
                hint=f"Give it {takes}",
            )
        for attribute in self.attributes:
            if attribute.name in node.attributes:
                attribute.check(node.attributes[attribute.name], node)
            elif attribute.required:
                attribute.refuse_absence(node)

    def needs(self, node: Node) -> int:
        """The operator set since which a node in the form that is known here means what it means here."""
        last = len(self.since) - 1
        needed = [self.versions[0], self.since[0]]
        needed += [self.since[min(place, last)] for place, name in enumerate(node.inputs) if name]
        needed += [a.needs(node.attributes[a.name]) for a in self.attributes if a.name in node.attributes]
        return max(needed)

    def weight(self, node: Node, constants: Mapping[str, Tensor]) -> tuple[str, int | None] | None:
        """The constant that holds a product's weights, and its axis along which outputs have a channel each.

        None of operators that are no products, and where no constant holds weights. The axis is None if it has none.
        """
        place = self.weight_place([name in constants for name in node.inputs])
        if self.scales is not Scales.PRODUCT or place is None:
            return None
        name = node.inputs[place]
        weight = next(weight for weight in self.weights if weight.place == place)
        return name, weight.channel_axis(node, len(constants[name].shape))

    def recurrent_weights(self, node: Node, constants: Mapping[str, Tensor]) -> tuple[tuple[str, int | None], ...]:
        """All constants that hold weights of a recurrent operator, each with the axis of its channels."""
        if self.scales is not Scales.RECURRENT:
            return ()
        named = [(weight, node.inputs[weight.place]) for weight in self.weights if weight.place < len(node.inputs)]
        held = [(weight, name) for weight, name in named if name in constants]
        return tuple((name, weight.channel_axis(node, len(constants[name].shape))) for weight, name in held)

    def weight_place(self, is_constant: Sequence[bool]) -> int | None:
        """Which input holds the weights, given for each whether it is a constant; None if none does."""
        return next((w.place for w in self.weights if w.place < len(is_constant) and is_constant[w.place]), None)

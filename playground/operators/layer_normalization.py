"""LayerNormalization: rows brought to mean 0 and variance 1, scaled and shifted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.host.kernel import FLAG, Kernel, floats, octets
from playground.model.graph import Node
from playground.operators._attributes import Attribute, axis_of
from playground.operators._elementwise import together
from playground.operators._float_rows import integers_or_floats, normalized_rows
from playground.operators._floats import float_input
from playground.operators._operator import Form, Operator, Scales, Takes
from playground.operators._ranks import as_input
from playground.programs import integer_ops as ops
from playground.programs import row_ops
from playground.programs.call import Array, Call
from playground.programs.integer_ops import Target
from playground.programs.kernel_parts import coded, epilogue
from playground.programs.planner import Deferred, Planner, Symbol
from playground.programs.program import Step, Value

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


def run(call: Call, x: Array, scale: Array, bias: Array | None = None) -> Array | tuple[Array, Array, Array]:
    """Mean 0 and variance 1 over the axes from ``axis`` on, then scale and bias; also mean and 1 / deviation."""
    axes = tuple(range(axis_of(call.get("axis"), x.ndim), x.ndim))
    together(call, x, scale, x if bias is None else bias)
    mean = x.mean(axis=axes, keepdims=True)
    centred = x - mean
    inverse = 1 / np.sqrt(np.mean(centred * centred, axis=axes, keepdims=True) + x.dtype.type(call.get("epsilon")))
    y = centred * inverse * scale
    if bias is not None:
        y = y + bias
    return (y, mean, inverse)[: call.outputs] if call.outputs > 1 else y


LAYER_NORM = Kernel(
    "k_layer_norm_s8",
    {"codes": octets("rows", "columns"), "gamma": floats("columns"), "beta": floats("columns")},
    ranges={"centred": FLAG},
    parts=(coded(), epilogue("rows", "columns")),
)


@dataclass(frozen=True, slots=True, eq=False)
class LayerNorm(Step):
    """Rows along the last axis brought to mean 0 and variance 1, then scaled and shifted.

    Attributes:
        x_zero_point: of the input.
        epsilon: over the square of the input's scale.
        gamma: float32, one a column, over the output's scale.
        beta: likewise.
        to: what the results become.
    """

    x_zero_point: int
    epsilon: np.float32
    gamma: NDArray[np.float32]
    beta: NDArray[np.float32]
    to: Target

    def compute(self, inputs: list[Array], out: Value) -> Array:
        """The normalized rows, rounded."""
        return row_ops.layer_norm(
            inputs[0],
            self.to,
            zero_point=self.x_zero_point,
            epsilon=float(self.epsilon),
            gamma=self.gamma,
            beta=self.beta,
        )

    def lower(self, to: Lowering) -> None:
        """LayerNorm."""
        (name,) = self.inputs
        out = to.new(self.output)
        to.call(
            LAYER_NORM,
            codes=to.row(name),
            **to.rows(name),
            is_signed=to.is_signed(name),
            zero_point=self.x_zero_point,
            centred=True,
            epsilon=self.epsilon,
            gamma=to.constant(self.gamma),
            beta=to.constant(self.beta),
            to=to.epilogue(self.to, out),
        )


def plan(planner: Planner, node: Node) -> Symbol | tuple[Symbol, ...]:
    """LayerNormalization of codes over the last axis with constant scale and bias, of floats over any last axes."""
    return integers_or_floats(planner, node, _of_codes, _of_floats)


def _of_floats(planner: Planner, node: Node) -> Symbol:
    if any(node.outputs[1:]):
        raise UnsupportedError("the outputs for training are not supported")
    value, *parameters = (float_input(planner, name) for name in node.inputs if name)
    axis = axis_of(node.attributes["axis"], len(planner.values[value].shape))
    epsilon = node.attributes["epsilon"]
    return normalized_rows(planner, value, parameters, node.outputs[0], axis=axis, epsilon=epsilon)


def _of_codes(planner: Planner, node: Node) -> Deferred:
    x = planner.real(node.inputs[0])
    shape = planner.values[x.value].shape
    if any(node.outputs[1:]):
        raise UnsupportedError("the outputs for training are not supported")
    if axis_of(node.attributes["axis"], len(shape)) != len(shape) - 1:
        raise UnsupportedError("only normalization over the last axis is supported")
    gamma = planner.known(node.inputs[1], "scale").astype(np.float32)
    given = len(node.inputs) > 2 and node.inputs[2]
    beta = planner.known(node.inputs[2], "bias").astype(np.float32) if given else np.zeros_like(gamma)
    if gamma.size != shape[-1] or beta.size != shape[-1]:
        raise UnsupportedError(
            f"a scale of shape {gamma.shape} does not have one value for each of {shape[-1]} columns"
        )
    epsilon = np.float32(np.float64(node.attributes["epsilon"]) / np.float64(x.scale) ** 2)
    if not 0 < epsilon < np.inf:
        # Rows of one value would be 0 times infinity, for which there is no code
        raise UnsupportedError(f"epsilon over the square of the scale {x.scale:g} is not a positive number")

    def emit(output: str, scale: np.float32, to: ops.Target) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # the planner refuses what is not finite
            over = (gamma.reshape(-1) / scale, beta.reshape(-1) / scale)
        planner.emit(LayerNorm((x.value,), output, x.zero_point, epsilon, *over, to), shape, to.dtype)

    return Deferred(shape, emit)


OPERATOR = Operator(
    name="LayerNormalization",
    since=(17,),
    takes=(Takes.VALUES, Takes.PARAMETER),
    run=run,
    attributes=(
        Attribute("axis", "int", -1),
        Attribute("epsilon", "float", 1e-5, low=0),
        Attribute("stash_type", "int", 1),
    ),
    data=(0,),
    bias=2,
    scales=Scales.NORMALIZATION,
    forms=Form.FURTHER | Form.NAMED,
    rank=as_input,
    plan=plan,
)

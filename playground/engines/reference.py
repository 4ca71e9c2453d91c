"""Runs an integer program with NumPy: each step is one function of ``integer_ops`` or ``row_ops``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.engines import dynamic_ops, row_ops
from playground.engines import float_steps as f
from playground.engines import integer_ops as ops
from playground.engines import program as p
from playground.engines.plan import compile_graph
from playground.errors import EngineError

__all__ = ["execute", "plan", "run", "run_steps", "trace"]

plan = compile_graph
"""``plan(graph, shapes) -> Program``"""

Array = NDArray[Any]


def run(program: p.Program, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """The graph's outputs for one batch, by name.

    Raises:
        InvalidInputError: the feeds are not what the program takes.
    """
    values = trace(program, feeds)
    return {name: values[source] for name, source in program.outputs.items()}


def trace(program: p.Program, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Every value of the program by name: what to look at when two engines disagree."""
    values = {**program.constants, **program.checked_feeds(feeds)}
    run_steps(program, program.steps + program.tail, values)
    return values


def run_steps(program: p.Program, steps: Sequence[p.Step], values: dict[str, Array]) -> None:
    """Execute steps, adding each result to ``values``."""
    for step in steps:
        values[step.output] = execute(step, [values[name] for name in step.inputs], program.values[step.output])


@singledispatch
def execute(step: p.Step, inputs: list[Array], out: p.Value) -> Array:
    """The result of one step, of the shape and dtype that ``out`` states."""
    raise EngineError(f"no rule for the step {type(step).__name__}")


@execute.register
def _(step: p.Quantize, inputs: list[Array], out: p.Value) -> Array:
    return ops.quantize(inputs[0], step.scale, step.zero_point, out.dtype)


@execute.register
def _(step: p.Lookup, inputs: list[Array], out: p.Value) -> Array:
    return ops.lookup(inputs[0], step.table)


@execute.register
def _(step: p.Product, inputs: list[Array], out: p.Value) -> Array:
    sums = ops.matmul_integer(inputs[0], step.weights, step.x_zero_point)
    return ops.requantize(ops.add_bias(sums, step.bias), step.multiplier, step.to)


@execute.register
def _(step: p.Conv, inputs: list[Array], out: p.Value) -> Array:
    sums = ops.conv_integer(inputs[0], step.weights, step.window, groups=step.groups, x_zero_point=step.x_zero_point)
    sums = ops.add_bias(sums, step.bias[:, None, None])
    return ops.requantize(sums, step.multiplier[:, None, None], step.to)


@execute.register
def _(step: p.Add, inputs: list[Array], out: p.Value) -> Array:
    a, b = inputs
    return np.asarray(ops.add(a, b, step.zero_points, step.ratios, step.to))


@execute.register
def _(step: p.ActivationMatMul, inputs: list[Array], out: p.Value) -> Array:
    sums = ops.matmul_integer(inputs[0], inputs[1], *step.zero_points)
    return ops.requantize(sums, step.multiplier, step.to)


@execute.register
def _(step: p.Mul, inputs: list[Array], out: p.Value) -> Array:
    return row_ops.multiply(inputs[0], inputs[1], step.zero_points, step.ratio, step.to)


@execute.register
def _(step: p.Softmax, inputs: list[Array], out: p.Value) -> Array:
    return row_ops.softmax(inputs[0], step.exps, float(step.ratio), step.to)


@execute.register
def _(step: p.LayerNorm, inputs: list[Array], out: p.Value) -> Array:
    return row_ops.layer_norm(
        inputs[0],
        step.to,
        zero_point=step.x_zero_point,
        epsilon=float(step.epsilon),
        gamma=step.gamma,
        beta=step.beta,
    )


@execute.register
def _(step: p.View, inputs: list[Array], out: p.Value) -> Array:
    return step.box.of(inputs[0])


@execute.register
def _(step: p.Concat, inputs: list[Array], out: p.Value) -> Array:
    return np.concatenate(inputs, axis=step.axis)


@execute.register
def _(step: p.Pad, inputs: list[Array], out: p.Value) -> Array:
    sizes = zip(step.before, inputs[0].shape, out.shape, strict=True)
    return np.pad(inputs[0], [(b, full - n - b) for b, n, full in sizes], constant_values=step.value)


@execute.register
def _(step: p.Resize, inputs: list[Array], out: p.Value) -> Array:
    return inputs[0][:, :, step.lines[:, None], step.columns[None, :]]


@execute.register
def _(step: p.Gather, inputs: list[Array], out: p.Value) -> Array:
    return np.take(inputs[0], inputs[1], axis=step.axis)


@execute.register
def _(step: p.MaxPool, inputs: list[Array], out: p.Value) -> Array:
    return ops.max_pool(inputs[0], step.window)


@execute.register
def _(step: p.AveragePool, inputs: list[Array], out: p.Value) -> Array:
    return ops.average_pool(
        inputs[0],
        step.window,
        step.to,
        zero_point=step.x_zero_point,
        ratio=step.ratio,
        count_padding=step.count_padding,
    )


@execute.register
def _(step: p.Reshape, inputs: list[Array], out: p.Value) -> Array:
    return inputs[0].reshape(out.shape)


@execute.register
def _(step: p.Float, inputs: list[Array], out: p.Value) -> Array:
    return np.asarray(step.operator.run(step.call, *inputs))


@execute.register
def _(step: f.DynamicRange, inputs: list[Array], out: p.Value) -> Array:
    return dynamic_ops.dynamic_range(inputs[0])


@execute.register
def _(step: f.DynamicQuantize, inputs: list[Array], out: p.Value) -> Array:
    return dynamic_ops.dynamic_quantize(inputs[0], inputs[1])


@execute.register
def _(step: f.ScaleSums, inputs: list[Array], out: p.Value) -> Array:
    columns = step.columns.along(step.axis, len(out.shape))
    return dynamic_ops.scale_sums(inputs[0], inputs[1], columns, step.limits)


@execute.register
def _(step: f.FloatAdd, inputs: list[Array], out: p.Value) -> Array:
    return dynamic_ops.add_floats(inputs[0], inputs[1] if len(inputs) > 1 else None, step.limits)


@execute.register
def _(step: f.FloatPool, inputs: list[Array], out: p.Value) -> Array:
    return dynamic_ops.pool_floats(inputs[0], step.window, mean=step.mean, count_padding=step.count_padding)

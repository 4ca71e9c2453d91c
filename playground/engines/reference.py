"""Runs an integer program with NumPy: each step defines what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from playground.engines.planning.plan import compile_graph
from playground.errors import EngineError, PlaygroundError, shown
from playground.programs import program as p

__all__ = ["plan", "run", "run_steps", "trace"]

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
    run_steps(program, values)
    return values


def run_steps(program: p.Program, values: dict[str, Array]) -> None:
    """Execute a program's steps, adding each result to ``values``.

    Raises:
        EngineError: a step failed, whatever it raised; the message names it. Errors of ours keep their kind.
    """
    for step in program.steps:
        try:
            values[step.output] = step.compute([values[name] for name in step.inputs], program.values[step.output])
        except PlaygroundError as error:
            raise error.at(error.where or step.output) from error
        except Exception as error:
            raise EngineError(
                f"the step failed ({shown(error)})", where=step.output, hint="Use engine='onnxruntime'"
            ) from error

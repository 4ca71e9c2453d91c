"""Calls the algorithms of a recipe, each in its stage, and keeps their notes for the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from playground.errors import InvalidInputError
from playground.model.graph_view import GraphView
from playground.model.recipe import Recipe
from playground.ptq.report import AppliedAlgorithm
from playground.quantization import QTensor
from playground.tasks import Progress, Task

if TYPE_CHECKING:
    from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome


@dataclass(frozen=True, slots=True)
class StageResult:
    """What the algorithms of one stage left behind."""

    view: GraphView
    weights: Mapping[str, QTensor]
    applied: tuple[AppliedAlgorithm, ...]


def run_algorithms_task(stage: str, recipe: Recipe, view: GraphView, **known: Any) -> Task[StageResult]:
    """Apply the recipe's algorithms of one stage, in the recipe's order.

    Args:
        stage: ``"graph"``, ``"weights"`` or ``"after"``.
        recipe: which algorithms, with which parameters.
        view: of the float graph.
        known: the other fields of :class:`playground.ptq.algorithms._algorithm.Context`.

    Raises:
        InvalidInputError: one needs calibration data and there is none, or gives back what does not fit.
    """
    weights: Mapping[str, QTensor] = known.get("weights", {})
    if not recipe.algorithms:
        return StageResult(view, weights, ())
    from playground.ptq.algorithms import checked_calls
    from playground.ptq.algorithms._algorithm import Context

    context = Context(view, recipe, **known)
    applied: list[AppliedAlgorithm] = []
    calls = [call for call in checked_calls(recipe.algorithms) if call[0].stage == stage]
    for index, (algorithm, parameters) in enumerate(calls):
        yield Progress(index, len(calls), algorithm.name)
        if algorithm.needs_data and context.data is None:
            raise InvalidInputError(
                "the algorithm needs calibration data",
                where=f"algorithm {algorithm.id!r}",
                hint="Give calibration data",
            )
        outcome = yield from algorithm.apply(context, parameters)
        _require_fitting(algorithm, context, outcome)
        applied.append(_told(algorithm, parameters, outcome))
        kept = {**context.weights, **outcome.weights}
        context = replace(context.with_graph(outcome.graph or context.graph), weights=kept)
    return StageResult(context.view, context.weights, tuple(applied))


def _require_fitting(algorithm: Algorithm, context: Context, outcome: Outcome) -> None:
    for name, weight in outcome.weights.items():
        scheme = context.placement.weights.get(name)
        if scheme is None or weight.shape != context.view.shape(name) or weight.scheme.format != scheme.format:
            raise InvalidInputError(
                f"the algorithm returned {name!r} in another shape or format than the recipe's",
                where=f"algorithm {algorithm.id!r}",
                hint="Leave the algorithm out",
            )


def _told(algorithm: Algorithm, parameters: Mapping[str, float], outcome: Outcome) -> AppliedAlgorithm:
    return AppliedAlgorithm(
        id=algorithm.id,
        name=algorithm.name,
        stage=algorithm.stage,
        parameters=dict(parameters),
        before={name: float(value) for name, value in outcome.before.items()},
        after={name: float(value) for name, value in outcome.after.items()},
        tensors={
            name: {number: (float(a), float(b)) for number, (a, b) in numbers.items()}
            for name, numbers in outcome.tensors.items()
        },
        skipped=dict(outcome.skipped),
        notes=tuple(outcome.notes),
    )

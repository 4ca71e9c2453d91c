"""Quantizing the weights of an open file that has tensors and no graph."""

from __future__ import annotations

from playground.app import chosen_recipe
from playground.app.results import NO_RESULTS
from playground.app.workspace import Workspace
from playground.errors import CancelledError
from playground.ptq.without_graph import QuantizedTensors, quantize_tensors_task
from playground.tasks import Task


def tensors_task(workspace: Workspace) -> Task[QuantizedTensors]:
    """Quantize them as the Model view says; the result is left in the workspace."""
    model, settings, opened = workspace.required_model(), workspace.settings.recipe, workspace.recipe
    recipe = chosen_recipe.recipe_of(workspace.settings, opened)
    result = yield from quantize_tensors_task(model, recipe)
    if workspace.model is not model or workspace.settings.recipe != settings or workspace.recipe is not opened:
        raise CancelledError(
            "the model or its recipe changed during quantization", where="model", hint="Quantize it again"
        )
    workspace.param.update(**{**NO_RESULTS, "result": result})
    return result

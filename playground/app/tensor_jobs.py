"""Quantizing the weights of the open model for a file of tensors alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.app import chosen_recipe
from playground.app.page_words import in_page
from playground.app.results import NO_RESULTS
from playground.errors import CancelledError, PlaygroundError
from playground.ptq.without_graph import QuantizedTensors, quantize_tensors_task
from playground.tasks import Progress, Task

if TYPE_CHECKING:
    from playground.app.model_jobs import ModelJobs


def tensors_task(jobs: ModelJobs) -> Task[QuantizedTensors]:
    """Quantize them as the Model view says, and compare the answers if the model has a graph.

    The result is left in the workspace.
    """
    workspace = jobs.workspace
    model, settings, opened = workspace.required_model(), workspace.settings.recipe, workspace.recipe
    recipe = chosen_recipe.recipe_of(workspace.settings, opened)

    def require_unchanged() -> None:
        if workspace.model is not model or workspace.settings.recipe != settings or workspace.recipe is not opened:
            raise CancelledError(
                "the model or its recipe changed during quantization", where="model", hint="Quantize it again"
            )

    result = yield from quantize_tensors_task(model, recipe)
    require_unchanged()
    compared, problem = None, ""
    if model.graph is not None:
        from playground.app.comparing import compared_task

        yield Progress(1, 1, "Comparing with the float model")
        try:
            compared = yield from compared_task(jobs, workspace.settings.model, result, workspace.settings.answer)
        except CancelledError:
            raise
        except PlaygroundError as error:  # the file is there all the same
            problem = in_page(str(error))
        require_unchanged()
    workspace.param.update(**{**NO_RESULTS, "result": result, "compared": compared})
    workspace.problem = problem
    return result

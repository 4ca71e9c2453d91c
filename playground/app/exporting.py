"""What the Export view shows besides files: the link, the recipe, Python, and what the quantized file is."""

from __future__ import annotations

from typing import Any

from playground.analysis.report_json import report_data
from playground.app.model_jobs import ModelJobs, recipe_of
from playground.app.python_code import model_code, python_code
from playground.app.workspace import Workspace
from playground.errors import PlaygroundError


def exports(workspace: Workspace, models: ModelJobs) -> dict[str, Any]:
    """What can be kept.

    Returns:
        ``"query"`` of the permalink; ``"recipe"`` as JSON, empty where the controls make none, and ``"obstacle"`` says
        why; ``"python"`` that repeats the Tensor view's numbers, and ``"model_python"`` that makes the quantized model
        once there is one; ``"file"``: its name, a summary, why its runtime refuses it, whether it was made before
        the last change, and whether there is a report as a page.
    """
    made, obstacle, whole = "", "", ""
    try:
        recipe = recipe_of(workspace)
        made = recipe.to_json()
        if workspace.result is not None:
            whole = model_code(workspace, recipe, models.calibration.name)
    except PlaygroundError as error:
        obstacle = str(error)
    told = {"query": workspace.settings.query(), "recipe": made, "obstacle": obstacle}
    return {**told, "python": python_code(workspace), "model_python": whole, "file": _file(workspace, models)}


def _file(workspace: Workspace, models: ModelJobs) -> dict[str, Any] | None:
    result = workspace.shown("result")
    if result is None:
        return None
    report = report_data(result)
    told = {"name": models.quantized_name(), "summary": report["summary"], "refused": report["refused"]}
    model = workspace.model
    return told | {"before": workspace.is_before, "page": model is not None and model.graph is not None}

"""What the Export view shows besides files: the link, the recipe, Python, and what the quantized file is."""

from __future__ import annotations

from typing import Any

from playground.analysis.report_json import report_data
from playground.app.model_jobs import ModelJobs, recipe_of
from playground.app.page_words import in_page
from playground.app.python_code import origin_of, python_code
from playground.app.workspace import Workspace
from playground.errors import PlaygroundError
from playground.ptq.scripts import Origin, scripts


def exports(workspace: Workspace, models: ModelJobs) -> dict[str, Any]:
    """What can be kept.

    Returns:
        ``"query"`` of the permalink; ``"recipe"`` as JSON, empty where the controls make none, and ``"obstacle"`` says
        why; ``"python"`` that repeats the Tensor view's numbers; ``"scripts"`` that make the quantized model once there
        is one, a tool each, or the reason why the tool cannot; ``"file"``: its name, a summary, why its runtime refuses
        it, whether it was made before the last change, and whether there is a report as a page.
    """
    made, obstacle = "", ""
    code: list[dict[str, str]] = []
    try:
        recipe = recipe_of(workspace)
        made = recipe.to_json()
        if workspace.result is not None:
            code = _scripts(origin_of(workspace, recipe, models.calibration.name, models.quantized_name()))
    except PlaygroundError as error:
        obstacle = in_page(str(error))
    told = {"query": workspace.settings.query(), "recipe": made, "obstacle": obstacle}
    return {**told, "python": python_code(workspace), "scripts": code, "file": _file(workspace, models)}


def _scripts(origin: Origin) -> list[dict[str, str]]:
    """Of each tool its script, or why it has none."""
    told = []
    for tool in scripts().values():
        reason = tool.why_not(origin)
        code = "" if reason else tool.text(origin)
        told.append({"id": tool.id, "name": tool.name, "code": code, "reason": reason})
    return told


def _file(workspace: Workspace, models: ModelJobs) -> dict[str, Any] | None:
    result = workspace.shown("result")
    if result is None:
        return None
    report = report_data(result)
    told = {"name": models.quantized_name(), "summary": report["summary"], "refused": report["refused"]}
    return told | {"before": workspace.is_before, "page": hasattr(result, "quantization")}

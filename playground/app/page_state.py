"""What the page is told whenever something has changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playground.api import calibrators
from playground.app.gallery_files import gallery_samples, reads_text
from playground.app.input_sizes import described
from playground.app.model_jobs import ModelJobs
from playground.app.workspace import Workspace
from playground.engines.batch_axes import open_sizes
from playground.settings import sizes_text


def page_state(workspace: Workspace, models: ModelJobs, problems: Sequence[str]) -> dict[str, Any]:
    """The settings, the permalink's query, what is open, and what can be done with it, as JSON can hold it.

    Args:
        workspace: what is open.
        models: on its model.
        problems: sentences about the link that the page was opened with.
    """
    from playground.model.runtimes import runtimes  # the Model view has them too

    model, key, compared = workspace.model, workspace.settings.model, workspace.shown("compared")
    return {
        "settings": workspace.settings.as_dict(),
        "query": workspace.settings.query(),
        "calibrator": calibrators()[workspace.settings.calibrator].title,
        "runtime": runtimes()[workspace.settings.runtime].name,
        "model": model.name if model else None,
        "upload": workspace.upload_number,
        "runs": model is not None and model.graph is not None,
        "unmeasured": models.unmeasured,
        "quantized": workspace.result is not None,
        "before": workspace.is_before,
        "comparison": 0 if compared is None else id(compared),
        "answered": workspace.answer is not None,
        "beside": _beside(workspace),
        "undo": workspace.steps.undo_about,
        "redo": workspace.steps.redo_about,
        "calibration": models.calibration.sentence,
        "calibration_name": models.calibration.name,
        "recipe_name": workspace.recipe_name,
        "problems": list(problems),
        "samples": gallery_samples(key),
        "reads_text": reads_text(key),
        "measurable": models.has_samples,
        "sizes": _sizes(workspace),
    }


def _sizes(workspace: Workspace) -> dict[str, Any]:
    """The inputs that leave sizes open, whether some have been tried, and those that the model runs with."""
    model, found = workspace.model, workspace.suggestions
    return {
        "inputs": list(open_sizes(model.graph)) if model is not None and model.graph is not None else [],
        "tried": found is not None,
        "choices": [{"label": described(entry), "sizes": sizes_text(entry.shapes.values())} for entry in found or ()],
    }


def _beside(workspace: Workspace) -> str:
    """Whether files are compared: ``""``, ``"current"``, or ``"earlier"`` if one is a quantized model of before."""
    if workspace.beside is None:
        return ""
    result = workspace.beside.second.result
    return "current" if result is None or result is workspace.result else "earlier"

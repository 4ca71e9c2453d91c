"""The sentence on top of each view: what is the case, and what to try. What it says to be better has been measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from playground import gallery
from playground.app.chosen_recipe import unmatched_names
from playground.app.model_jobs import ModelJobs
from playground.app.proposed_step import NextStep
from playground.app.workspace import Workspace
from playground.tasks import Task

if TYPE_CHECKING:
    from playground.analysis.race import Race
    from playground.analysis.sensitivity import Sensitivity

ONNX_RUNTIMES = ("onnxruntime", "onnxruntime-web")
"""Runtimes whose speed the race tells."""

DOWNLOAD = "Download the quantized model"

ACTIVATIONS = {
    "static": "int8 activations",
    "dynamic": "activations quantized as they come",
    "weight_only": "activations in float",
}


def next_step_task(workspace: Workspace, models: ModelJobs, view: str) -> Task[dict[str, Any]]:
    """What the page shows on top of a view; of an unknown one, nothing."""
    if view == "tensor":
        from playground.app.tensor_step import tensor_step_task

        return (yield from tensor_step_task(workspace)).as_dict()
    steps = {"model": _model_step, "run": _run_step, "export": _export_step}
    found = _without_graph(workspace, view) or steps[view](workspace, models) if view in steps else NextStep("")
    if view == "model" and workspace.model is not None:
        idle = unmatched_names(workspace.settings, workspace.model)
        found = replace(found, text=f"{found.text} {idle}".rstrip())
    yield from ()
    return found.as_dict()


def _without_graph(workspace: Workspace, view: str) -> NextStep | None:
    """What can be done with a file of tensors."""
    model = workspace.model
    if model is None or model.graph is not None:
        return None
    if view == "run":
        text = f"{model.name} has tensors and no graph, so it cannot be run."
        return NextStep(text, "Look at the weights", view="tensor")
    if view == "export":
        return None
    if workspace.shown("result") is None or workspace.is_before:
        text = f"{model.name} has tensors and no graph: its weights can be quantized."
        return NextStep(text, "Quantize the weights", press="quantize")
    return NextStep(_file_told(workspace), DOWNLOAD, press="save-model")


def _model_step(workspace: Workspace, models: ModelJobs) -> NextStep:
    if workspace.result is None:
        return _to_quantize(workspace, models)
    if workspace.sensitivity is not None or workspace.improvement is not None:
        return _to_mend(workspace, models)
    told, harmless = _measured(workspace, models)
    if models.unmeasured:
        return NextStep(f"{told} The file has weights and no graph.", DOWNLOAD, press="save-model")
    report = workspace.result.report
    if harmless and report.file_bytes_before and report.file_bytes >= report.file_bytes_before:
        return NextStep(f"{told} Nothing is saved.", "See the file", view="export")
    if harmless:
        return NextStep(f"{told} Nothing needs to change.", DOWNLOAD, press="save-model")
    return NextStep(told, "Which layer hurts?", press="sensitivity")


def _to_quantize(workspace: Workspace, models: ModelJobs) -> NextStep:
    settings = workspace.settings
    if workspace.is_before:
        changed = "What is shown is from before the last change."
        return NextStep(changed, "Quantize the model again", press="quantize")
    weights = f"{settings.weights} weights, a scale for each {settings.weights_granularity}"
    told = f"{weights}, {ACTIVATIONS[settings.activations]}"
    if settings.activations == "static" and models.calibration_feeds() is None:
        needed = f"{told}: their ranges need samples. Made-up ones are a smoke test only."
        return NextStep(needed, "Add calibration data", press="calibration")
    return NextStep(f"{told}: nothing is quantized yet.", "Quantize the model", press="quantize")


def _file_told(workspace: Workspace) -> str:
    """How much smaller the file is."""
    from playground.analysis.report_json import report_data
    from playground.render.file_told import file_told

    return file_told(report_data(workspace.result))


def _samples_told(workspace: Workspace, models: ModelJobs, count: int, noun: str) -> str:
    """What was measured on, and whether ranges come from the very same samples."""
    from playground.render.numbers import grouped

    entries = gallery.entries()
    same = models.calibration.feeds is not None and workspace.settings.model not in entries
    noun = entries[workspace.settings.model].data.noun if workspace.settings.model in entries else noun
    calibrated = ", those it was calibrated with" if same and workspace.result.report.calibration_samples else ""
    return f"on {grouped(count)} {noun.removesuffix('s') if count == 1 else noun}{calibrated}"


def _measured(workspace: Workspace, models: ModelJobs) -> tuple[str, bool]:
    """How good the quantized model is, and whether that is as good as float."""
    from playground.render.compared import shown
    from playground.render.numbers import percent
    from playground.render.verdict import harmless, quality

    smaller, compared = _file_told(workspace), workspace.compared
    if compared is None:
        return f"{smaller} Without samples nothing says how good the answers are.", False
    original, quantized = compared.original, compared.quantized
    counted = _samples_told(workspace, models, compared.count, quantized.noun)
    if original.accuracy is not None and quantized.accuracy is not None:
        told = f"Accuracy is {percent(quantized.accuracy)}, float {percent(original.accuracy)}, {counted}."
    elif quantized.headline is not None:
        told = f"{quantized.headline.name}: {shown(quantized.headline)}, {counted}."
    else:
        # the measure that there is for such answers says nothing of these
        error = quality(quantized)
        told = f"{error[0].upper()}{error[1:]}, {counted}."
    return f"{told} {smaller}", harmless(quantized, original)


def _to_mend(workspace: Workspace, models: ModelJobs) -> NextStep:
    from playground.render.verdict import harmless, verdict

    found, improvement = workspace.sensitivity, workspace.improvement
    if found is None:
        return _to_use(workspace, models)
    if found.generated:
        return _to_measure(found)
    if harmless(found.quantized, found.original):
        counted = _samples_told(workspace, models, found.samples, "samples")
        return NextStep(f"{verdict(found)} This was measured {counted}.", DOWNLOAD, press="save-model")
    if improvement is None:
        told, _ = _measured(workspace, models)
        return NextStep(f"{told} {found.worst().layer.node} hurts most.", "Fix it", press="improve")
    return _to_use(workspace, models)


def _to_use(workspace: Workspace, models: ModelJobs) -> NextStep:
    """After remedies were tried: the best of them, unless the model already has it."""
    from playground.app import chosen_recipe
    from playground.render.verdict import tried

    found, best = workspace.improvement, workspace.improvement.best
    if best is None:
        return NextStep(tried(found), DOWNLOAD, press="save-model")
    if chosen_recipe.is_chosen(best.recipe, workspace.settings, workspace.recipe):
        told, _ = _measured(workspace, models)
        return NextStep(f"{told} This is with {best.name}.", DOWNLOAD, press="save-model")
    changes = chosen_recipe.expressed(best.recipe, workspace.settings)
    return NextStep(tried(found), f"Use {best.name}", changes=changes) if changes else NextStep(tried(found))


def _to_measure(found: Sensitivity) -> NextStep:
    """After layers were measured on made-up inputs: remedies cannot be tried on these."""
    from playground.render.verdict import harmless

    if harmless(found.quantized, found.original):
        told = "On made-up inputs no layer loses anything. Whether that holds can only be measured on samples."
    else:
        told = f"On made-up inputs {found.worst().layer.node} hurts most. What helps can only be measured on samples."
    return NextStep(told, "Add calibration data", press="calibration")


def _run_step(workspace: Workspace, models: ModelJobs) -> NextStep:
    from playground.render.numbers import grouped

    compared, race = workspace.compared, workspace.race
    if workspace.result is None:
        return _to_quantize(workspace, models)
    if race is not None:
        return _race_step(race, workspace.settings.runtime)
    if compared is not None and compared.flipped:
        told = f"{grouped(compared.flipped)} of {grouped(compared.count)} answers changed."
        return NextStep(told, "Show the first", press="answers")
    told = "" if compared is None or compared.flipped is None else "No answer changed. "
    if models.unmeasured:
        return NextStep(f"{told}{models.unmeasured}: here its values stand in the graph.", DOWNLOAD, press="save-model")
    return NextStep(
        f"{told}How fast the quantized model is has not been measured.", "Compare the engines", press="race"
    )


def _race_step(race: Race, runtime: str) -> NextStep:
    """Who is fastest here, and whether the runtime that the file is made for is any faster with it."""
    from playground.render.engines import fastest, slower_as_int8

    if sum(not lap.failure for lap in race.laps) < 2:
        return NextStep(fastest(race))
    slower = slower_as_int8(race) if runtime in ONNX_RUNTIMES else ""
    if slower:
        return NextStep(f"{fastest(race)} {slower}", "See the file", view="export")
    return NextStep(fastest(race), DOWNLOAD, press="save-model")


def _export_step(workspace: Workspace, models: ModelJobs) -> NextStep:
    from playground.render.numbers import size

    if workspace.shown("result") is None:
        return NextStep("There is no quantized model yet.", "Quantize the model", press="quantize")
    report = workspace.shown("result").report
    before = f", {size(report.file_bytes_before)} before" if report.file_bytes_before else ""
    told = f"{models.quantized_name()} is ready: {size(report.file_bytes)}{before}."
    if workspace.is_before:
        told += " The settings have changed since."
        return NextStep(told, "Quantize the model again", press="quantize")
    return NextStep(told, "Download it", press="save-model")

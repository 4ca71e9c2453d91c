"""What the views show as a few lines of Python that give the same numbers."""

from __future__ import annotations

from playground import gallery
from playground.app.input_sizes import chosen_shapes
from playground.app.workspace import Workspace
from playground.model.recipe import Recipe
from playground.settings import Settings
from playground.tensor_view.picture import Picture

_SIZES = "print(quantized.report.bytes_before, quantized.report.bytes_after)"


def model_code(workspace: Workspace, recipe: Recipe, calibration: str) -> str:
    """Python that quantizes the open model as the Model view does.

    Args:
        workspace: with the model open.
        recipe: what the Model view's controls say.
        calibration: the name of the visitor's file of samples; empty: the gallery's, or none.
    """
    key = workspace.settings.model
    of_gallery = key in gallery.entries()
    name = workspace.model.name if workspace.model is not None else "model.onnx"
    opened = f"gallery.open_model({key!r})" if of_gallery else f"playground.load({name!r})"
    lines = ["import playground", *(["from playground import gallery"] if of_gallery else []), ""]
    arguments = ["model", "recipe"]
    if calibration.endswith(".npz"):
        lines[1:1] = ["import numpy as np"]
        taken = "{name: x for name, x in np.load(" + repr(calibration) + ").items() if name != 'labels'}"
        arguments.append("samples")
    elif of_gallery:
        taken = f"gallery.calibration({key!r})"
        arguments.append("samples")
    lines += [f"model = {opened}", f"recipe = playground.Recipe.from_json({recipe.to_json(indent=None)!r})"]
    if len(arguments) > 2:
        lines.append(f"samples = {taken}")
    elif calibration:
        lines.append("# The images were read by the page: give an array of samples for each input as a third argument.")
    stem = name.rsplit(".", 1)[0]
    if workspace.required_model().graph is None:
        lines[1:1] = ["from playground.ptq.without_graph import quantize_tensors"]
        saved = f"{stem}-{workspace.settings.weights}{getattr(workspace.shown('result'), 'ending', '.npz')}"
        lines += ["quantized = quantize_tensors(model, recipe)", f"quantized.save({saved!r})", "", _SIZES]
        return "\n".join(lines)
    sizes = chosen_shapes(workspace.required_model().required_graph(), workspace.settings.sizes)
    if sizes and len(arguments) == 2:
        arguments.append(f"shapes={sizes!r}")
    lines += [f"quantized = playground.quantize_model({', '.join(arguments)})"]
    lines += [f"quantized.save({f'{stem}-{workspace.settings.weights}.onnx'!r})", "", _SIZES]
    return "\n".join(lines)


def python_code(workspace: Workspace) -> str:
    """Python that makes the numbers the Tensor view shows."""
    settings, report, model = workspace.settings, workspace.report, workspace.model
    key = settings.model if settings.model in gallery.entries() else None
    opened = f"gallery.open_model({key!r})" if key else f"playground.load({model.name!r})"
    if report is None:
        return "\n".join(["import playground", "", f"model = {opened}", "print(model.tensors)"])
    limited = _has_limits(report) and not (settings.lo is None and settings.hi is None)
    lines = ["import playground", *(["from playground import gallery"] if key else [])]
    lines += [*(["from playground.calibration import calibrate"] if limited else []), ""]
    lines += [f"model = {opened}", f"x = model.tensors[{settings.tensor!r}].numpy()"]
    scheme = [f"format={settings.format!r}", *_granularity(report), f"symmetric={report.scheme.symmetric}"]
    if report.scheme.narrow_range:
        scheme.append("narrow_range=True")
    scheme += [f"convention={settings.convention!r}", f"calibrator={settings.calibrator!r}"]
    if settings.calibrator == "percentile":
        scheme.append(f"calibrator_args=(('percentile', {settings.percentile!r}),)")
    lines.append(f"scheme = playground.Scheme({', '.join(scheme)})")
    extra = ""
    if settings.lo is not None or settings.hi is not None:
        lines += _range_lines(settings, report)
        extra += ", range=clip"
    if settings.zero_point is not None and not report.scheme.symmetric:
        extra += f", zero_point={settings.zero_point}"
    lines += [f"q = playground.quantize(x, scheme{extra})", "", "print(q.qparams, q.bits_per_weight)"]
    lines.append("print(playground.compare(x, q.dequantize()))")
    return "\n".join(lines)


def _has_limits(report: Picture) -> bool:
    """Whether dragged ends limit the ranges of several scales, instead of being the range."""
    return report.per_channel and report.scheme.needs_range


def _granularity(report: Picture) -> list[str]:
    """The fields that say which values share a scale; a block format brings them itself."""
    scheme = report.scheme
    if scheme.number_format.family == "block":
        return []
    fields = [f"granularity={scheme.granularity!r}"]
    if scheme.granularity == "channel":
        fields.append(f"axis={report.axis}")
    if scheme.granularity == "block":
        fields += [f"axis={scheme.axis}", f"block_size={scheme.block_size}"]
    return fields


def _range_lines(settings: Settings, report: Picture) -> list[str]:
    """The clip range; of channels each has its own, within what was dragged."""
    if not _has_limits(report):
        return [f"clip = playground.Range({report.asked[0]!r}, {report.asked[1]!r})"]
    ends = [settings.lo, settings.hi]
    low, high = ends if None in ends else sorted(end for end in ends if end is not None)
    return [
        "found = calibrate(x, scheme)",
        f"clip = playground.Range(found.lo.clip({low!r}, {high!r}), found.hi.clip({low!r}, {high!r}))",
    ]

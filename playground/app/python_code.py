"""What the views show as a few lines of Python that give the same numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground import gallery
from playground.app.input_sizes import chosen_shapes
from playground.app.workspace import Workspace
from playground.model.recipe import Recipe
from playground.settings import Settings
from playground.tensor_view.picture import Picture

if TYPE_CHECKING:
    from playground.ptq.scripts import Origin


def origin_of(workspace: Workspace, recipe: Recipe, calibration: str, output: str) -> Origin:
    """What the Model view has quantized, as scripts need it.

    Args:
        workspace: with the model open and its result.
        recipe: what the Model view's controls say.
        calibration: the name of the visitor's file of samples; empty: the gallery's, or none.
        output: the name under which the result is kept.
    """
    from playground.ptq.scripts import Origin

    model, key = workspace.required_model(), workspace.settings.model
    arrays = calibration.endswith(".npz")
    shapes = None if model.graph is None else chosen_shapes(model.graph, workspace.settings.sizes)
    return Origin(
        *(model, recipe, workspace.result, model.name, output),
        gallery=key if key in gallery.entries() else "",
        calibration=calibration if arrays else "",
        images=bool(calibration) and not arrays,
        shapes=shapes or None,
    )


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

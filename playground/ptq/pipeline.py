"""``quantize_model``: a float ONNX model to a quantized one, with a report of what was done and what was not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from numpy.typing import ArrayLike

from playground import host, operators
from playground.calls import public
from playground.engines.feeds import named_feeds
from playground.errors import EngineError, InvalidInputError, UnsupportedError, shown
from playground.model.graph import Graph, Model, NoGraph
from playground.model.graph_view import GraphView
from playground.model.recipe import Recipe
from playground.model.recipe.given import GivenRecipe, field_names, recipe_from
from playground.model.writers._writer import made_by
from playground.model.writers.onnx import to_onnx
from playground.opening import GivenModel, load, working
from playground.opening.operator_sets import refuse_others
from playground.operators import find, validate, view_of
from playground.ptq import report_entries
from playground.ptq.calibrated_placement import Calibrated, DryRun, calibrated_task, dry_run_task
from playground.ptq.calibration_data import CalibrationData, Given, Shapes, calibration_data
from playground.ptq.capture import release_task
from playground.ptq.checks import checked
from playground.ptq.inside import with_weights_inside
from playground.ptq.operator_form import about_form, represented
from playground.ptq.other_names import ARGUMENTS
from playground.ptq.placement import Placement, place
from playground.ptq.qdq import QdqWriter, Quantization
from playground.ptq.quantize_weights import (
    activation_parameters,
    quantize_biases,
    weights_task,
    with_overrides,
    with_results,
)
from playground.ptq.quantized_model import QuantizedModel
from playground.ptq.range_cache import Cache
from playground.ptq.report_entries import ReportInputs
from playground.ptq.run_algorithms import StageResult, run_algorithms_task
from playground.ptq.verification import verify_task
from playground.ptq.widening import widened
from playground.tasks import Progress, Task, run_sync, typed_task

__all__ = ["QuantizedModel", "quantize_model", "quantize_model_task", "written_graph"]


@public("quantize_model('model.onnx', 'int8', {'image': samples})", ARGUMENTS, field_names)
def quantize_model(
    model: GivenModel,
    recipe: GivenRecipe = None,
    calibration: Given | ArrayLike | Sequence[ArrayLike] | None = None,
    progress: Callable[[Progress], None] | None = None,
    *,
    cache: Cache | None = None,
    shapes: Shapes | None = None,
    verify: bool = True,
    **fields: Any,
) -> QuantizedModel:
    """Quantize a model after training.

    Args:
        model: a float ONNX model, as ``load`` gives it, or what ``load`` takes: a path, bytes, a ModelProto.
        recipe: what to quantize and how; int8 weights per channel and uint8 activations when left out. Also a mapping
            of a recipe's fields, the path of its JSON file, a kind of activations (``"weight-only"``) or the id of the
            weights' number format.
        calibration: input name -> samples, as many as one likes along the model's axis for them; or feeds, each with
            all inputs, in a list or from a function that starts a generator (then one at a time is in memory); or an
            array, or a list of arrays, where the model has one input. Made up when left out, and then the report warns.
        progress: is told of every step.
        cache: ranges that were found before are taken from it, new ones kept in it: a dict, or ``FolderCache(path)``.
        shapes: input name -> its sizes, for made-up data where the model leaves sizes open besides the number of
            samples, as in ``{"image": (1, 3, 224, 224)}``.
        verify: whether ONNX Runtime, where it is installed, opens the finished ONNX file and runs it on up to four
            samples; what is found is in the report's ``verification`` and ``warnings``. In the page this function
            cannot wait for it, so there it is left to :func:`quantize_model_task`.
        fields: fields of the recipe, as in ``activations="dynamic"``.

    Raises:
        UnsupportedError: the model has no graph, is quantized already, or needs too new an operator set; the runtime
            does not take what the recipe asks for; a part of the model cannot be quantized and the recipe is strict.
        InvalidInputError: the calibration data or the recipe does not fit the model.
        EngineError: the model cannot be run on the data, or its answers are not finite.
    """
    if not isinstance(verify, bool):
        raise InvalidInputError(f"{shown(verify)} is neither", where="verify", hint="Use True or False")
    if progress is not None and not callable(progress):
        raise InvalidInputError(f"{shown(progress)} is not a function", where="progress", hint="Use progress=print")
    verify = verify and not host.IN_BROWSER
    opened, chosen = load(model), recipe_from(recipe, **fields)
    if opened.graph is None and opened.no_graph == NoGraph():
        hint = "Quantize its weights alone with playground.ptq.without_graph.quantize_tensors(load(...))"
        raise UnsupportedError(opened.no_graph.what, where=opened.name, hint=hint)
    data: Any = calibration
    if _is_array(data):
        data = named_feeds(opened.required_graph(), data)
    elif isinstance(data, list | tuple) and data and all(map(_is_array, data)):
        data = [named_feeds(opened.required_graph(), each) for each in data]
    work = quantize_model_task(opened, chosen, data, cache, shapes, verify=verify)
    return run_sync(work, progress)


def _is_array(given: Any) -> bool:
    return not isinstance(given, Mapping) and (hasattr(given, "__array__") or hasattr(given, "__dlpack__"))


@typed_task(EngineError, "the model cannot be quantized", where="model", hint="Check the model and the recipe")
def quantize_model_task(
    model: Model,
    recipe: Recipe | None = None,
    calibration: Given | None = None,
    cache: Cache | None = None,
    shapes: Shapes | None = None,
    *,
    verify: bool = True,
) -> Task[QuantizedModel]:
    """The work of :func:`quantize_model`."""
    recipe = recipe or Recipe()
    wide = widened(_float_graph(model))
    graph, notes = _prepared(wide.graph, recipe)
    notes = [*model.changes, *notes, *wide.told]
    view = view_of(graph)
    notes += checked(view, recipe)
    data = _data(graph, recipe, calibration, shapes)
    probe = yield from dry_run_task(view, recipe, data)
    placement = place(probe.view, recipe)
    before = yield from run_algorithms_task(
        "graph", recipe, probe.view, placement=placement, data=data, batch=probe.batch
    )
    if before.view is not probe.view:
        yield from _release_task(probe)
        probe = yield from dry_run_task(before.view, recipe, data)
        placement = place(probe.view, recipe)
    found = Calibrated(placement)
    if recipe.activations == "static" and data is not None:
        found = yield from calibrated_task(probe, placement, recipe, data, cache)
    yield from _release_task(probe)
    treated = yield from _weights_task(probe.view, recipe, data, found, probe.batch)
    placement = found.placement
    if treated.view is not probe.view:  # biases may have been added
        treated = replace(treated, view=view_of(treated.view.graph, probe.view.dtypes))
        placement = place(treated.view, recipe, placement.excluded, placement.told)
    quantization = _quantization(treated, recipe, placement, found)
    written = wide.with_own_types(written_graph(treated.view.graph, quantization))
    yield Progress(0, 1, "Writing the file")
    held = with_weights_inside(written)
    form = represented(held, recipe, treated.view.graph.opset)
    held, final = (form.graph, form.graph) if form is not None else (held, written)
    signed = replace(model, metadata=MappingProxyType({**model.metadata, **made_by(recipe)}))
    onnx = to_onnx(held, signed)
    tflite = yield from _tflite_task(written, recipe, shapes)
    told = report_entries.about_data(data, found.samples) if data is not None and recipe.activations == "static" else []
    told += [*report_entries.about_scales(placement), *report_entries.about_spectra(placement, recipe)]
    done = ReportInputs(model, treated.view, recipe, quantization, written, form)
    told += [*notes, *probe.notes, *found.notes, *(about_form(form) if form is not None else ())]
    report = done.report(found, len(onnx), tuple(told), (*before.applied, *treated.applied))
    if verify and not tflite:
        checked_file = yield from verify_task(treated.view.graph, held, onnx, data, shapes)
        report = report.with_verification(checked_file)
    quantized = replace(
        signed,
        name=_quantized_name(model.name),
        tensors=final.initializers,
        graph=final,
        notes=(),
        changes=(),
    )
    source, pictures = treated.view.graph, found.histograms
    made = QuantizedModel(quantized, onnx, report, quantization, source, pictures, shapes)
    return made.with_tflite(tflite) if tflite else made


def _tflite_task(graph: Graph, recipe: Recipe, shapes: Shapes | None) -> Task[bytes]:
    """The ``.tflite`` file, if the recipe's runtime reads such files."""
    from playground.model.runtimes import runtime

    if runtime(recipe.runtime).file != "tflite":
        return b""
    from playground.ptq.tflite_file import tflite_task

    return (yield from tflite_task(graph, recipe, shapes))


def _float_graph(model: Model) -> Graph:
    graph = working(model.required_graph())[0]
    refuse_others(graph)
    writes = (
        *operators.quantize_linear.OPERATORS,
        *operators.dequantize_linear.OPERATORS,
        operators.dynamic_quantize_linear.OPERATOR,
    )
    done = sum(find(node) in writes for node in graph.nodes)
    if done:
        raise UnsupportedError(
            f"the model is already quantized ({done} QuantizeLinear and DequantizeLinear nodes)",
            where=model.name,
            hint="Start from the float model",
        )
    validate(graph)
    return graph


def _release_task(probe: DryRun) -> Task[None]:
    if probe.tap is not None:
        yield from release_task(probe.tap)


def _prepared(graph: Graph, recipe: Recipe) -> tuple[Graph, list[str]]:
    """The graph as the recipe wants it before quantization, and what was changed, in sentences."""
    if not recipe.prepare and recipe.operators is not None:
        return graph, []
    from playground.ptq.preparation import ALWAYS, prepared_graph

    changed, told = prepared_graph(graph, None if recipe.prepare else ALWAYS)
    return changed, list(told)


def _quantized_name(name: str) -> str:
    return f"{name.removesuffix('.onnx') or 'model'}.quantized.onnx"


def _data(graph: Graph, recipe: Recipe, given: Given | None, shapes: Shapes | None) -> CalibrationData | None:
    """Calibration samples, made up if ranges of activations need some."""
    if recipe.activations == "static" or (recipe.algorithms and given is not None):
        return calibration_data(graph, given, recipe.calibration.samples, recipe.partial, shapes)
    return None


def _weights_task(
    view: GraphView, recipe: Recipe, data: CalibrationData | None, found: Calibrated, batch: int
) -> Task[StageResult]:
    """All weights quantized, by algorithms or by rounding, and what algorithms change afterwards."""
    known: dict[str, Any] = {"placement": found.placement, "data": data, "batch": batch, "ranges": found.ranges}
    chosen = yield from run_algorithms_task("weights", recipe, view, **known)
    weights = yield from weights_task(view.graph, found.placement, recipe, chosen.weights)
    after = yield from run_algorithms_task("after", recipe, view, **known, weights=weights)
    return StageResult(after.view, weights, (*chosen.applied, *after.applied))


def _quantization(treated: StageResult, recipe: Recipe, placement: Placement, found: Calibrated) -> Quantization:
    activations = activation_parameters(with_overrides(found.ranges, recipe), recipe)
    activations = with_results(activations, treated.view.graph, recipe)
    weights = dict(treated.weights)
    biases = quantize_biases(treated.view.graph, placement, activations, weights) if recipe.biases == "int32" else {}
    formats = {name: recipe.activation_scheme_for(name).format for name in activations}
    dynamic = recipe.activations == "dynamic"
    return Quantization(placement, activations, recipe.activation_scheme.format, weights, biases, formats, dynamic)


def written_graph(graph: Graph, quantization: Quantization, wanted: Collection[str] = ()) -> Graph:
    """The quantized graph, in the form that its activations have.

    Args:
        graph: the float graph.
        quantization: what was decided about it.
        wanted: values to be had in float even where only codes are read.
    """
    if quantization.dynamic:
        from playground.ptq.dynamic import DynamicWriter

        return DynamicWriter(graph, quantization).write(wanted)
    return QdqWriter(graph, quantization).write()

"""What is measured of one model: three forms of ours and two of ONNX Runtime's tool, on the same data."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import onnx

import playground
from playground.model.recipe import ACTIVATIONS, Recipe
from tools.real_models.catalogue import CALIBRATION, HELD_OUT, RealModel
from tools.real_models.comparing import Data, Outputs, fidelity, largest_difference, run_file
from tools.real_models.results import Form, Measured, said
from tools.real_models.samples import Feed
from tools.real_models.tool import FORMS, best_of_tool, opset_of

_COMPARED = 4
"""On how many feeds engines are compared: NumPy takes its time."""


def data_of(entry: RealModel) -> Data:
    """The model's feeds, and its float outputs."""
    held_out = entry.feeds(HELD_OUT)
    return Data(entry.feeds(CALIBRATION), held_out, run_file(entry.path, held_out))


def measure(entry: RealModel, *, with_tool: bool = True) -> Measured:
    """Everything about one model; what fails is in the result."""
    result = Measured(entry.id, entry.about, entry.path.stat().st_size, opset_of(onnx.load(entry.path)))
    data = data_of(entry)
    try:
        model = playground.load(entry.path)
        _describe(result, model, data)
        result.ours = {form: _ours(model, form, data) for form in ACTIVATIONS}
    except Exception as error:  # whatever it is belongs in the table
        result.error = said(error)
    if with_tool:
        result.theirs = {form: best_of_tool(entry.path, form, data) for form in FORMS}
    return result


def _describe(result: Measured, model: playground.Model, data: Data) -> None:
    graph = model.required_graph()
    result.opset_read = graph.opset
    result.nodes = len(graph.nodes)
    result.parameters = sum(math.prod(tensor.shape) for tensor in model.tensors.values())
    try:
        found = _in_numpy(model, data.held_out[:_COMPARED])
        result.float_error = largest_difference(data.exact[:_COMPARED], found)
    except Exception as error:
        result.float_refusal = said(error)


def _in_numpy(model: playground.Model | bytes, feeds: Sequence[Feed]) -> Outputs:
    return [playground.run(model, feed, engine="reference") for feed in feeds]


def _ours(model: playground.Model, form: str, data: Data) -> Form:
    began = time.perf_counter()
    try:
        made = playground.quantize_model(
            model, Recipe(activations=form), data.calibration if form == "static" else None
        )
    except Exception as error:
        return Form(said(error))
    report = made.report
    result = Form("", len(made.onnx), len(report.tensors), len(report.skipped), warnings=report.warnings)
    result.seconds = time.perf_counter() - began
    try:
        native = run_file(made.onnx, data.held_out)
        result.sqnr_db = fidelity(data.exact, native)
        plain = run_file(made.onnx, data.held_out[:_COMPARED], plain=True)
    except Exception as error:
        result.error = f"ONNX Runtime: {said(error)}"
        return result
    try:
        _compare_engines(result, data, (plain, native[:_COMPARED]), _in_numpy(made.onnx, data.held_out[:_COMPARED]))
    except Exception as error:
        result.reference_refusal = said(error)
    return result


def _compare_engines(result: Form, data: Data, natives: Sequence[Outputs], ours: Outputs) -> None:
    """Against the nearer one: what the file says, in floats, or ONNX Runtime's kernels of integers, as ours are."""
    nearest = max(natives, key=lambda native: min(fidelity(native, ours).values()))
    result.reference_error = largest_difference(nearest, ours)
    result.reference_db = min(fidelity(nearest, ours).values())
    exact = data.exact[:_COMPARED]
    one, other = fidelity(exact, nearest), fidelity(exact, ours)
    result.parting_db = max(0.0 if one[name] == other[name] else abs(one[name] - other[name]) for name in one)

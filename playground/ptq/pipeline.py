"""``quantize_model``: a float ONNX model to a QDQ one, with a report of what was done and what was not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from playground.api import quantize
from playground.core import QParams, QTensor, Range, choose_qparams
from playground.errors import UnsupportedError
from playground.metrics import compare
from playground.model.graph import Graph, Model
from playground.model.recipe import Recipe
from playground.model.writers.onnx import to_onnx
from playground.ptq.activations import CalibrationData, batch_size, calibration_data, captured, ranges_work
from playground.ptq.constants import Int32Bias, quantize_bias, widen_for_bias
from playground.ptq.exclusion import by_activation, excluded_nodes, float_operators, untouched_constants
from playground.ptq.further import unmasked
from playground.ptq.placement import OPERATORS, Placement, Placer
from playground.ptq.qdq import QdqWriter, Quantization, require_opset
from playground.ptq.report import QuantizedActivation, QuantizedTensor, Report, Skipped
from playground.work import Progress, Work, drain


@dataclass(frozen=True, slots=True)
class QuantizedModel:
    """A quantized model.

    Attributes:
        model: it, as any other model.
        onnx: its ONNX file.
        report: what was done.
        quantization: the codes, scales and placement it was written from.
    """

    model: Model
    onnx: bytes
    report: Report
    quantization: Quantization

    def save(self, path: str | Path) -> None:
        """Write the ONNX file."""
        Path(path).write_bytes(self.onnx)


def quantize_model(
    model: Model,
    recipe: Recipe | None = None,
    calibration: Mapping[str, ArrayLike] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> QuantizedModel:
    """Quantize a model after training.

    Args:
        model: a float ONNX model, as ``load`` gives it.
        recipe: what to quantize and how; int8 weights per channel and uint8 activations when left out.
        calibration: input name -> samples along the first axis. Made up when left out, and then the report warns.
        progress: is told of every step.

    Raises:
        UnsupportedError: the model has no graph, is quantized already, or its operator set is too old for QDQ.
        InvalidInputError: the calibration data does not fit the model.
        EngineError: the model cannot be run on it.
    """
    return drain(quantize_model_work(model, recipe, calibration), progress)


def quantize_model_work(
    model: Model, recipe: Recipe | None = None, calibration: Mapping[str, ArrayLike] | None = None
) -> Work[QuantizedModel]:
    """The work of :func:`quantize_model`."""
    recipe = recipe or Recipe()
    graph = _float_graph(model)
    skipped = excluded_nodes(graph, recipe)
    warnings: list[str] = []
    data: CalibrationData | None = None
    ranges: dict[str, Range] = {}
    if recipe.activations == "static":
        data = calibration_data(graph, calibration)
        warnings += _about(data)
        placement, ranges = yield from _calibrated_placement(graph, recipe, data, skipped)
    else:
        placement = Placer(graph, recipe, _constant_dtypes(graph), skipped).place()
    require_opset(graph, any(scheme.granularity == "channel" for scheme in placement.weights.values()))
    quantization = yield from _quantization(graph, recipe, placement, ranges)
    written = QdqWriter(graph, quantization).write()
    onnx = to_onnx(written)
    constants = {*quantization.weights, *(bias for _, bias in quantization.biases)}
    warnings += _about_storage(written, quantization)
    report = Report(
        model=model.name,
        tensors=tuple(_tensor_reports(graph, quantization)),
        activations=tuple(_activation_reports(quantization, ranges)),
        skipped=(*skipped.values(), *untouched_constants(graph, constants, skipped, recipe.activations)),
        float_operators=float_operators(graph, placement),
        biases=len(quantization.biases),
        bytes_before=sum(tensor.nbytes for tensor in graph.initializers.values()),
        bytes_after=_packed_bytes(written, quantization),
        file_bytes=len(onnx),
        calibration_samples=data.samples if data else 0,
        recipe=recipe.as_dict(),
        warnings=tuple(warnings),
    )
    quantized = Model("onnx", _quantized_name(model.name), written.initializers, written)
    return QuantizedModel(quantized, onnx, report, quantization)


def _float_graph(model: Model) -> Graph:
    graph = model.graph
    if graph is None:
        raise UnsupportedError("it holds tensors and no graph", where=model.name, hint="Use an ONNX model")
    done = sum(node.op in ("QuantizeLinear", "DequantizeLinear") for node in graph.nodes)
    if done:
        raise UnsupportedError(
            f"it is quantized already ({done} QuantizeLinear and DequantizeLinear nodes)",
            where=model.name,
            hint="Start from the float model",
        )
    return graph


def _quantized_name(name: str) -> str:
    return f"{name.removesuffix('.onnx') or 'model'}.quantized.onnx"


def _constant_dtypes(graph: Graph) -> dict[str, str]:
    return {name: tensor.dtype for name, tensor in graph.initializers.items()}


def _calibrated_placement(
    graph: Graph, recipe: Recipe, data: CalibrationData, skipped: dict[str, Skipped]
) -> Work[tuple[Placement, dict[str, Range]]]:
    """Where quantization goes, and the ranges. Nodes whose activations have none go to ``skipped``."""
    touched = [node for node in graph.nodes if node.op in OPERATORS and not node.domain]
    names = dict.fromkeys(name for node in touched for name in (*node.inputs, *node.outputs) if name)
    step = Progress(0, 1, "Running the model once")
    live = [name for name in names if name not in graph.initializers]
    (values,) = yield from captured(graph, data.batches(1)[:1], live, step)
    batches = data.batches(batch_size(values))
    dtypes = _constant_dtypes(graph) | {name: values[name].dtype.name for name in live}
    ranges: dict[str, Range] = {}
    while True:
        placement = Placer(graph, recipe, dtypes, skipped).place()
        lacking = [name for name, provider in placement.activations.items() if provider is None and name not in ranges]
        if not lacking:
            return placement, _through_removable(graph, placement, unmasked(graph, ranges))
        found = yield from ranges_work(graph, batches, lacking, recipe.activation_scheme)
        ranges.update(found.found)
        skipped.update(by_activation(graph, placement, found.unusable))


def _through_removable(graph: Graph, placement: Placement, ranges: dict[str, Range]) -> dict[str, Range]:
    """What only a Relu or Clip reads gets the range that is left behind it: the rest would be cut off anyway."""
    adjusted = dict(ranges)
    uses = [name for node in graph.nodes for name in node.inputs]
    for node in graph.nodes:
        if node.op in ("Relu", "Clip") and node.name not in placement.excluded:
            source, made = node.inputs[0], node.outputs[0]
            if uses.count(source) == 1 and source in ranges and made in ranges:
                adjusted[source] = ranges[made]
    return {name: adjusted[name] for name, provider in placement.activations.items() if provider is None}


def _quantization(
    graph: Graph, recipe: Recipe, placement: Placement, ranges: Mapping[str, Range]
) -> Work[Quantization]:
    activations = {name: choose_qparams(found, recipe.activation_scheme) for name, found in ranges.items()}
    weights: dict[str, QTensor] = {}
    for index, (name, scheme) in enumerate(placement.weights.items()):
        yield Progress(index, len(placement.weights), f"Quantizing {name}")
        weights[name] = quantize(graph.initializers[name].numpy(), scheme)
    biases = _quantize_biases(graph, placement, activations, weights)
    return Quantization(placement, activations, recipe.activation_scheme.format, weights, biases)


def _quantize_biases(
    graph: Graph, placement: Placement, activations: Mapping[str, QParams], weights: dict[str, QTensor]
) -> dict[tuple[str, str], Int32Bias]:
    """Biases as int32; a weight whose scale is too small for its bias is quantized again with a larger one."""
    usable = []
    for bias in placement.biases:
        source = placement.provider(bias.input)
        if source in activations and bias.weight in weights:
            values = np.float32(bias.factor) * graph.initializers[bias.name].numpy()
            usable.append((bias, values, np.float32(activations[source].scale_values.item())))
    for bias, values, input_scale in usable:
        original = graph.initializers[bias.weight].numpy()
        weights[bias.weight] = widen_for_bias(weights[bias.weight], original, values, input_scale)
    made = {(b.node, b.name): quantize_bias(values, s, weights[b.weight]) for b, values, s in usable}
    return {key: bias for key, bias in made.items() if bias is not None}


def _about(data: CalibrationData) -> list[str]:
    told = []
    if data.generated:
        told.append(
            f"No calibration data was given: activation ranges come from {data.samples} made-up samples. "
            "This is a smoke test, not a measurement."
        )
    if data.left_out:
        told.append(f"{data.left_out} calibration samples were left out: they do not fill a batch of the model's size.")
    return told


def _about_storage(written: Graph, quantization: Quantization) -> list[str]:
    loose = [
        name
        for name, weight in quantization.weights.items()
        if weight.scheme.number_format.bits < 8 and (weight.scheme.number_format.bits != 4 or written.opset < 21)
    ]
    if not loose:
        return []
    return [
        f"{len(loose)} {'tensor has' if len(loose) == 1 else 'tensors have'} codes of less than 8 bits that the file "
        f"keeps one a byte: opset {written.opset} has no type for them. Sizes are stated as packed."
    ]


def _packed_bytes(written: Graph, quantization: Quantization) -> int:
    """All constants of the written graph, codes narrower than the type they are kept in counted as packed."""
    total = sum(tensor.nbytes for tensor in written.initializers.values())
    for name, weight in quantization.weights.items():
        held = written.initializers.get(f"{name}_quantized")
        if held is not None and held.dtype == weight.codes.dtype.name:
            total += weight.scheme.number_format.packed_nbytes(weight.codes.size) - held.nbytes
    return total


def _tensor_reports(graph: Graph, quantization: Quantization) -> list[QuantizedTensor]:
    readers = {name: node for node in reversed(graph.nodes) for name in node.inputs}
    reports = []
    for name, weight in quantization.weights.items():
        tensor, node = graph.initializers[name], readers[name]
        reports.append(
            QuantizedTensor(
                name=name,
                node=node.name,
                op=node.op,
                shape=tensor.shape,
                parameters=tensor.size,
                bytes_before=tensor.nbytes,
                bytes_after=weight.nbytes,
                scheme=weight.scheme.as_dict(),
                sqnr_db=compare(tensor.numpy(), weight.dequantize())["sqnr_db"],
            )
        )
    return reports


def _activation_reports(quantization: Quantization, ranges: Mapping[str, Range]) -> list[QuantizedActivation]:
    def number(array: Any) -> float:
        return float(np.asarray(array).reshape(-1)[0])

    return [
        QuantizedActivation(
            name, number(ranges[name].lo), number(ranges[name].hi), number(made.scale), int(number(made.zero_point))
        )
        for name, made in quantization.activations.items()
    ]

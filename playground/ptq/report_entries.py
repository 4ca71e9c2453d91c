"""What was done, gathered for the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.errors import plural
from playground.metrics import sqnr_db
from playground.model.graph import Graph, Model, Node, Tensor
from playground.model.graph_view import GraphView
from playground.model.recipe import ONNX_FORMATS, Recipe
from playground.operators import Trait, find
from playground.ptq.calibrated_placement import Calibrated
from playground.ptq.calibration_data import CalibrationData
from playground.ptq.exclusion import float_operators, untouched_constants
from playground.ptq.placement import Placement
from playground.ptq.qdq import Quantization
from playground.ptq.quantize_weights import with_overrides
from playground.ptq.report import AppliedAlgorithm, QuantizedActivation, QuantizedTensor, Report
from playground.ptq.sizes import why_not_smaller
from playground.ptq.stored_weights import stored_nbytes, stored_type
from playground.quantization import Range, Scheme

if TYPE_CHECKING:
    from playground.model.writers._onnx_operator_form import OperatorForm


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """All that a report is made from: the model, a view of the float graph that was quantized, and what came of it.

    ``form`` is what the file has in the place of ``written``, if the recipe wants operators on codes.
    """

    model: Model
    view: GraphView
    recipe: Recipe
    quantization: Quantization
    written: Graph
    form: OperatorForm | None = None

    def report(
        self,
        found: Calibrated,
        file_bytes: int,
        warnings: tuple[str, ...],
        applied: tuple[AppliedAlgorithm, ...],
    ) -> Report:
        """The report."""
        view, quantization, recipe = self.view, self.quantization, self.recipe
        placement = quantization.placement
        constants = {*quantization.weights, *(bias for _, bias in quantization.biases)}
        stored, saved = (self.form.stored, self.form.saved) if self.form is not None else ({}, 0)
        tensors = tuple(tensor_reports(view, quantization, self.model.tensors, stored))
        kept = {name: t.nbytes for name, t in self.written.initializers.items() if name in view.constants}
        about = [
            *about_ranges({name: found.ranges[name] for name in quantization.activations if name in found.ranges}),
            *about_storage(quantization),
            *about_dynamic(view, quantization, recipe),
        ]
        return Report(
            model=self.model.name,
            tensors=tensors,
            activations=tuple(activation_reports(quantization, with_overrides(found.ranges, recipe))),
            skipped=(
                *placement.excluded.values(),
                *untouched_constants(view, constants, recipe, placement),
            ),
            float_operators=float_operators(view, placement),
            biases=len(quantization.biases),
            bytes_before=sum(tensor.nbytes for tensor in (self.model.graph or view.graph).initializers.values()),
            bytes_after=packed_bytes(self.written, quantization) - saved,
            file_bytes_before=self.model.file_bytes,
            file_bytes=file_bytes,
            calibration_samples=found.samples,
            recipe=recipe.as_dict(),
            warnings=(*warnings, *about),
            algorithms=applied,
            kept=kept,
            not_smaller=why_not_smaller(self.model.file_bytes, file_bytes, tensors, kept.values()),
        )


def about_data(data: CalibrationData, samples: int) -> list[str]:
    """Sentences about calibration data, of which so many samples were seen."""
    told = []
    if data.generated:
        told.append(
            f"No calibration data was given: activation ranges come from {plural(data.samples, 'made-up sample')}. "
            "This is a smoke test: it shows that the model can be quantized, and says nothing about its accuracy."
        )
    elif samples == 1:
        told.append(
            "Activation ranges come from a single sample: values beyond those seen in it are clipped. "
            "Give a few dozen samples for ranges that hold for others too."
        )
    if data.left_out:
        told.append(f"{data.left_out} calibration samples were left out: they do not fill a batch of the model's size.")
    if data.faulty:
        told.append(f"{data.faulty} calibration samples were left out: they hold NaN or infinity.")
    return told


def about_scales(placement: Placement) -> list[str]:
    """Sentences about what no one scale can hold."""
    apart = [placement.excluded[name] for name in sorted(placement.told.apart) if name in placement.excluded]
    return [
        f"{skipped.name!r} ({skipped.op}) stays in float: {skipped.reason}. Scale the values to one range in the model "
        "to have it quantized."
        for skipped in apart
    ]


def about_spectra(placement: Placement, recipe: Recipe) -> list[str]:
    """A sentence about products that compute in float, with weights in codes."""
    names = sorted(placement.alone)
    if not names or recipe.activations == "weight_only":
        return []
    others = f" and {plural(len(names) - 1, 'other convolution')}" if names[1:] else ""
    return [
        f"{names[0]!r}{others} make spectra of a signal or read them: their weights are quantized, and they compute in "
        "float, since 8-bit codes would bury quiet bands. Name operators in the recipe to quantize them as the rest."
    ]


def about_ranges(ranges: Mapping[str, Range]) -> list[str]:
    """Sentences about activations that were zero on every sample, so that nothing is known about their ranges."""
    zero = [name for name, held in ranges.items() if not np.any(held.lo) and not np.any(held.hi)]
    return [
        f"Activation {name!r} was 0 on every calibration sample, so its range is not known, and other values will be "
        "clipped. Give samples in which it is not 0, or leave it in float."
        for name in zero
    ]


def about_storage(quantization: Quantization) -> list[str]:
    """Sentences about codes that a file keeps less tightly than they could be."""
    weights = quantization.weights.values()
    bytewise = sum(w.scheme.number_format.bits < 8 and stored_type(w) in ("int8", "uint8") for w in weights)
    simulated = sorted({_as_simulated(w.scheme) for w in weights if stored_type(w) == "float32"})
    told = []
    if bytewise:
        told.append(
            f"{bytewise} {'tensor has' if bytewise == 1 else 'tensors have'} codes of less than 8 bits that the file "
            "keeps one a byte: runtimes take no type for them. Sizes are stated as packed."
        )
    if simulated:
        told.append(
            f"No runtime has {' or '.join(simulated)} for weights: the file has float32 numbers that are the format's, "
            "computes what the format would, and is no smaller. Sizes of tensors are stated as packed."
        )
    return told


def _as_simulated(scheme: Scheme) -> str:
    """The format, and what else of a scheme DequantizeLinear has not."""
    known = scheme.format in ONNX_FORMATS
    return f"{scheme.format} with such scales or zero-points" if known else scheme.format


def about_dynamic(view: GraphView, quantization: Quantization, recipe: Recipe) -> list[str]:
    """Sentences about what dynamic activations cannot have."""
    if recipe.activations != "dynamic" or recipe.weights.granularity != "channel":
        return []
    found = {weight for node in view.graph.nodes if (weight := _filters(node, view)) in quantization.weights}
    coarse = [weight for weight in found if weight and not quantization.weights[weight].scheme.symmetric]
    if not coarse:
        return []
    return [
        f"{plural(len(coarse), 'convolution')} with one scale for all channels: ConvInteger takes one zero-point. "
        "Use symmetric weights to have one scale a channel."
    ]


def _filters(node: Node, view: GraphView) -> str | None:
    operator = find(node)
    return view.weight(node) if operator is not None and Trait.CONVOLUTION in operator.traits else None


def packed_bytes(written: Graph, quantization: Quantization) -> int:
    """All constants of the written graph, codes narrower than the type they are kept in counted as packed."""
    total = sum(tensor.nbytes for tensor in written.initializers.values())
    for name, weight in quantization.weights.items():
        held = written.initializers.get(f"{name}_quantized")
        if held is not None and held.dtype == weight.codes.dtype.name:
            total += weight.scheme.number_format.packed_nbytes(weight.codes.size) - held.nbytes
    return total


def tensor_reports(
    view: GraphView, quantization: Quantization, before: Mapping[str, Tensor], stored: Mapping[str, int]
) -> list[QuantizedTensor]:
    """A line for each quantized constant.

    Args:
        view: of the float graph.
        quantization: what came of it.
        before: what the float model's file has.
        stored: bytes of weights that the file keeps in a form of its own, by the names of their codes.
    """
    reports = []
    for name, weight in quantization.weights.items():
        tensor, node = view.constants[name], view.users(name)[0]
        reports.append(
            QuantizedTensor(
                name=name,
                node=node.name,
                op=node.op,
                shape=tensor.shape,
                parameters=tensor.size,
                bytes_before=before.get(name, tensor).nbytes,
                bytes_after=weight.nbytes,
                bytes_stored=stored.get(f"{name}_quantized") or stored_nbytes(weight),
                scheme=weight.scheme.as_dict(),
                sqnr_db=sqnr_db(tensor.numpy(), weight.dequantize()),
            )
        )
    return reports


def activation_reports(quantization: Quantization, ranges: Mapping[str, Range]) -> list[QuantizedActivation]:
    """A line for each activation that has parameters of its own."""

    def number(array: Any) -> float:
        return float(np.asarray(array).reshape(-1)[0])

    return [
        QuantizedActivation(
            name, number(ranges[name].lo), number(ranges[name].hi), number(made.scale), int(number(made.zero_point))
        )
        for name, made in quantization.activations.items()
    ]

"""Quantizes models that are tensors without a graph: weights only, by a recipe, with a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from playground.api import quantize
from playground.errors import InvalidInputError, MissingError, UnsupportedError, plural
from playground.host.output import write_file
from playground.metrics import sqnr_db
from playground.model.graph import Model, Tensor
from playground.model.recipe import Recipe
from playground.model.runtimes import runtime
from playground.model.writers.npz import to_npz
from playground.ptq.report import QuantizedTensor, Report, Skipped
from playground.quantization import QTensor, Range, Scheme
from playground.tasks import Progress, Task, run_sync

LEAST_AXES = 2
"""Axes of a tensor that is taken for a weight: biases and scales of normalizations have one."""


@dataclass(frozen=True, slots=True)
class QuantizedTensors:
    """A quantized model without a graph.

    Attributes:
        model: the float model.
        quantized: its quantized tensors by name.
        report: what was done.
        npz: the file: see :func:`playground.model.writers.npz.to_npz`.
    """

    model: Model
    quantized: Mapping[str, QTensor]
    report: Report
    npz: bytes

    @property
    def file(self) -> bytes:
        """What is written: the ``.npz`` file."""
        return self.npz

    def save(self, path: str | Path) -> None:
        """Write the ``.npz`` file, as a whole or not at all. Raises OutputError if it could not be written."""
        write_file(path, self.npz)


def quantize_tensors(
    model: Model, recipe: Recipe | None = None, progress: Callable[[Progress], None] | None = None
) -> QuantizedTensors:
    """Quantize the weights of a model without a graph: its real tensors with two axes or more.

    Args:
        model: as ``load`` gives it.
        recipe: which tensors, and how; int8 per channel when left out. Rules and overrides hold for tensors with one
            axis, too, if they name them. Channels lie along the first axis, where PyTorch has the outputs.
        progress: is told of every tensor.

    Raises:
        UnsupportedError: the recipe has algorithms, which need a graph; the runtime does not take a scheme.
        InvalidInputError: a tensor cannot be quantized as the recipe says, and the recipe is strict.
        MissingError: no tensor is quantized.
    """
    return run_sync(quantize_tensors_task(model, recipe), progress)


def quantize_tensors_task(model: Model, recipe: Recipe | None = None) -> Task[QuantizedTensors]:
    """The work of :func:`quantize_tensors`."""
    recipe = replace(recipe or Recipe(), activations="weight_only")
    _check(recipe)
    quantized: dict[str, QTensor] = {}
    reports: list[QuantizedTensor] = []
    skipped: list[Skipped] = []
    for index, (name, tensor) in enumerate(model.tensors.items()):
        yield Progress(index, len(model.tensors), f"Quantizing {name}")
        scheme = _scheme(tensor, recipe)
        if isinstance(scheme, str):
            skipped += [Skipped(name, "", "", scheme)] if tensor.real else []
            continue
        try:
            values = tensor.numpy()
            quantized[name] = _quantized(tensor, scheme, recipe)
        except InvalidInputError as error:
            if not recipe.partial:
                raise error.at(f"tensor {name!r}") from error
            skipped.append(Skipped(name, "", "", error.what))
            continue
        reports.append(_report(tensor, quantized[name], sqnr_db(values, quantized[name].dequantize())))
    if not quantized:
        raise MissingError(
            "no tensor is quantized", where=model.name, hint="Use a file with weights, or another recipe"
        )
    yield Progress(1, 1, "Writing the file")
    npz = to_npz(model.tensors, quantized)
    made = replace(_whole_report(model, recipe, quantized, reports, len(npz)), skipped=tuple(skipped))
    return QuantizedTensors(model, MappingProxyType(quantized), made, npz)


def _check(recipe: Recipe) -> None:
    if recipe.algorithms:
        raise UnsupportedError(
            f"the algorithm {recipe.algorithms[0].id!r} needs a graph",
            where="algorithms",
            hint="Remove the algorithms, or use an ONNX model",
        )
    for found in runtime(recipe.runtime).restrictions(recipe):
        raise UnsupportedError(found.what, where=found.where, hint=found.hint)


def _scheme(tensor: Tensor, recipe: Recipe) -> Scheme | str:
    """How a tensor is quantized, or why it is not."""
    if not tensor.real or not tensor.size or not tensor.shape:
        return "it has no floats, or one number"
    override = recipe.override_for(tensor.name)
    rule = recipe.rule_for(tensor.name, shape=tensor.shape)
    scheme = recipe.scheme_for(tensor.name, shape=tensor.shape)
    named = (override is not None and override.scheme is not None) or rule is not None
    if scheme is None:
        return "the recipe leaves it in float"
    if len(tensor.shape) < LEAST_AXES and not named:
        return "it has one axis, as biases and scales of normalizations have"
    if scheme.granularity == "channel" and scheme.axis is None:
        return replace(scheme, axis=0)
    return scheme


def _quantized(tensor: Tensor, scheme: Scheme, recipe: Recipe) -> QTensor:
    override = recipe.override_for(tensor.name)
    if override is not None and override.range is not None:
        return quantize(tensor.numpy(), scheme, Range(*override.range))
    return quantize(tensor.numpy(), scheme)


def _report(tensor: Tensor, held: QTensor, quality: float) -> QuantizedTensor:
    return QuantizedTensor(
        name=tensor.name,
        node="",
        op="",
        shape=tensor.shape,
        parameters=tensor.size,
        bytes_before=tensor.nbytes,
        bytes_after=held.nbytes,
        scheme=held.scheme.as_dict(),
        sqnr_db=quality,
    )


def _whole_report(
    model: Model, recipe: Recipe, quantized: Mapping[str, QTensor], tensors: list[QuantizedTensor], file_bytes: int
) -> Report:
    before = sum(tensor.nbytes for tensor in model.tensors.values())
    return Report(
        model=model.name,
        tensors=tuple(tensors),
        activations=(),
        skipped=(),
        float_operators={},
        biases=0,
        bytes_before=before,
        bytes_after=before + sum(tensor.bytes_after - tensor.bytes_before for tensor in tensors),
        file_bytes=file_bytes,
        calibration_samples=0,
        recipe=recipe.as_dict(),
        warnings=tuple(_warnings(model, quantized)),
    )


def _warnings(model: Model, quantized: Mapping[str, QTensor]) -> list[str]:
    told = []
    again = [name for name in quantized if model.tensors[name].quantized]
    if again:
        told.append(
            f"{plural(len(again), 'tensor')} had codes in the file already: what they stand for was quantized anew, so "
            "that errors add up. SQNR is that of the second step alone."
        )
    loose = sum(held.scheme.element.bits < 8 for held in quantized.values())
    if loose:
        told.append(
            f"{plural(loose, 'tensor')} of less than 8 bits: the .npz has one code a byte. Sizes are stated as packed."
        )
    return told

"""Quantizes models that are tensors without a graph: weights only, by a recipe, with a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from playground.api import quantize
from playground.errors import InvalidInputError, MissingError, UnsupportedError, one_of, plural
from playground.host.output import write_file
from playground.metrics import sqnr_db
from playground.model.graph import Model, Tensor
from playground.model.recipe import Recipe
from playground.model.recipe.unmatched import near_names, unmatched
from playground.model.runtimes import runtime, runtimes
from playground.model.writers import PLAIN, writer_for, writers
from playground.model.writers._writer import Writer, Written
from playground.ptq.report import QuantizedTensor, Report, Skipped
from playground.ptq.sizes import why_not_smaller
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
        file: what is written: see the modules of :mod:`playground.model.writers`.
        ending: of the file's name, with the dot.
    """

    model: Model
    quantized: Mapping[str, QTensor]
    report: Report
    file: bytes
    ending: str

    def save(self, path: str | Path) -> None:
        """Write the file, as a whole or not at all. Raises OutputError if it could not be written."""
        write_file(path, self.file)


def quantize_tensors(
    model: Model,
    recipe: Recipe | None = None,
    progress: Callable[[Progress], None] | None = None,
    *,
    kind: str | None = None,
) -> QuantizedTensors:
    """Quantize the weights of a model without a graph: its real tensors with two axes or more.

    Args:
        model: as ``load`` gives it.
        recipe: which tensors, and how; int8 per channel when left out. Rules and overrides hold for tensors with one
            axis, too, if they name them. Channels lie along the first axis, where PyTorch has the outputs.
        progress: is told of every tensor.
        kind: of the file: ``"npz"``, or what the recipe's runtime reads (``"gguf"``, ``"safetensors"``); None: what it
            reads, and an ``.npz`` for those that read graphs.

    Raises:
        UnsupportedError: the recipe has algorithms, which need a graph; the runtime does not take a scheme, or the kind
            of file; the file has no place for a tensor.
        InvalidInputError: a tensor cannot be quantized as the recipe says, and the recipe is strict.
        MissingError: no tensor is quantized.
    """
    return run_sync(quantize_tensors_task(model, recipe, kind), progress)


def quantize_tensors_task(
    model: Model, recipe: Recipe | None = None, kind: str | None = None
) -> Task[QuantizedTensors]:
    """The work of :func:`quantize_tensors`."""
    recipe = replace(recipe or Recipe(), activations="weight_only")
    _check(recipe)
    idle = _idle_rules(model, recipe)
    writer = _writer(recipe, kind)
    quantized: dict[str, QTensor] = {}
    reports: list[QuantizedTensor] = []
    skipped: list[Skipped] = []
    for index, (name, tensor) in enumerate(model.tensors.items()):
        yield Progress(index, len(model.tensors), f"Quantizing {name}")
        found = _quantized(tensor, recipe, writer)
        if isinstance(found, str):
            skipped += [Skipped(name, "", "", found)] if tensor.real else []
        else:
            quantized[name], report = found
            reports.append(report)
    if not quantized:
        raise MissingError(
            f"no tensor is quantized{_because(skipped)}",
            where=model.name,
            hint="Use a file with weights, or another recipe",
        )
    yield Progress(1, 1, "Writing the file")
    written = writer.write(model, quantized, recipe)
    made = _whole_report(model, recipe, quantized, reports, written)
    made = replace(made, skipped=tuple(skipped), warnings=(*idle, *made.warnings))
    return QuantizedTensors(model, MappingProxyType(quantized), made, written.data, writer.ending)


def _writer(recipe: Recipe, kind: str | None) -> Writer:
    """What writes the file. Raises UnsupportedError: the recipe's runtime does not read that kind."""
    if kind is None:
        return writer_for(recipe)
    if kind not in writers():
        raise InvalidInputError(f"{kind!r} is not a kind of file", where="kind", hint=one_of(kind, writers()))
    reading = [found.id for found in runtimes().values() if found.file == kind]
    if kind != PLAIN and reading and recipe.runtime not in reading:
        raise UnsupportedError(
            f"{runtime(recipe.runtime).name} does not read .{kind} files",
            where="runtime",
            hint=f"Use the runtime {' or '.join(map(repr, reading))}",
        )
    return writers()[kind]


def _quantized(tensor: Tensor, recipe: Recipe, writer: Writer) -> tuple[QTensor, QuantizedTensor] | str:
    """One tensor and what is reported of it, or why it is left as it is."""
    scheme = _scheme(tensor, recipe)
    if isinstance(scheme, str):
        return scheme
    try:
        if reason := writer.why_not(tensor, scheme):
            raise InvalidInputError(reason, where="weights", hint="Use another scheme, or leave the tensor in float")
        values = tensor.numpy()
        override = recipe.override_for(tensor.name)
        clip = Range(*override.range) if override is not None and override.range is not None else None
        held = quantize(values.reshape(writer.prepared(tensor, scheme)), scheme, clip)
    except InvalidInputError as error:
        if not recipe.partial:
            raise error.at(f"tensor {tensor.name!r}") from error
        return error.what
    return held, _report(tensor, held, sqnr_db(values, held.dequantize().reshape(values.shape)))


def _because(skipped: list[Skipped]) -> str:
    """The first reason of those that are about the file or the runtime."""
    return f": {skipped[0].reason} ({skipped[0].name[:80]})" if skipped else ""


def _check(recipe: Recipe) -> None:
    if recipe.algorithms:
        raise UnsupportedError(
            f"the algorithm {recipe.algorithms[0].id!r} needs a graph",
            where="algorithms",
            hint="Remove the algorithms, or use an ONNX model",
        )
    for found in runtime(recipe.runtime).restrictions(recipe):
        raise UnsupportedError(found.what, where=found.where, hint=found.hint)


def _idle_rules(model: Model, recipe: Recipe) -> list[str]:
    """Rules that fit no tensor, a sentence each. Raises InvalidInputError: there is one, and the recipe is strict."""
    found = []
    for which, rule in enumerate(recipe.rules):
        reason = "" if rule.pattern == "*" else unmatched(rule.pattern, model.tensors)
        if reason:
            where, hint = f"rule {which + 1} ({rule.described})", near_names(rule.pattern, model.tensors)
            if not recipe.partial:
                raise InvalidInputError(reason, where=where, hint=hint)
            found.append(f"{where[0].upper()}{where[1:]}: {reason}. {hint}.")
    return found


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


def _report(tensor: Tensor, held: QTensor, quality: float) -> QuantizedTensor:
    return QuantizedTensor(
        name=tensor.name,
        node="",
        op="",
        shape=tensor.shape,
        parameters=tensor.size,
        bytes_before=tensor.nbytes,
        bytes_after=held.nbytes,
        bytes_stored=0,
        scheme=held.scheme.as_dict(),
        sqnr_db=quality,
    )


def _whole_report(
    model: Model, recipe: Recipe, quantized: Mapping[str, QTensor], tensors: list[QuantizedTensor], written: Written
) -> Report:
    before = sum(tensor.nbytes for tensor in model.tensors.values())
    tensors = [replace(tensor, bytes_stored=written.stored[tensor.name]) for tensor in tensors]
    kept = {name: nbytes for name, nbytes in written.stored.items() if name not in quantized}
    return Report(
        model=model.name,
        tensors=tuple(tensors),
        activations=(),
        skipped=(),
        float_operators={},
        biases=0,
        bytes_before=before,
        bytes_after=before + sum(tensor.bytes_after - tensor.bytes_before for tensor in tensors),
        file_bytes_before=model.file_bytes,
        file_bytes=len(written.data),
        calibration_samples=0,
        recipe=recipe.as_dict(),
        warnings=(*_warnings(model, quantized), *written.notes),
        kept=kept,
        not_smaller=why_not_smaller(model.file_bytes, len(written.data), tensors, kept.values()),
    )


def _warnings(model: Model, quantized: Mapping[str, QTensor]) -> list[str]:
    told = []
    again = [name for name in quantized if model.tensors[name].quantized]
    if again:
        told.append(
            f"{plural(len(again), 'tensor')} had codes in the file already: what they stand for was quantized anew, so "
            "that errors add up. SQNR is that of the second step alone."
        )
    return told

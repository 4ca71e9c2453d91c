"""Quantizes weights for files of tensors alone, by a recipe, with a report: of a model with a graph, or without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from playground.api import quantize
from playground.errors import InvalidInputError, MissingError, UnsupportedError, one_of, plural
from playground.host.output import write_file
from playground.metrics import sqnr_db
from playground.model.graph import Model, Tensor
from playground.model.recipe import Recipe
from playground.model.runtimes import runtime, runtimes
from playground.model.writers import PLAIN, writer_for, writers
from playground.model.writers._writer import Writer, Written
from playground.ptq.chosen_weights import chosen_weights
from playground.ptq.report import QuantizedTensor, Report, Skipped
from playground.ptq.sizes import why_not_smaller
from playground.quantization import QTensor, Range, Scheme
from playground.tasks import Progress, Task, run_sync


@dataclass(frozen=True, slots=True)
class QuantizedTensors:
    """The quantized weights of a model, as a file holds them that has no graph.

    Attributes:
        model: the float model, with its graph if it has one.
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

    def simulated(self) -> Model:
        """The model computing in floats with what the codes stand for: what such a file does to its answers.

        Raises:
            UnsupportedError: it has no graph.
        """
        graph = self.model.required_graph()
        held = {name: _values(codes, graph.initializers[name]) for name, codes in self.quantized.items()}
        graph = graph.with_constants(held)
        return replace(self.model, graph=graph, tensors=graph.initializers, notes=(), changes=())


def _values(held: QTensor, tensor: Tensor) -> NDArray[Any]:
    """What the codes of a tensor stand for, in its own shape and type."""
    return held.dequantize().reshape(tensor.shape).astype(tensor.numpy().dtype)


def quantize_tensors(
    model: Model,
    recipe: Recipe | None = None,
    progress: Callable[[Progress], None] | None = None,
    *,
    kind: str | None = None,
) -> QuantizedTensors:
    """Quantize the weights of a model for a file of tensors alone.

    Args:
        model: as ``load`` gives it. Of a graph the constants are taken that its operators read as weights, without one
            the real tensors with two axes or more.
        recipe: which tensors, and how; int8 per channel when left out. Rules and overrides hold for other tensors,
            too, if they name them. Channels are the graph's output channels; without a graph they lie along the
            first axis, where PyTorch has the outputs.
        progress: is told of every tensor.
        kind: of the file: ``"npz"``, or what the recipe's runtime reads (``"gguf"``, ``"safetensors"``); None: what it
            reads, and an ``.npz`` for those that read graphs.

    Raises:
        UnsupportedError: the recipe has algorithms, which such files are not made with; the runtime does not take a
            scheme, or the kind of file; the file has no place for a tensor; the model is quantized already.
        InvalidInputError: a tensor cannot be quantized as the recipe says, and the recipe is strict.
        MissingError: no tensor is quantized.
    """
    return run_sync(quantize_tensors_task(model, recipe, kind), progress)


def quantize_tensors_task(
    model: Model, recipe: Recipe | None = None, kind: str | None = None
) -> Task[QuantizedTensors]:
    """The work of :func:`quantize_tensors`."""
    recipe = replace(recipe or Recipe(), activations="weight_only")
    _check(model, recipe)
    writer = _writer(recipe, kind)
    chosen = chosen_weights(model, recipe)
    quantized: dict[str, QTensor] = {}
    reports: list[QuantizedTensor] = []
    skipped: list[Skipped] = []
    for index, (name, scheme) in enumerate(chosen.schemes.items()):
        yield Progress(index, len(chosen.schemes), f"Quantizing {name}")
        tensor, reader = chosen.model.tensors[name], chosen.readers.get(name)
        found = scheme if isinstance(scheme, str) else _quantized(tensor, scheme, recipe, writer)
        node, op = ("", "") if reader is None else (reader.name, reader.op)
        if isinstance(found, str):
            skipped.append(Skipped(name, node, op, found))
        else:
            quantized[name] = found
            reports.append(_report(tensor, found, node, op))
    if not quantized:
        raise MissingError(
            f"no tensor is quantized{_because(skipped)}",
            where=model.name,
            hint="Use a file with weights, or another recipe",
        )
    yield Progress(1, 1, "Writing the file")
    written = writer.write(chosen.model, quantized, recipe)
    made = _whole_report(chosen.model, recipe, quantized, reports, written)
    made = replace(made, skipped=tuple(skipped), warnings=(*chosen.notes, *made.warnings))
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


def _quantized(tensor: Tensor, scheme: Scheme, recipe: Recipe, writer: Writer) -> QTensor | str:
    """One tensor in codes, or why it is left as it is."""
    try:
        if reason := writer.why_not(tensor, scheme):
            raise InvalidInputError(reason, where="weights", hint="Use another scheme, or leave the tensor in float")
        override = recipe.override_for(tensor.name)
        clip = Range(*override.range) if override is not None and override.range is not None else None
        return quantize(tensor.numpy().reshape(writer.prepared(tensor, scheme)), scheme, clip)
    except InvalidInputError as error:
        if not recipe.partial:
            raise error.at(f"tensor {tensor.name!r}") from error
        return error.what


def _because(skipped: list[Skipped]) -> str:
    """The first reason of those that are about the file or the runtime."""
    return f": {skipped[0].reason} ({skipped[0].name[:80]})" if skipped else ""


def _check(model: Model, recipe: Recipe) -> None:
    if recipe.algorithms:
        name = recipe.algorithms[0].id
        what = f"the algorithm {name!r} needs a graph"
        if model.graph is not None:
            what = f"weights that are written without their graph are rounded, and not chosen by {name!r}"
        hint = "Remove the algorithms, or write an .onnx file of a model with a graph"
        raise UnsupportedError(what, where="algorithms", hint=hint)
    for found in runtime(recipe.runtime).restrictions(recipe):
        raise UnsupportedError(found.what, where=found.where, hint=found.hint)


def _report(tensor: Tensor, held: QTensor, node: str, op: str) -> QuantizedTensor:
    return QuantizedTensor(
        name=tensor.name,
        node=node,
        op=op,
        shape=tensor.shape,
        parameters=tensor.size,
        bytes_before=tensor.nbytes,
        bytes_after=held.nbytes,
        bytes_stored=0,
        scheme=held.scheme.as_dict(),
        sqnr_db=sqnr_db(tensor.numpy(), held.dequantize().reshape(tensor.shape)),
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

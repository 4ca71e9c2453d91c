"""A whole ``.tflite`` file as a :class:`Model`: with its graph in ONNX's operators, or with its tensors alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import DAMAGED, BadFileError, UnsupportedError, cut, plural, shown, typed
from playground.host.sources import Source
from playground.model.element_types import BY_NAME
from playground.model.graph import Graph, Model, NoGraph, Tensor
from playground.model.naming import FreeNames
from playground.model.readers import _tflite_arithmetic, _tflite_images, _tflite_moves, _tflite_recurrent
from playground.model.readers._tflite_builder import Builder
from playground.model.readers._tflite_file import File, Operation, Stored, Subgraph, read_file

CONVERTERS: Mapping[str, Callable[[Builder, Operation], None]] = {
    **_tflite_arithmetic.CONVERTERS,
    **_tflite_images.CONVERTERS,
    **_tflite_moves.CONVERTERS,
    **_tflite_recurrent.CONVERTERS,
}
"""What an operator becomes."""

_CONTRADICTION = "Export the model again: its operator contradicts itself"

_MOST_OF_A_NAME, _MOST_TOLD = 80, 8
"""Characters of an operator's name, and operators without a counterpart, that are told."""


def model(source: Source) -> Model:
    """The model of a file. Raises as :func:`playground.model.readers.tflite.read` does."""
    file = read_file(source)
    notes = [f"It has {len(file.subgraphs)} graphs: the first is shown."] if len(file.subgraphs) > 1 else []
    builder = Builder(file.subgraphs[0], source)
    reasons, graph = _graph(file.subgraphs[0], builder, source)
    if graph is not None:
        notes += [*_said(file.subgraphs[0]), *dict.fromkeys(builder.notes)]
        return Model("tflite", source.name, graph.initializers, graph, file.metadata, tuple(notes))
    listed = "; ".join(islice(reasons, _MOST_TOLD))
    more = f"; and {len(reasons) - _MOST_TOLD} more" if len(reasons) > _MOST_TOLD else ""
    notes.append(f"Its tensors are shown, its graph is not, because of {listed}{more}")
    no_graph = NoGraph(f"the graph cannot be read because of {listed}{more}", "Use an ONNX model")
    return Model("tflite", source.name, _tensors(file, source), None, file.metadata, tuple(notes), no_graph)


def _graph(subgraph: Subgraph, builder: Builder, source: Source) -> tuple[list[str], Graph | None]:
    """The graph; or why there is none, a phrase for each reason."""
    if len(set(subgraph.inputs)) != len(subgraph.inputs):
        raise BadFileError("an input occurs twice", where=source.name, hint=DAMAGED)
    reasons = _unknown(subgraph)
    if reasons:
        return reasons, None
    for at, operation in enumerate(subgraph.operations):
        where = f"{source.name}: operator {at} ({operation.op})"
        try:
            with typed(BadFileError, "the options or inputs are not this operator's", where=where, hint=_CONTRADICTION):
                builder.start(at, operation)
                CONVERTERS[operation.op](builder, operation)
        except UnsupportedError as error:
            reasons.append(f"operator {at} ({operation.op}: {error.what})")
            return reasons, None
    with typed(BadFileError, "nothing makes an output of the graph", where=source.name, hint=_CONTRADICTION):
        return [], builder.graph()


def _unknown(subgraph: Subgraph) -> list[str]:
    """Inputs that are not understood, and operators that have no counterpart here, with how often they occur."""
    inputs = (subgraph.tensors[number] for number in subgraph.inputs)
    faults = [f"{tensor.fault}, in {shown(tensor.name)}" for tensor in inputs if tensor.fault]
    counts: dict[str, int] = {}
    for operation in subgraph.operations:
        if operation.op not in CONVERTERS:
            counts[operation.op] = counts.get(operation.op, 0) + 1
    return faults + [f"{plural(count, 'operator')} {cut(op, _MOST_OF_A_NAME)}" for op, count in counts.items()]


def _said(subgraph: Subgraph) -> Iterator[str]:
    """What is computed in another way than LiteRT does."""
    products = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BATCH_MATMUL")
    mixed = 0
    for operation in subgraph.operations:
        if operation.op in products:
            x, w = (subgraph.tensors[number] for number in operation.inputs[:2])
            mixed += x.codes is None and w.codes is not None
    if mixed:
        yield (
            f"{plural(mixed, 'product')} of float values with weights in codes: here the weights become floats; "
            "LiteRT makes codes of the values while it runs"
        )
    if any(operation.op == "UNIDIRECTIONAL_SEQUENCE_LSTM" for operation in subgraph.operations):
        yield "The state of an LSTM starts at 0 in each run"


def _tensors(file: File, source: Source) -> dict[str, Tensor]:
    """The constants of all graphs as they are stored, and the scales and zero-points of those that are codes."""
    found: dict[str, Tensor] = {}
    names = FreeNames(tensor.name for subgraph in file.subgraphs for tensor in subgraph.tensors)
    for stored in (tensor for subgraph in file.subgraphs for tensor in subgraph.tensors):
        if stored.place is None:
            continue
        size = stored.place[1]
        found[stored.name] = Tensor(stored.name, stored.element, stored.shape, size, partial(stored.values, source))
        if stored.codes is not None:
            for name, values in _parameters(stored):
                free = names.take(f"{stored.name}_{name}")
                found[free] = Tensor.of(free, values)
    return found


def _parameters(stored: Stored) -> Iterator[tuple[str, NDArray[Any]]]:
    if stored.codes is not None:
        yield "scale", stored.codes.scales
        yield "zero_point", stored.codes.zero_points.astype(BY_NAME[stored.element].stored or np.int8)

"""What is in a model: one row a tensor, and which operator uses it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from playground.engines.run import refused
from playground.errors import BadFileError, typed
from playground.model.graph import Model
from playground.model.graph_view import GraphView


@dataclass(frozen=True, slots=True)
class Row:
    """One tensor of a model.

    Attributes:
        name: the tensor's name.
        op: the first operator that uses it, ``""`` in a file without a graph.
        node: that operator's name.
        shape: sizes of its axes.
        dtype: element type in the file.
        parameters: number of elements.
        bytes: bytes in the file.
    """

    name: str
    op: str
    node: str
    shape: tuple[int, ...]
    dtype: str
    parameters: int
    bytes: int


@typed(BadFileError, "the model cannot be listed", where="model", hint="Use another file")
def inventory(model: Model) -> tuple[Row, ...]:
    """Every tensor of a model, in the order of the file."""
    view = GraphView(model.graph) if model.graph is not None else None
    rows = []
    for tensor in model.tensors.values():
        readers = view.users(tensor.name) if view is not None else ()
        op, node = (readers[0].op, readers[0].name or readers[0].outputs[0]) if readers else ("", "")
        rows.append(Row(tensor.name, op, node, tensor.shape, tensor.dtype, tensor.size, tensor.nbytes))
    return tuple(rows)


@typed(BadFileError, "the model cannot be listed", where="model", hint="Use another file")
def inventory_data(model: Model) -> dict[str, Any]:
    """The inventory as plain data, with the model's name, format, inputs, outputs and operators.

    ``refused`` lists the nodes of a quantized model that do not run in integers, and why; it is None for a float one.
    """
    graph = model.graph
    rows = inventory(model)
    data: dict[str, Any] = {
        "name": model.name,
        "format": model.format,
        "tensors": [asdict(row) for row in rows],
        "parameters": sum(row.parameters for row in rows),
        "bytes": sum(row.bytes for row in rows),
        "notes": list(model.notes),
        "inputs": [],
        "outputs": [],
        "operators": {},
        "refused": refused(graph),
    }
    if graph is not None:
        data["inputs"] = [{"name": v.name, "dtype": v.dtype, "shape": v.shape} for v in graph.inputs]
        data["outputs"] = [{"name": v.name, "dtype": v.dtype, "shape": v.shape} for v in graph.outputs]
        for node in graph.walk():
            data["operators"][node.op] = data["operators"].get(node.op, 0) + 1
    return data

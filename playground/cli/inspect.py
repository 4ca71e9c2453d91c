"""``playground inspect FILE``: what is in a model file."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import numpy as np

from playground.analysis.inventory import inventory
from playground.cli._command import Command
from playground.cli._console import Console, Result
from playground.cli._files import add_file, open_model
from playground.cli._shapes import add_shapes, shapes_of
from playground.engines.fitting import fitted
from playground.engines.run import FLOAT_ENGINES, first_supporting_task, refused, run_task
from playground.errors import cut
from playground.model.graph import Graph, Tensor, ValueInfo
from playground.ptq.made_up import as_option, example_shapes, made_up_feeds
from playground.render import numbers
from playground.tasks import run_sync

MOST_SHOWN = 40
"""Entries of metadata that are printed for people."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_file(parser)
    add_shapes(parser)
    parser.add_argument("--ranges", action="store_true", help="also read the values: smallest, largest, outliers")


def run(args: argparse.Namespace, console: Console) -> Result:
    """Format, operators, inputs, outputs, and every tensor with its consumer."""
    opened = open_model(args.file)
    model, graph = opened.model, opened.model.graph
    users = {row.name: row.op or None for row in inventory(model)}
    tensors = [_tensor(tensor, users[name], args.ranges) for name, tensor in model.tensors.items()]
    return {
        "file": opened.name,
        "format": model.format,
        "bytes": opened.nbytes,
        "opset": graph.opset if graph else None,
        "inputs": [_value(value) for value in graph.inputs] if graph else [],
        "outputs": [_value(value) for value in graph.outputs] if graph else [],
        "operators": dict(Counter(node.op for node in graph.walk()).most_common()) if graph else {},
        "open_sizes": as_option(example_shapes(graph)) if graph else "",
        "run": _run(args, graph) if args.shape and graph else None,
        "kernels": refused(graph),
        "parameters": sum(tensor["parameters"] for tensor in tensors),
        "tensors": tensors,
        "metadata": dict(model.metadata),
        "notes": list(model.notes),
    }


def show(result: Result, console: Console) -> None:
    """Facts, then the tensors as a table."""
    console.pairs(
        {
            "file": result["file"],
            "format": result["format"] + (f", opset {result['opset']}" if result["opset"] else ""),
            "size": numbers.size(result["bytes"]),
            "parameters": numbers.grouped(result["parameters"]),
            "inputs": ", ".join(map(_signature, result["inputs"])),
            "outputs": ", ".join(map(_signature, result["outputs"])),
            "operators": ", ".join(f"{count} {op}" for op, count in result["operators"].items()),
            "open sizes": f"are chosen with {result['open_sizes']}, for instance" if result["open_sizes"] else "",
            "with these sizes": _made(result["run"]),
            "our kernels": _verdict(result["kernels"]),
            "notes": " ".join(result["notes"]),
        }
    )
    _show_metadata(result["metadata"], console)
    tensors = result["tensors"]
    if not tensors:
        return
    columns = {
        "tensor": [t["name"] for t in tensors],
        "operator": [t["operator"] or "" for t in tensors],
        "type": [t["dtype"] for t in tensors],
        "shape": [numbers.shape(tuple(t["shape"])) for t in tensors],
        "values": [numbers.grouped(t["parameters"]) for t in tensors],
        "size": [numbers.size(t["bytes"]) for t in tensors],
    }
    if any("min" in t for t in tensors):
        columns |= {name: [_digits(t.get(name)) for t in tensors] for name in ("min", "max", "max/std")}
    console.line()
    console.table(columns, right=("values", "size", "min", "max", "max/std"))


def _show_metadata(metadata: dict[str, str], console: Console) -> None:
    """The entries, long ones cut; all of them are in the JSON."""
    if not metadata:
        return
    rows = list(metadata.items())[:MOST_SHOWN]
    console.line()
    console.table({"metadata": [cut(key, 60) for key, _ in rows], "value": [cut(value, 80) for _, value in rows]})
    if more := len(metadata) - len(rows):
        console.line(f"and {more} more, which --json prints")


def _run(args: argparse.Namespace, graph: Graph) -> dict[str, Any]:
    """What the outputs are for one sample of made-up inputs of the sizes that were given."""
    feeds, axes = fitted(graph, made_up_feeds(graph, shapes_of(args, graph), samples=1))
    one = axes.first(feeds, 1)
    outputs, engine, _ = run_sync(first_supporting_task(FLOAT_ENGINES, lambda name: run_task(graph, one, name)))
    return {"engine": engine, "outputs": {name: list(values.shape) for name, values in outputs.items()}}


def _made(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    told = (f"{name}: {numbers.shape(tuple(sizes)) or 'scalar'}" for name, sizes in found["outputs"].items())
    return f"it runs, in {found['engine']}, and gives {', '.join(told)}"


def _verdict(nodes: list[dict[str, str]] | None) -> str:
    if nodes is None:
        return ""
    if not nodes:
        return "run the whole model"
    why = "; ".join(f"{n['node']} ({n['op']}): {n['reason']}" if n["op"] else n["reason"] for n in nodes)
    return f"run a part of it in integers, and the rest in floats: {why}"


def _tensor(tensor: Tensor, operator: str | None, ranges: bool) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": tensor.name,
        "operator": operator,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "parameters": tensor.size,
        "bytes": tensor.nbytes,
    }
    if tensor.parts:
        plain["stored_as"] = {role: _tensor(part, None, ranges=False) for role, part in tensor.parts.items()}
    return {**plain, **_range(tensor)} if ranges and tensor.size else plain


def _range(tensor: Tensor) -> dict[str, float]:
    """Smallest and largest value, and how many standard deviations the largest magnitude is (0 for a constant)."""
    values = tensor.numpy()
    if values.dtype.kind not in "iuf":
        return {}
    lo, hi, std = float(values.min()), float(values.max()), float(np.std(values, dtype=np.float64))
    return {"min": lo, "max": hi, "max/std": max(-lo, hi) / std if std else 0.0}


def _value(value: ValueInfo) -> dict[str, Any]:
    return {"name": value.name, "dtype": value.dtype, "shape": None if value.shape is None else list(value.shape)}


def _signature(value: dict[str, Any]) -> str:
    if value["shape"] is None:
        return f"{value['name']}: {value['dtype']}"
    sizes = " × ".join("?" if size is None else str(size) for size in value["shape"])
    return f"{value['name']}: {value['dtype']} {sizes or 'scalar'}"


def _digits(value: float | None) -> str:
    return "" if value is None else numbers.digits(value)


COMMAND = Command(configure, run, show)

"""Writes what the bench page needs of every net: its models, inputs, and programs compiled for each way to multiply.

A program is a JSON file (the arena's size, where inputs, outputs and constants lie, the calls of kernels with those
words named that are addresses) beside a file of constants, which the programs for all batch sizes share.
``static/bench/nets.mjs`` puts them into the kernels' memory.

Usage: python tests/benchmarks/net_programs.py FOLDER
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# As a script it stands beside nets.py, as a module in tests.benchmarks
try:
    from tests.benchmarks import nets
except ImportError:
    import nets  # type: ignore[no-redef]

from playground.engines.planning.plan import compile_graph
from playground.errors import UnsupportedError
from playground.host.kernel_module import Dot
from playground.model.graph import Graph
from playground.model.writers.onnx import to_onnx
from playground.operators._float_convs import FloatConv
from playground.operators._float_products import FloatMatMul, FloatProduct
from playground.operators._float_spreads import FloatConvTranspose
from playground.operators._products import Product
from playground.operators.conv import Conv
from playground.operators.mat_mul import ActivationMatMul
from playground.programs.kernel_program import At, Buffer, KernelProgramBuilder, placed
from playground.programs.lowering import Lowering
from playground.programs.program import Program

BATCHES = (1, 16)
DOTS: tuple[Dot, ...] = ("int16", "unsigned", "signed")


class Constants:
    """Bytes of all constants, each content once."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._at: dict[bytes, int] = {}

    def add(self, array: np.ndarray) -> int:
        """Where an array's bytes start; multiples of 16."""
        octets = array.tobytes()
        if octets not in self._at:
            self.data += bytes(-len(self.data) % 16)
            self._at[octets] = len(self.data)
            self.data += octets
        return self._at[octets]


def program_of(graph: Graph, batch: int, dot: Dot, constants: Constants, *, floats: bool = False) -> dict[str, Any]:
    """A graph compiled for a batch, free of addresses; of a float one with ``floats``."""
    feeds = nets.sample(graph, batch)
    program = compile_graph(graph, {name: value.shape for name, value in feeds.items()}, floats=floats)
    return lowered(program, graph.inputs[0].name, dot, constants)


def planned(graph: Graph, shapes: Mapping[str, Sequence[int]]) -> Program:
    """A graph's program: of integers where that is possible, else with floats between them."""
    try:
        return compile_graph(graph, shapes)
    except UnsupportedError:
        return compile_graph(graph, shapes, floats=True)


def lowered(program: Program, fed: str, dot: Dot, constants: Constants) -> dict[str, Any]:
    """A program of one input and one output as kernel calls, free of addresses."""
    builder = KernelProgramBuilder(dot)
    lowering = Lowering(builder, program)
    for step in program.steps:
        lowering.lower(step)
    (output,) = program.outputs.values()
    made, value = lowering.result(output), program.values[output]
    nbytes = builder.lay_out()
    return {
        "nbytes": nbytes,
        "input": lowering.inputs[fed].offset,
        "output": [made.offset, value.nbytes // np.dtype(value.dtype).itemsize],
        "constants": [[b.offset, constants.add(array), array.nbytes] for b, array in builder.constants],
        "calls": [[kernel, *words_of(args)] for kernel, args in builder.calls],
    }


def macs_of(program: Program) -> int:
    """Multiply-adds of one run."""
    total = 0
    for step in program.steps:
        size = int(np.prod(program.values[step.output].shape))
        if isinstance(step, (Conv, FloatConv)):
            total += size * int(np.prod(step.weights.shape[1:]))
        elif isinstance(step, FloatConvTranspose):
            total += int(np.prod(program.values[step.inputs[0]].shape)) * int(np.prod(step.weights.shape[1:]))
        elif isinstance(step, (Product, ActivationMatMul, FloatProduct, FloatMatMul)):
            total += size * program.values[step.inputs[0]].shape[-1]
    return total


def words_of(args: list[Any]) -> tuple[list[int], list[int]]:
    """A call's words, and which of them are places in the arena."""
    places = [i for i, arg in enumerate(args) if isinstance(arg, (Buffer, At))]
    return [_word(placed(arg, 0)) for arg in args], places


def _word(value: Any) -> int:
    if isinstance(value, int):
        return value
    bits: int = struct.unpack("<i", struct.pack("<f", value))[0]
    return bits


def _write_programs(folder: Path, stem: str, graph: Graph, dot: Dot, *, floats: bool = False) -> None:
    constants = Constants()
    programs = {batch: program_of(graph, batch, dot, constants, floats=floats) for batch in BATCHES}
    (folder / f"{stem}.json").write_text(json.dumps(programs, separators=(",", ":")))
    (folder / f"{stem}.bin").write_bytes(constants.data)


def write(folder: Path) -> None:
    """Everything for every net."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {}
    for name, make in nets.EVERY.items():
        graph = make()
        quantized, file = nets.quantized(graph)
        (folder / f"{name}.onnx").write_bytes(to_onnx(graph))
        (folder / f"{name}.qdq.onnx").write_bytes(file)
        (x,) = nets.sample(graph, max(BATCHES)).values()
        (folder / f"{name}.input.bin").write_bytes(x.tobytes())
        for dot in DOTS:
            _write_programs(folder, f"{name}.{dot}", quantized, dot)
        # Products of floats are the same in every build
        _write_programs(folder, f"{name}.float", graph, DOTS[0], floats=True)
        macs = macs_of(planned(quantized, {graph.inputs[0].name: x[:1].shape}))
        described[name] = {"input": [x.dtype.name, list(x.shape[1:])], "macs": macs}
    (folder / "nets.json").write_text(json.dumps(described))


if __name__ == "__main__":
    write(Path(sys.argv[1]))

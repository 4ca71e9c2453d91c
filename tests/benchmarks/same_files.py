"""Writes what the bench page needs to run the very same ``.tflite`` files in LiteRT.js and in our kernels.

TensorFlow's converter made the files: the small nets of ``tests/model/readers/tflite_nets.py``, on which answers are
tested, and the nets of ``litert_nets.py``, which are as large as real ones. LiteRT.js runs the file itself. Our kernels
run the program of the graph that our reader makes of it. Both are fed one sample, in the layout and type of the file.

Usage: python tests/benchmarks/same_files.py FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# As a script it stands beside nets.py, as a module in tests.benchmarks
try:
    from tests.benchmarks import litert_nets, nets
    from tests.benchmarks.net_programs import DOTS, Constants, lowered, macs_of, planned
    from tests.model.readers import tflite_nets
except ImportError:
    sys.path.append(str(Path(__file__).parents[2]))
    from tests.benchmarks import litert_nets, nets
    from tests.benchmarks.net_programs import DOTS, Constants, lowered, macs_of, planned
    from tests.model.readers import tflite_nets

from playground import load
from playground.host.sources import BytesSource
from playground.model.graph import Graph
from playground.model.readers._tflite_file import read_file

FLOAT = "float"
KINDS = ("int8", "ends", "tensor", FLOAT)
"""Codes throughout, codes between floats, one scale for all weights of a layer, floats throughout."""

FLOAT_SHARE = 1e-5
"""How far results in float may be apart, as a share of the largest."""


@dataclass(frozen=True)
class SameFile:
    """A file, and a sample for it.

    Attributes:
        name: of the net, and its kind behind a point.
        file: the bytes.
        sample: as the file takes it.
    """

    name: str
    file: bytes
    sample: np.ndarray

    @property
    def is_float(self) -> bool:
        """Whether it has floats throughout."""
        return self.name.endswith(f".{FLOAT}")

    def graph(self) -> Graph:
        """The graph that our reader makes of it."""
        return load(self.file, f"{self.name}.tflite").required_graph()


def every() -> Iterator[SameFile]:
    """All files, the small nets first."""
    for name, file in tflite_nets.files().items():
        if name.rpartition(".")[2] in KINDS:
            yield SameFile(f"small-{name}", file, tflite_nets.answers(name)[0][0])
    for name, make in nets.EVERY.items():
        graph = make()
        (x,) = nets.sample(graph, 1).values()
        for kind in litert_nets.KINDS:
            yield SameFile(f"{name}.{kind}", litert_nets.file_of(name, kind, graph), litert_nets.layout(x))


def size_of_code(file: bytes) -> float:
    """What one code is in the output of a file: 1 of codes, the scale of what a last DEQUANTIZE reads, 0 of floats."""
    (graph,) = read_file(BytesSource(file)).subgraphs
    (output,) = graph.outputs
    if graph.tensors[output].codes is not None:
        return 1
    (last,) = [op for op in graph.operations if output in op.outputs]
    codes = graph.tensors[last.inputs[0]].codes
    return float(codes.scales[0]) if codes is not None else 0


def _write_one(folder: Path, same: SameFile) -> dict[str, Any]:
    """Write the file, the sample and a program for each way to multiply; what the page has to know of them."""
    graph, stem = same.graph(), f"same-{same.name}"
    (value,) = graph.inputs
    program = planned(graph, {value.name: same.sample.shape})
    # products of floats are the same in every build
    for dot in DOTS[:1] if same.is_float else DOTS:
        constants = Constants()
        made = lowered(program, value.name, dot, constants)
        (folder / f"{stem}.{dot}.json").write_text(json.dumps(made, separators=(",", ":")))
        (folder / f"{stem}.{dot}.bin").write_bytes(constants.data)
    (folder / f"{stem}.tflite").write_bytes(same.file)
    (folder / f"{stem}.input.bin").write_bytes(same.sample.tobytes())
    (output,) = program.outputs.values()
    return {
        "input": [same.sample.dtype.name, list(same.sample.shape)],
        "output": program.values[output].dtype,
        "code": size_of_code(same.file),
        "share": FLOAT_SHARE,
        "macs": macs_of(program),
    }


def write(folder: Path) -> None:
    """Everything for every file, and ``same.json``, which describes them."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {same.name: _write_one(folder, same) for same in every()}
    (folder / "same.json").write_text(json.dumps(described))


if __name__ == "__main__":
    write(Path(sys.argv[1]))

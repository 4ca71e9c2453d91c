"""The nets of ``nets.py`` as ``.tflite`` files: TensorFlow's converter made them, for LiteRT.js on the bench page.

``litert_nets.zip`` holds each file without its weights, which are most of it and which ``nets.py`` makes, and
``places.json``, which says where they belong: 14 files in 0.2 MB instead of 21. A file is for batches of one sample;
what a file for sixteen has in other places (sizes of axes) is a list of changes. ``tools/litert_convert.py`` writes the
archive.

Usage: python tests/benchmarks/litert_nets.py FOLDER
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

# As a script it stands beside nets.py, as a module in tests.benchmarks
try:
    from tests.benchmarks import nets
except ImportError:
    import nets  # type: ignore[no-redef]

from playground.model.graph import Graph

ARCHIVE = Path(__file__).with_name("litert_nets.zip")
PLACES = "places.json"
KINDS = ("int8", "float")
"""Integers of 8 bits between a float input and a float output, and floats throughout."""

Change = tuple[int, str]
"""Where other bytes stand, and these bytes in hex."""


@dataclass(frozen=True)
class Weight:
    """Where the values of a weight belong in a ``.tflite`` file.

    Attributes:
        at: offset of the first byte.
        name: of the weight in the net.
        permutation: of its axes.
        factor: name of the vector by which the last axis is multiplied, after the permutation: the converter brings the
            scale of a layer normalization into the products behind it. None: nothing.
        scales: offset and number of the float32 scales in the file, one or one a channel; None: float32 values.
        axis: of the channels, after the permutation.
        point: the zero-point.
    """

    at: int
    name: str
    permutation: Sequence[int]
    factor: str | None = None
    scales: Sequence[int] | None = None
    axis: int = 0
    point: int = 0

    def octets(self, graph: Graph, file: bytes | bytearray) -> bytes:
        """The values as the file has them."""
        values = graph.initializers[self.name].numpy().transpose(self.permutation)
        if self.factor is not None:
            values = values * graph.initializers[self.factor].numpy()
        if self.scales is None:
            return values.astype("<f4").tobytes()
        at, count = self.scales
        scales = np.frombuffer(file, "<f4", count, at)
        return codes(values, scales, self.axis, self.point).tobytes()


def codes(values: np.ndarray, scales: np.ndarray, axis: int, point: int) -> np.ndarray:
    """int8 codes as the converter rounds them: values times the reciprocal of the scale, ties away from zero."""
    shape = [1] * values.ndim
    if scales.size > 1:
        shape[axis] = scales.size
    scaled = values.astype(np.float32) * (np.float32(1) / scales.reshape(shape))
    return np.clip(np.trunc(scaled + np.copysign(np.float32(0.5), scaled)) + point, -128, 127).astype(np.int8)


def filled(graph: Graph, hollow: bytes, weights: Iterable[Weight]) -> bytes:
    """A file with a net's weights in their places."""
    file = bytearray(hollow)
    for weight in weights:
        octets = weight.octets(graph, file)
        file[weight.at : weight.at + len(octets)] = octets
    return bytes(file)


def changed(file: bytes, changes: Iterable[Change]) -> bytes:
    """A file with other bytes in some places: what makes a batch of one a batch of sixteen."""
    made = bytearray(file)
    for at, octets in changes:
        made[at : at + len(octets) // 2] = bytes.fromhex(octets)
    return bytes(made)


@cache
def places() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """Net -> kind -> ``weights``, ``changes`` for batches of sixteen, and the ``sha256`` of both files."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        found: dict[str, dict[str, dict[str, Any]]] = json.loads(archive.read(PLACES))
    return found


def changes(name: str, kind: str) -> Sequence[Change]:
    """What a file for batches of sixteen has in other places."""
    return [(at, octets) for at, octets in places()[name][kind]["changes"]]


def file_of(name: str, kind: str, graph: Graph | None = None) -> bytes:
    """The ``.tflite`` file of a net for batches of one.

    Args:
        name: of the net in :data:`nets.EVERY`.
        kind: one of :data:`KINDS`.
        graph: the net, if it is made already.
    """
    with zipfile.ZipFile(ARCHIVE) as archive:
        hollow = archive.read(f"{name}.{kind}.tflite")
    weights = (Weight(**entry) for entry in places()[name][kind]["weights"])
    return filled(graph or nets.EVERY[name](), hollow, weights)


def layout(x: np.ndarray) -> np.ndarray:
    """An input as these files take it: images with the channels last, indices of 32 bits."""
    if x.ndim == 4:
        return np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    return x.astype(np.int32) if x.dtype == np.int64 else x


def write(folder: Path) -> None:
    """The files for the bench page, and ``litert.json``: the changes for batches of sixteen."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in nets.EVERY.items():
        graph = make()
        for kind in KINDS:
            (folder / f"{name}.{kind}.tflite").write_bytes(file_of(name, kind, graph))
    every = {name: {kind: changes(name, kind) for kind in KINDS} for name in nets.EVERY}
    (folder / "litert.json").write_text(json.dumps(every, separators=(",", ":")))


if __name__ == "__main__":
    write(Path(sys.argv[1]))

"""Ranges that were found once, kept as JSON under a key that changes with all that they depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np

from playground.histograms import Histogram
from playground.host.output import make_folder, write_file
from playground.model.graph import Graph
from playground.model.recipe import Recipe
from playground.ptq.calibration_data import CalibrationData
from playground.ptq.ranges import Ranges
from playground.quantization import Range, Scheme

VERSION = 1

Cache = MutableMapping[str, str]
"""Key -> JSON: a dict will do, or a :class:`FolderCache`."""


class FolderCache(MutableMapping[str, str]):
    """A cache of one file an entry in a folder, which is made when there is something to keep."""

    def __init__(self, folder: str | Path) -> None:
        """Use this folder."""
        self._folder = Path(folder)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"

    def __getitem__(self, key: str) -> str:
        """The entry; KeyError if there is none."""
        try:
            return self._path(key).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise KeyError(key) from error

    def __setitem__(self, key: str, text: str) -> None:
        """Keep an entry.

        Raises:
            OutputError: it could not be written.
        """
        make_folder(self._folder)
        write_file(self._path(key), text)

    def __delitem__(self, key: str) -> None:
        """Forget an entry."""
        self._path(key).unlink()

    def __iter__(self) -> Iterator[str]:
        """All keys."""
        return (path.stem for path in sorted(self._folder.glob("*.json")))

    def __len__(self) -> int:
        """How many there are."""
        return sum(1 for _ in self)


def key_of(graph: Graph, recipe: Recipe, data: CalibrationData, schemes: Mapping[str, Scheme]) -> str:
    """sha256 of the model, the calibrators and schemes, the settings and the data, as hexadecimal text."""
    digest = hashlib.sha256(f"ranges {VERSION}".encode())
    for node in graph.walk():
        digest.update(repr((node.op, node.domain, node.inputs, node.outputs)).encode())
        for name, value in sorted(node.attributes.items()):
            digest.update(name.encode())
            digest.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    for name, tensor in graph.initializers.items():
        digest.update(repr((name, tensor.dtype, tensor.shape)).encode())
        if tensor.dtype != "string":
            digest.update(np.ascontiguousarray(tensor.numpy()).data.cast("B") if tensor.size else b"")
    told = {name: scheme.as_dict() for name, scheme in schemes.items()}
    # A batch of the model's own size comes before the one of the settings, and some calibrators see batches.
    digest.update(json.dumps([told, recipe.calibration.as_dict(), data.fixed], sort_keys=True).encode())
    for feeds in data.batches(256):
        for name, values in sorted(feeds.items()):
            axis = data.axes.axes.get(name) if name not in data.axes.stacked else None
            rows = values if axis is None or axis >= values.ndim else np.moveaxis(values, axis, 0)
            digest.update(repr((name, values.dtype.name, axis, rows.shape[1:])).encode())
            digest.update(np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()


def recalled(
    cache: Cache | None, graph: Graph, recipe: Recipe, data: CalibrationData, schemes: Mapping[str, Scheme]
) -> Ranges | None:
    """The ranges that were kept for exactly this; None if there are none, or if what is kept is damaged."""
    if cache is None or not cache:
        return None
    text = cache.get(key_of(graph, recipe, data, schemes))
    try:
        return None if text is None else from_json(text)
    except (ValueError, KeyError, TypeError):
        return None


def as_json(found: Ranges) -> str:
    """Ranges and histograms as a JSON text; every float32 comes back as it was."""
    plain = {
        "version": VERSION,
        "samples": found.samples,
        "ranges": {name: [_plain(range_.lo), _plain(range_.hi)] for name, range_ in found.found.items()},
        "unusable": found.unusable,
        "histograms": {
            name: {"lo": float(made.lo), "hi": float(made.hi), "counts": made.counts.tolist()}
            for name, made in found.histograms.items()
        },
    }
    return json.dumps(plain)


def from_json(text: str) -> Ranges:
    """What :func:`as_json` kept (ValueError, KeyError or TypeError if it is something else)."""
    plain = json.loads(text)
    if plain["version"] != VERSION:
        raise ValueError(plain["version"])
    ranges = {name: Range(np.float32(lo), np.float32(hi)) for name, (lo, hi) in plain["ranges"].items()}
    pictures = {
        name: Histogram(np.array(made["counts"], np.int64), made["lo"], made["hi"])
        for name, made in plain["histograms"].items()
    }
    return Ranges(ranges, dict(plain["unusable"]), pictures, {}, int(plain["samples"]))


def _plain(bound: Any) -> Any:
    return np.asarray(bound, np.float32).tolist()

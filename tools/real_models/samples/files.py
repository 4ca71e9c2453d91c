"""Bytes of files in pinned packages, for a model that tells file types apart: those of this repository change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.paths import site_packages
from tools.real_models.samples import Feed, Maker, generator

_PACKAGES = ("bokeh", "onnx", "panel")
_IGNORED = {"__pycache__"}
_PADDING = 256
_ENDS = 1024


def features(content: bytes) -> NDArray[Any]:
    """The first and the last 1,024 bytes without the white space around them, padded: int32 [1, 2048]."""
    head = content[:4096].lstrip()[:_ENDS]
    tail = content[-4096:].rstrip()[-_ENDS:]
    values = np.full((1, 2 * _ENDS), _PADDING, np.int32)
    values[0, : len(head)] = np.frombuffer(head, np.uint8)
    values[0, 2 * _ENDS - len(tail) :] = np.frombuffer(tail, np.uint8)
    return values


def packages(name: str, batch: int) -> Maker:
    """Files of installed packages: kinds take turns, calibration and held-out files are different ones."""

    def make(count: int, seed: int, _folder: Path) -> list[Feed]:
        chosen = _files(seed)[: count * batch]
        rows = [features(path.read_bytes()) for path in chosen]
        return [{name: np.concatenate(rows[at : at + batch])} for at in range(0, len(rows), batch)]

    return make


def _files(seed: int) -> list[Path]:
    """Every other file, by the seed's parity; each kind's first, then each kind's second ..."""
    kinds: dict[str, list[Path]] = {}
    for package in _PACKAGES:
        for path in sorted((site_packages() / package).rglob("*")):
            if path.is_file() and not _IGNORED.intersection(path.parts) and path.stat().st_size > 100:
                kinds.setdefault(path.suffix, []).append(path)
    rng = generator(0)
    turns = []
    for suffix in sorted(kinds):
        paths = [kinds[suffix][at] for at in rng.permutation(len(kinds[suffix]))][seed % 2 :: 2]
        turns += [(at, suffix, path) for at, path in enumerate(paths)]
    return [path for _, _, path in sorted(turns)]

"""Brotli and gzip copies beside what compresses, for hosts that serve them: ``x.js.br`` and ``x.js.gz``."""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools import downloads
from tools.paths import DOWNLOADS
from tools.steps import run

COMPRESSIBLE = {".js", ".mjs", ".css", ".html", ".json", ".svg", ".wasm", ".webmanifest", ".onnx", ".txt"}
COPIES = (".br", ".gz")
WORTH = 0.95
"""A copy that is not smaller than this share of the file is left out."""

_SCRIPT = Path(__file__).with_name("compress.mjs")


def copies(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """Address of a copy -> its bytes, for every file that gains from it.

    What was compressed once is kept in the download cache by the hash of its content, since most of it never changes.

    Raises:
        BuildError: node failed.
    """
    store = DOWNLOADS / "compressed"
    store.mkdir(parents=True, exist_ok=True)
    wanted = {address: content for address, content in contents.items() if Path(address).suffix in COMPRESSIBLE}
    kept = {address: store / hashlib.sha256(content).hexdigest() for address, content in wanted.items()}
    _brotli({kept[a].with_suffix(".br"): c for a, c in wanted.items() if not kept[a].with_suffix(".br").is_file()})
    result: dict[str, bytes] = {}
    for address, content in wanted.items():
        zipped = kept[address].with_suffix(".gz")
        if not zipped.is_file():
            _replace(zipped, gzip.compress(content, 9, mtime=0))
        for suffix in COPIES:
            copy = kept[address].with_suffix(suffix).read_bytes()
            if len(copy) < WORTH * len(content):
                result[address + suffix] = copy
    return result


def _brotli(missing: Mapping[Path, bytes]) -> None:
    if not missing:
        return
    with tempfile.TemporaryDirectory(dir=DOWNLOADS, prefix="brotli-") as scratch:
        pairs = []
        for i, (target, content) in enumerate(missing.items()):
            source = Path(scratch, str(i))
            source.write_bytes(content)
            pairs.append([str(source), str(target)])
        pairs.sort(key=lambda pair: Path(pair[0]).stat().st_size)  # the script takes from the end: largest first
        listed = Path(scratch, "list.json")
        listed.write_text(json.dumps(pairs), "utf-8")
        run([*downloads.node("node"), _SCRIPT, listed], "The brotli copies could not be made.")


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)

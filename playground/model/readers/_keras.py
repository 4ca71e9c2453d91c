"""What the reader of Keras's files does: an archive or HDF5 alone, with a graph or with tensors."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from playground import plain_json
from playground.errors import DAMAGED, BadFileError, UnsupportedError, plural, shown, typed
from playground.host.sources import BytesSource, Source
from playground.limits import MOST_PIECE, memory_for
from playground.model.graph import Graph, Model, NoGraph, Tensor
from playground.model.readers._hdf5 import Hdf5, open_hdf5
from playground.model.readers._keras_config import Net, net_of, refuse_programs
from playground.model.readers._keras_graph import graph_of, reasons_against
from playground.model.readers._keras_quantized import quantized
from playground.model.readers._keras_weights import Path, Weights, of_archive, of_legacy
from playground.model.readers._zip import Unpacked, check_member, content_at, is_zip, members_by_name

_WEIGHTS = "model.weights.h5"
_AGAIN = "Save it again, with model.save('m.keras')"
_USE = "Export it to ONNX, with model.export('m.onnx', format='onnx'), to run it"
_OPTIMIZER = ("optimizer/", "optimizer_weights/", "_optimizer/")


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file has: weights, what it says of the model (None: nothing), and which Keras wrote it."""

    weights: Hdf5
    config: Any
    metadata: Mapping[str, str]
    archive: bool

    @property
    def version(self) -> int:
        """The major version of Keras."""
        major = self.metadata.get("keras_version", "").partition(".")[0]
        return int(major) if major.isdecimal() and len(major) < 4 else 3


def read(source: Source) -> Model:
    """Read a Keras model, or weights of one. Its net comes in ONNX's operators where these have all that it needs.

    Raises:
        BadFileError: damaged, or larger than the limits.
        UnsupportedError: a Lambda layer, or what :func:`open_hdf5` refuses.
    """
    content = _of_archive(source) if is_zip(source.read(0, min(4, source.size))) else _of_hdf5(source)
    where = source.name
    net, reasons, notes = None, list[str](), list[str]()
    if content.config is not None:
        with typed(BadFileError, "the configuration is not that of a Keras model", where=where, hint=_AGAIN):
            refuse_programs(content.config)
            try:
                net = net_of(content.config)
                reasons = reasons_against(net)
            except UnsupportedError as error:
                if error.hint:
                    raise
                reasons = [error.what]
    with typed(BadFileError, "the weights are not those of the configuration", where=where, hint=_AGAIN):
        weights = _weights(content, net)
    if net is not None and not reasons:
        try:
            graph, notes = graph_of(net, weights, content.version, where)
            return _with_graph(content, source, graph, notes)
        except UnsupportedError as error:
            reasons = [error.what]
    return _without_graph(content, source, _named(content, net, weights), reasons)


def _with_graph(content: _Content, source: Source, graph: Graph, notes: list[str]) -> Model:
    kind = "keras" if content.archive else "h5"
    return Model(kind, source.name, graph.initializers, graph, content.metadata, tuple(notes))


def _without_graph(content: _Content, source: Source, tensors: dict[str, Tensor], reasons: list[str]) -> Model:
    notes = []
    left = sum(name.startswith(_OPTIMIZER) for name in content.weights.arrays)
    if left:
        notes.append(f"{plural(left, 'array')} of the optimizer are left out")
    if content.weights.left_out:
        notes.append(f"{plural(content.weights.left_out, 'array')} of texts or records are left out")
    no_graph = NoGraph("the file has weights but no graph", "Save the whole model, with model.save('m.keras')")
    if reasons:
        listed = "; ".join(reasons[:8]) + (f"; and {len(reasons) - 8} more" if len(reasons) > 8 else "")
        notes.append(f"Its tensors are shown, its graph is not, because of {listed}")
        no_graph = NoGraph(f"the graph cannot be read because of {listed}", _USE)
    kind = "keras" if content.archive else "h5"
    return Model(kind, source.name, tensors, None, content.metadata, tuple(notes), no_graph)


def _weights(content: _Content, net: Net | None) -> dict[Path, Weights]:
    if not content.archive:
        return dict(of_legacy(content.weights, net))
    return dict(of_archive(content.weights, net)) if net is not None else {}


def _named(content: _Content, net: Net | None, weights: Mapping[Path, Weights]) -> dict[str, Tensor]:
    """Tensors under their layers' names; those that are no layer's under their paths in the file."""
    configs = _configs(net) if net is not None else {}
    found: dict[str, Tensor] = {}
    used: set[str] = set()
    for path, held in weights.items():
        used.update(tensor.name for tensor in held.values())
        for role, tensor in quantized(held, configs.get(path)).items():
            name = "/".join((*path, role))
            if name in found:
                raise BadFileError(f"two weights have the name {shown(name)}", hint=DAMAGED)
            found[name] = replace(tensor, name=name)
    for name, tensor in content.weights.arrays.items():
        if name not in used and name not in found and not name.startswith(_OPTIMIZER):
            found[name] = tensor
    return found


def _configs(net: Net, path: Path = ()) -> dict[Path, Any]:
    """The layers by their paths."""
    found: dict[Path, Any] = {}
    for layer in net.layers:
        if layer.inner is not None:
            found |= _configs(layer.inner, (*path, layer.name))
        else:
            found[*path, layer.name] = layer
    return found


def _of_hdf5(source: Source) -> _Content:
    file = open_hdf5(source)
    attributes = file.attributes("")
    told = attributes.get("model_config")
    config = _parsed(told, source.name) if isinstance(told, str) else None
    metadata = {
        name: str(attributes[name])[:1000] for name in ("keras_version", "backend") if attributes.get(name) is not None
    }
    return _Content(file, config, metadata, False)


def _of_archive(source: Source) -> _Content:
    members = members_by_name(source)
    if _WEIGHTS not in members:
        raise UnsupportedError(
            f"the archive is not a Keras model in one file: it has no {_WEIGHTS}", where=source.name, hint=_AGAIN
        )
    for member in members.values():
        check_member(member, f"{source.name}: {shown(member.filename)}", _AGAIN)
    config = _parsed(_text(source, members["config.json"]), source.name) if "config.json" in members else None
    said = _parsed(_text(source, members["metadata.json"]), source.name) if "metadata.json" in members else {}
    metadata = {str(name)[:100]: str(value)[:1000] for name, value in said.items()} if isinstance(said, dict) else {}
    return _Content(open_hdf5(_member(source, members[_WEIGHTS])), config, metadata, True)


def _parsed(text: str | bytes, where: str) -> Any:
    return plain_json.parse(text, BadFileError, where, most_bytes=MOST_PIECE, what="the configuration")


def _text(source: Source, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > MOST_PIECE:
        what = f"{shown(member.filename)} has {member.file_size} bytes"
        raise BadFileError(what, where=source.name, hint=f"Use at most {MOST_PIECE}")
    return _unpacked(source, member)


def _unpacked(source: Source, member: zipfile.ZipInfo) -> bytes:
    with typed(BadFileError, "the archive is damaged", where=source.name, hint=DAMAGED):
        stream = Unpacked(source, member)
        data = stream.take(member.file_size)
        if stream.checksum != member.CRC:
            raise BadFileError("the archive is damaged (wrong checksum)", hint=DAMAGED)
    return data


def _member(source: Source, member: zipfile.ZipInfo) -> Source:
    """The weights: a part of the file, or unpacked where they are compressed, which Keras never does."""
    where = f"{source.name}: {member.filename}"
    if member.compress_type == zipfile.ZIP_STORED:
        if member.file_size != member.compress_size:
            raise BadFileError("the archive gives two sizes", where=where, hint=DAMAGED)
        return _Part(source, content_at(source, member), member.file_size, where)
    if member.file_size > memory_for(source.size):
        what = f"the weights take {member.file_size} bytes, more than 3 times the file and 64 MB"
        raise BadFileError(what, where=where, hint=_AGAIN)
    return BytesSource(_unpacked(source, member), where)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a source."""

    whole: Source
    start: int
    size: int
    name: str

    def read(self, offset: int, size: int) -> bytes:
        """See :meth:`Source.read`."""
        if offset < 0 or size < 0 or offset + size > self.size:
            raise BadFileError(f"bytes {offset} to {offset + size} are missing", where=self.name, hint=DAMAGED)
        return self.whole.read(self.start + offset, size)

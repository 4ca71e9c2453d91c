"""What commands take: model files, models of the gallery, samples in ``.npz`` files."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from playground import gallery
from playground.analysis.labels import taken_from
from playground.engines.fitting import fitted
from playground.errors import BadFileError, InvalidInputError, MissingError
from playground.model.graph import Graph, Model
from playground.opening import load

GALLERY_PREFIX = "gallery:"
_ARRAYS = "Use an .npz file with arrays: numpy.savez('samples.npz', x=samples)"
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that was named on the command line.

    Attributes:
        name: what was named.
        model: the model.
        nbytes: bytes of the file, or of the tensors where these are in other files.
        gallery_id: its id in the gallery, None for a file.
    """

    name: str
    model: Model
    nbytes: int
    gallery_id: str | None

    @property
    def graph(self) -> Graph:
        """The model's graph.

        Raises:
            UnsupportedError: the file holds tensors only.
        """
        return self.model.required_graph()

    @property
    def stem(self) -> str:
        """The name without folder, prefix and ending."""
        return self.gallery_id or Path(self.name).stem


def add_file(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the model."""
    models = ", ".join(GALLERY_PREFIX + model_id for model_id in gallery.entries())
    parser.add_argument("file", metavar="FILE", help=f"a model file, or one of {models}")


def open_model(name: str) -> ModelFile:
    """Read a model file, or ``gallery:ID``.

    Raises:
        PlaygroundError: as ``playground.load`` and ``gallery.open_model`` do.
    """
    if name.startswith(GALLERY_PREFIX):
        model_id = name.removeprefix(GALLERY_PREFIX)
        return ModelFile(name, gallery.open_model(model_id), len(gallery.model_bytes(model_id)), model_id)
    model = load(name)
    return ModelFile(name, model, model.file_bytes, None)


def read_arrays(path: str) -> Arrays:
    """The arrays of an ``.npz`` or ``.safetensors`` file by name.

    Raises:
        PlaygroundError: as ``playground.load`` does.
        InvalidInputError: it is a model with a graph.
    """
    try:
        held = load(path)
    except BadFileError as error:
        if Path(path).suffix.lower() in (".npz", ".npy", ".safetensors", ".onnx"):
            raise
        raise BadFileError("the file has no samples", where=path, hint=_ARRAYS) from error
    if held.graph is not None:
        raise InvalidInputError("the file is a model, not samples", where=path, hint=_ARRAYS)
    return {name: tensor.numpy() for name, tensor in held.tensors.items()}


def read_samples(path: str, graph: Graph, flag: str) -> tuple[Arrays, NDArray[Any] | None]:
    """The feeds in a file of arrays that an option named, and its labels if it holds some.

    Raises:
        PlaygroundError: as read_arrays and feeds_of do; names the option.
    """
    arrays = read_arrays(path)
    labels = taken_from(arrays, graph)
    return feeds_of(arrays, graph, f"{flag} {path}"), labels


def target(path: str, model: str) -> Path:
    """Where a file is to be written, checked before the work begins; ``model`` is what is read.

    Raises:
        MissingError: there is no such folder.
        InvalidInputError: it would overwrite the model or a folder.
    """
    found = Path(path)
    if not found.parent.is_dir():
        raise MissingError("the folder does not exist", where=str(found.parent), hint="Create it, or use another path")
    if found.is_dir():
        hint = f"Give the file's name too: {found / 'small.onnx'}"
        raise InvalidInputError("this would overwrite a folder", where=path, hint=hint)
    if found.exists() and Path(model).exists() and found.samefile(model):
        raise InvalidInputError("this would overwrite the model", where=path, hint="Use another name")
    return found


def feeds_of(arrays: Arrays, graph: Graph, where: str) -> Arrays:
    """The arrays that go into the graph's inputs; a single array fits a single input under any name.

    Raises:
        InvalidInputError: an input has no array, an array does not fit, or the numbers of samples are 0 or differ.
    """
    if len(arrays) == len(graph.inputs) == 1:
        feeds = {graph.inputs[0].name: next(iter(arrays.values()))}
    else:
        missing = [i.name for i in graph.inputs if i.name not in arrays]
        if missing:
            raise InvalidInputError(
                f"the model's input {missing[0]!r} has no array; the file has {', '.join(map(repr, arrays)) or 'none'}",
                where=where,
                hint="Name the arrays like the model's inputs",
            )
        feeds = {i.name: arrays[i.name] for i in graph.inputs}
    try:
        held, axes = fitted(graph, feeds)
    except InvalidInputError as error:
        raise error.at(where if error.where == "inputs" else f"{where}: {error.where}") from error
    if axes.count(held) == 0:
        raise InvalidInputError("the arrays have no samples", where=where, hint="Give at least one sample")
    return held

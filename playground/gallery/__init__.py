"""The gallery: small trained models and the samples they are measured on. NumPy is all it needs.

The scripts in ``tools/training/`` made everything that is read here; ``measured.json`` holds what they
measured. Models that compute the same as another one are made from it when they are opened (``rescaled.py``). In the
page a file may not have come yet: :func:`missing_files` names such files, :func:`put_file` adds them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from playground.calls import Public, no_attribute, public, public_class
from playground.errors import InvalidInputError, MissingError, one_of
from playground.gallery.catalogue import Data, Entry, catalogue
from playground.host.output import write_file

if TYPE_CHECKING:
    from playground.model.graph import Graph, Model

__all__ = [
    "Data",
    "Entry",
    "HeldOut",
    "Samples",
    "calibration",
    "characters",
    "digits",
    "entries",
    "entry",
    "held_out",
    "missing_files",
    "model_bytes",
    "open_model",
    "put_file",
    "text_of",
    "to_input",
    "tokens_of",
]

_FOLDER = Path(__file__).parent

_INSTEAD = {
    **dict.fromkeys(("models", "list", "names", "ids", "list_models", "available"), "list(gallery.entries())"),
    **dict.fromkeys(("load", "open", "get", "model", "load_model", "get_model"), "gallery.open_model('digits-mlp')"),
    **dict.fromkeys(("data", "samples", "dataset", "images", "test", "load_digits"), "gallery.digits()"),
    **dict.fromkeys(("accuracy", "evaluate"), "`playground evaluate gallery:digits-mlp` in a terminal"),
}
"""What people look for here -> what to write."""

_OF_SAMPLES = {
    **dict.fromkeys(("x", "X", "data", "inputs", "samples", "image"), "digits.images"),
    **dict.fromkeys(("y", "Y", "target", "targets", "label"), "digits.labels"),
    "shape": "digits.images.shape",
}


def __getattr__(name: str) -> NoReturn:
    """Raise MissingAttributeError: the gallery has no such function."""
    if name.startswith("_"):
        raise AttributeError(f"module 'playground.gallery' has no attribute {name!r}")
    raise no_attribute("gallery", name, __all__, _INSTEAD)


@public_class(
    "gallery.digits()",
    attributes=_OF_SAMPLES,
    refused={
        "__getitem__": "Use digits.images[0] and digits.labels[0]",
        "__iter__": "Use digits.images and digits.labels",
        "__len__": "Use len(digits.images)",
    },
)
@dataclass(frozen=True, slots=True)
class Samples(metaclass=Public):
    """Digits and what they are.

    Attributes:
        images: float32 (n, 1, 8, 8), grey levels in 0..1.
        labels: int64 (n,), 0..9.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Samples that a model was not trained on, and the right answers.

    Attributes:
        feeds: input name -> samples along the first axis.
        labels: int64, the right classes: (n,), or (n, time) where every position has one.
        noun: what :attr:`count` counts.
    """

    feeds: dict[str, NDArray[Any]]
    labels: NDArray[np.int64]
    noun: str

    @property
    def count(self) -> int:
        """How many answers there are to get right."""
        return self.labels.size


@cache
def entries() -> Mapping[str, Entry]:
    """The models of the gallery by id, in the order in which a list shows them."""
    return catalogue(json.loads((_FOLDER / "measured.json").read_text(encoding="utf-8")))


@public("gallery.entry('digits-mlp')")
def entry(model_id: str) -> Entry:
    """One of them.

    Raises:
        MissingError: the gallery has no such model.
    """
    if model_id not in entries():
        raise MissingError(f"there is no model {model_id!r}", where="gallery", hint=one_of(model_id, entries()))
    return entries()[model_id]


@public("gallery.model_bytes('digits-mlp')")
def model_bytes(model_id: str) -> bytes:
    """The ONNX file of a model.

    Raises:
        MissingError: the gallery has no such model, or its file is not here.
    """
    if not entry(model_id).made_from:
        return _file(f"{model_id}.onnx").read_bytes()
    from playground.model.writers.onnx import to_onnx

    return to_onnx(_graph(open_model(model_id)))


@public("gallery.open_model('digits-mlp')")
def open_model(model_id: str) -> Model:
    """A model of the gallery; where it is made from another one, its notes say how.

    Its files are of today's operator sets: opening would change nothing, and would look at all operators.

    Raises:
        MissingError: the gallery has no such model, or its file is not here.
    """
    from playground.model.loading import read

    found = entry(model_id)
    if not found.made_from:
        return read(model_bytes(model_id), f"{model_id}.onnx")
    base = open_model(found.made_from)
    graph = replace(_rescaled(model_id, _graph(base)), name=model_id)
    return replace(
        base, name=f"{model_id}.onnx", tensors=graph.initializers, graph=graph, notes=(*base.notes, found.made)
    )


def _rescaled(model_id: str, graph: Graph) -> Graph:
    from playground.gallery import rescaled

    return {"digits-depthwise": rescaled.unbalanced, "moby-dick-outliers": rescaled.with_outliers}[model_id](graph)


def _graph(model: Model) -> Graph:
    assert model.graph is not None  # noqa: S101 (every model here is an ONNX file)
    return model.graph


@public("gallery.held_out('digits-mlp')")
def held_out(model_id: str, limit: int | None = None) -> HeldOut:
    """What a model is measured on, or the first ``limit`` of these samples.

    Raises:
        MissingError: the gallery has no such model, or its file is not here.
    """
    found = entry(model_id)
    arrays, (name, _) = _arrays(found.data.id), found.data.arrays
    stored = arrays[name][:limit]
    labels = arrays["labels"][:limit] if "labels" in arrays else stored[:, 1:]
    return HeldOut(_as_feed(found, stored), labels.astype(np.int64), found.data.noun)


@public("gallery.calibration('digits-mlp')")
def calibration(model_id: str) -> dict[str, NDArray[Any]]:
    """Some of the training samples, as the model's feeds: input name -> samples along the first axis.

    Raises:
        MissingError: the gallery has no such model, or its file is not here.
    """
    found = entry(model_id)
    _, name = found.data.arrays
    return _as_feed(found, _arrays(found.data.id)[name])


def _as_feed(found: Entry, stored: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Stored samples as the model takes them."""
    if found.data.id == "digits":
        return {found.input: to_input(stored)}
    if found.data.id == "moby-dick":  # each piece has one character more: what comes next
        return {found.input: stored[:, :-1].astype(np.int64)}
    return {found.input: stored}


@public("gallery.digits()")
def digits() -> Samples:
    """The 360 digits that no model here was trained on, stratified by label."""
    arrays = _arrays("digits")
    return Samples(to_input(arrays["images"]), arrays["labels"].astype(np.int64))


def to_input(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey levels 0..16, uint8 (n, 8, 8), as the models take them: float32 (n, 1, 8, 8) in 0..1."""
    return grey[:, np.newaxis].astype(np.float32) / np.float32(16)


@cache
def characters() -> str:
    """The characters that the text models know; a token is a place in this string."""
    return "".join(map(chr, _arrays("moby-dick")["characters"].tolist()))


def tokens_of(text: str) -> NDArray[np.int64]:
    """A text as tokens, int64 (n,).

    Raises:
        InvalidInputError: a character is not known.
    """
    place = {character: index for index, character in enumerate(characters())}
    unknown = next((character for character in text if character not in place), None)
    if unknown is not None:
        raise InvalidInputError(
            f"the character {unknown!r} is not in the text model's vocabulary", where="text", hint="Leave it out"
        )
    return np.array([place[character] for character in text], np.int64)


def text_of(tokens: NDArray[np.integer[Any]]) -> str:
    """Tokens (n,) as a text."""
    return "".join(characters()[token] for token in tokens.tolist())


def missing_files(model_id: str) -> tuple[str, ...]:
    """Those files of a model that are not here (yet). Raises MissingError for an unknown model."""
    return tuple(name for name in entry(model_id).files if not (_FOLDER / name).exists())


def put_file(name: str, content: bytes) -> None:
    """Add a file that has come later.

    Raises:
        MissingError: no model has such a file.
    """
    if not any(name in found.files for found in entries().values()):
        raise MissingError(f"there is no file {name!r}", where="gallery", hint="Use a file that a gallery model names")
    write_file(_FOLDER / name, content)


def _file(name: str) -> Path:
    path = _FOLDER / name
    if not path.exists():
        raise MissingError(
            f"the file {name} has not been fetched",
            where="gallery",
            hint="Choose the model in the page's gallery",
        )
    return path


@cache
def _arrays(data: str) -> Mapping[str, NDArray[Any]]:
    with np.load(_file(f"{data}.npz")) as file:
        return {name: file[name] for name in file.files}

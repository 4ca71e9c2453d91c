"""What a writer of tensors without a graph is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import playground
from playground.errors import plural
from playground.model.graph import Model, Tensor
from playground.model.recipe import Recipe
from playground.quantization import QTensor, Scheme


@dataclass(frozen=True, slots=True)
class Written:
    """A file, and what is in it.

    Attributes:
        data: the whole file.
        stored: name of a tensor of the model -> bytes that its values take in the file, scales included.
        notes: sentences about what the file holds otherwise than the model does.
    """

    data: bytes
    stored: Mapping[str, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Writer:
    """One kind of file.

    Attributes:
        id: the format's name, as in ``Model.format`` and ``Runtime.file``.
        ending: of the file's name, with the dot.
        why_not: why a tensor cannot be written in a scheme; empty if it can.
        prepared: the shape in which a tensor is quantized: blocks run through all values, or along one axis.
        write: makes the file of a model, its quantized tensors by name, and the recipe. Raises UnsupportedError for
            what the format has no place for.
    """

    id: str
    ending: str
    why_not: Callable[[Tensor, Scheme], str]
    write: Callable[[Model, Mapping[str, QTensor], Recipe], Written]
    prepared: Callable[[Tensor, Scheme], tuple[int, ...]] = lambda tensor, _scheme: tensor.shape


PRODUCER = "Quantization Playground"
RECIPE = "quantization_playground.recipe"
"""Key of the metadata that has the recipe as JSON."""

VERSION = "quantization_playground.version"
"""Key of the metadata that has the version of this package, where the file's producer stays the model's own."""


def made_by(recipe: Recipe) -> dict[str, str]:
    """Metadata that say which recipe made a file, and which version of this package.

    The recipe is whole, as JSON of one form: keys sorted, without spaces. Equal recipes make equal files.
    """
    text = json.dumps(recipe.as_dict(), sort_keys=True, separators=(",", ":"))
    return {RECIPE: text, VERSION: playground.__version__}


def decoded_note(count: int) -> str:
    """What is said of tensors that had codes and are written as floats, of which there are ``count``."""
    return f"{plural(count, 'tensor')} had codes that are kept as the float32 numbers they stand for."


def rotated(scheme: Scheme) -> str:
    """Why a scheme with a rotation cannot be written: no reader would turn the values back."""
    return "no file has a place for the rotation that its values must be turned back by" if scheme.rotation else ""

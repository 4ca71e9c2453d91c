"""Writes tensors as a .safetensors: those that are quantized in bitsandbytes' layouts, the rest as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from playground.errors import UnsupportedError
from playground.model.element_types import BY_NAME, encode_real
from playground.model.graph import Model, Tensor
from playground.model.readers.safetensors import DTYPES
from playground.model.recipe import Recipe
from playground.model.runtimes import runtime
from playground.model.writers import _bitsandbytes
from playground.model.writers._writer import Writer, Written, decoded_note, made_by, rotated
from playground.quantization import QTensor, Scheme

CONFIGURATION = "quantization_config"
"""Key of the metadata that has what belongs into Transformers' ``config.json`` under the same name."""

_CODES = {name: code for code, name in DTYPES.items()}
_ALIGNMENT = 8

Stored = tuple[str, str, tuple[int, ...], bytes]
"""Name, type as the file calls it, shape, values."""


def why_not(tensor: Tensor, scheme: Scheme) -> str:
    """Why a tensor cannot be written in a scheme; empty if it can."""
    found = runtime("bitsandbytes").takes_weight(tensor.shape, scheme, 0)
    return rotated(scheme) or found or _bitsandbytes.why_not(tensor, scheme)


def write(model: Model, quantized: Mapping[str, QTensor], recipe: Recipe) -> Written:
    """The file: the largest types first, so that all values are aligned, as the format's own tool orders them.

    Args:
        model: all its tensors are written.
        quantized: those that are written as codes, in schemes that :func:`why_not` has nothing against.
        recipe: what made them; the metadata has it.

    Raises:
        UnsupportedError: two tensors would have the same name, or one has a type that the format has not.
    """
    held: dict[str, Stored] = {}
    stored: dict[str, int] = {}
    for name, tensor in model.tensors.items():
        parts = list(_parts(tensor, quantized.get(name)))
        stored[name] = sum(len(data) for *_, data in parts)
        for part in parts:
            if held.setdefault(part[0], part) is not part:
                raise UnsupportedError(
                    f"two tensors would have the name {part[0][:80]!r}",
                    where="safetensors",
                    hint="Rename one of the tensors",
                )
    left = [name for name, tensor in model.tensors.items() if name not in quantized and len(tensor.shape) == 2]
    configuration, told = _bitsandbytes.configuration(quantized, left)
    decoded = [t for name, t in model.tensors.items() if name not in quantized and t.quantized and not t.parts]
    notes = [told] if told else []
    if decoded:
        notes.append(decoded_note(len(decoded)))
    data = _file(list(held.values()), _metadata(model, recipe, configuration))
    return Written(data, stored, tuple(notes))


def _metadata(model: Model, recipe: Recipe, configuration: dict[str, Any] | None) -> dict[str, str]:
    own = model.metadata.items() if model.format == "safetensors" else ()
    kept = {key: text for key, text in own if key != CONFIGURATION}
    # Transformers reads no file that does not say so
    told = {"format": "pt"} | kept | made_by(recipe)
    return told | ({CONFIGURATION: json.dumps(configuration)} if configuration is not None else {})


def _parts(tensor: Tensor, held: QTensor | None) -> Iterator[Stored]:
    """What one tensor of the model is stored as."""
    if held is not None:
        for name, values in _bitsandbytes.parts_of(tensor, held):
            octets = np.ascontiguousarray(values).tobytes()
            yield name, _CODES[values.dtype.name], values.shape, octets
        return
    for part in tensor.parts.values() or (tensor,):
        kind = "float32" if part.quantized else part.dtype
        if kind not in _CODES:
            raise UnsupportedError(
                f"the format has no type for {kind}",
                where=f"tensor {part.name[:80]!r}",
                hint="Leave the tensor out of the model, or write an .npz",
            )
        yield part.name, _CODES[kind], part.shape, encode_real(BY_NAME[kind], part.numpy())


def _file(held: list[Stored], metadata: dict[str, str]) -> bytes:
    ordered = sorted(held, key=lambda part: (-BY_NAME[DTYPES[part[1]]].bits, part[0]))
    header: dict[str, Any] = {"__metadata__": metadata}
    at = 0
    for name, dtype, shape, data in ordered:
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join([len(text).to_bytes(8, "little"), text, *(data for *_, data in ordered)])


WRITER = Writer("safetensors", ".safetensors", why_not, write, _bitsandbytes.flat)

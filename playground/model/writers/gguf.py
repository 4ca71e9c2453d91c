"""Writes tensors as a .gguf: those that are quantized in ggml's blocks, each in its own type, the rest as they are.

What a .gguf had as metadata is in the new one, byte for byte, but for what says how its tensors were stored.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError, plural
from playground.model.element_types import BY_NAME, encode
from playground.model.graph import Model, Tensor
from playground.model.readers._gguf import TYPES
from playground.model.recipe import Recipe
from playground.model.runtimes import runtime
from playground.model.writers._writer import PRODUCER, RECIPE, VERSION, Writer, Written, decoded_note, made_by, rotated
from playground.number_formats._ggml import nibbles_of
from playground.quantization import QTensor, Scheme

_VERSION, _ALIGNMENT, _QUANTIZATION_VERSION = 3, 32, 2
_MOST_AXES, _MOST_NAME_BYTES = 4, 63
"""GGML_MAX_DIMS, and GGML_MAX_NAME without the zero at its end: ggml refuses files with more."""

_WORD, _TEXT = 4, 8
"""Numbers of the types uint32 and text in the metadata."""

_NUMBERS = {name: number for number, name in TYPES.items()}
_PLAIN = {"fp16": "float16", "bf16": "bfloat16"}
"""Number formats that are stored one value after another -> their element type."""

_WIDER = {"bool": "int8", "uint8": "int16", "uint16": "int32", "uint32": "int64"}
"""Element types that ggml has not -> the narrowest one it has that holds their values."""

_FILE_TYPES = {
    **{"float16": 1, "q4_0": 2, "q4_1": 3, "q8_0": 7, "q5_0": 8, "q5_1": 9, "q2_k": 10, "q3_k": 11, "q4_k": 14},
    **{"q5_k": 16, "q6_k": 18, "iq4_nl": 25, "bfloat16": 32, "mxfp4": 38},
}
"""Type of most bytes -> ``general.file_type``, as gguf-py's ``LlamaFileType`` has it."""

_OWN = ("general.file_type", "general.quantization_version", "general.alignment", RECIPE, VERSION)
"""Keys that this file says itself; an older file may have them, and how it was split."""


def why_not(tensor: Tensor, scheme: Scheme) -> str:
    """Why a tensor cannot be written in a scheme; empty if it can."""
    if reason := rotated(scheme) or runtime("gguf").takes_weight(tensor.shape, scheme, 0):
        return reason
    if scheme.format in _PLAIN:
        return "GGUF has no place for the scales of single floats" if scheme.is_scaled else ""
    if scheme.granularity == "block" and scheme.block_axis not in (-1, len(tensor.shape) - 1):
        return "blocks of GGUF lie along the last axis"
    if scheme.scale_scheme != Scheme(scheme.format).scale_scheme:
        return f"blocks of {scheme.format} have no place for other scales than its own"
    return ""


def write(model: Model, quantized: Mapping[str, QTensor], recipe: Recipe) -> Written:
    """The file.

    Args:
        model: all its tensors are written.
        quantized: those that are written as codes, in schemes that :func:`why_not` has nothing against.
        recipe: what made them; the metadata has it.

    Raises:
        UnsupportedError: a tensor has a name or a shape that ggml refuses, or a type that it has not.
    """
    infos, data, kinds = bytearray(), [], Counter[str]()
    stored: dict[str, int] = {}
    widened = decoded = 0
    start = 0
    for name, tensor in model.tensors.items():
        held = quantized.get(name)
        kind, octets = _plain(tensor) if held is None else _blocks(held)
        widened += held is None and kind != tensor.dtype and not tensor.quantized
        decoded += held is None and tensor.quantized
        infos += _info(tensor, kind, start)
        padding = -len(octets) % _ALIGNMENT
        data += [octets, bytes(padding)]
        start += len(octets) + padding
        stored[name] = len(octets)
        kinds[kind] += len(octets) if len(tensor.shape) > 1 else 0
    entries = _entries(model, recipe, kinds)
    head = b"GGUF" + struct.pack("<IQQ", _VERSION, len(model.tensors), len(entries))
    head += b"".join(entries) + bytes(infos)
    return Written(b"".join([head, bytes(-len(head) % _ALIGNMENT), *data]), stored, _notes(widened, decoded))


def _notes(widened: int, decoded: int) -> tuple[str, ...]:
    notes = []
    if widened:
        are = "is" if widened == 1 else "are"
        notes.append(f"{plural(widened, 'tensor')} {are} stored in a wider type: ggml has none of their own.")
    if decoded:
        notes.append(decoded_note(decoded))
    return tuple(notes)


def _blocks(held: QTensor) -> tuple[str, bytes]:
    """The type and the bytes of a quantized tensor."""
    scheme = held.scheme
    if scheme.format in _PLAIN:
        return _PLAIN[scheme.format], held.codes.astype("<u2", copy=False).tobytes()
    if scheme.procedure is not None:
        return scheme.format, held.packed().tobytes()
    return "mxfp4", _microscaled(held)


def _microscaled(held: QTensor) -> bytes:
    """MXFP4: the power of two of a block, then its codes, two to a byte."""
    scale = held.qparams.scale
    if not isinstance(scale, QTensor):
        raise TypeError("MXFP4 has scales that are codes")
    return np.concatenate([scale.codes.reshape(-1, 1), nibbles_of(held.codes.reshape(-1, 32))], axis=1).tobytes()


def _plain(tensor: Tensor) -> tuple[str, bytes]:
    """The type and the bytes of a tensor that stays as it is, or becomes what holds its values exactly."""
    values: NDArray[Any] = tensor.numpy()
    if tensor.quantized:
        return "float32", encode(BY_NAME["float32"], values)
    kind = _WIDER.get(tensor.dtype, tensor.dtype)
    if kind.startswith("float") and kind not in _NUMBERS:
        # floats of 8 bits and less: bfloat16 has all of their values
        kind = "bfloat16"
    if kind not in _NUMBERS:
        raise UnsupportedError(
            f"ggml has no type for {tensor.dtype}",
            where=f"tensor {tensor.name[:80]!r}",
            hint="Leave the tensor out of the model, or write an .npz",
        )
    return kind, encode(BY_NAME[kind], values)


def _info(tensor: Tensor, kind: str, start: int) -> bytes:
    """What the file says about one tensor."""
    where, name = f"tensor {tensor.name[:80]!r}", tensor.name.encode()
    if len(name) > _MOST_NAME_BYTES:
        raise UnsupportedError(
            f"the name has {len(name)} bytes, and ggml takes at most {_MOST_NAME_BYTES}",
            where=where,
            hint="Rename the tensor, or write an .npz",
        )
    if len(tensor.shape) > _MOST_AXES:
        raise UnsupportedError(
            f"the tensor has {len(tensor.shape)} axes, and ggml takes at most {_MOST_AXES}",
            where=where,
            hint="Use a shape of fewer axes, or write an .npz",
        )
    # the first one is that of neighbours in memory
    sizes = tensor.shape[::-1]
    return _text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, _NUMBERS[kind], start)


def _entries(model: Model, recipe: Recipe, kinds: Counter[str]) -> list[bytes]:
    """The metadata: what the model's file said, and what this file is."""
    stored = {key: read for key, read in model.stored_metadata.items() if key not in _OWN and key[:6] != "split."}
    made = [_text(key.encode()) + read() for key, read in stored.items()]
    if "general.architecture" not in stored:
        # the format asks for one, and programs for a model that they know
        made.append(_entry("general.architecture", "unknown"))
    if "general.name" not in stored:
        made.append(_entry("general.name", model.name.rsplit(".", 1)[0] or model.name))
    if "general.quantized_by" not in stored:
        made.append(_entry("general.quantized_by", PRODUCER))
    most = max(kinds, key=lambda kind: kinds[kind], default="float32")
    if most in _FILE_TYPES:
        made.append(_entry("general.file_type", _FILE_TYPES[most]))
    made.append(_entry("general.quantization_version", _QUANTIZATION_VERSION))
    return [*made, *(_entry(key, text) for key, text in made_by(recipe).items())]


def _entry(key: str, value: str | int) -> bytes:
    kind, held = (_WORD, struct.pack("<I", value)) if isinstance(value, int) else (_TEXT, _text(value.encode()))
    return _text(key.encode()) + struct.pack("<I", kind) + held


def _text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


WRITER = Writer("gguf", ".gguf", why_not, write)

"""Quantized weights as bitsandbytes stores them: 4 bits with one or two levels of scales, and 8 bits by row.

The inverse of :mod:`playground.model.readers._bitsandbytes`, in the names, shapes and bytes of the tool's own
``state_dict``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Tensor
from playground.number_formats import FORMATS
from playground.quantization import QTensor, Scheme

_KINDS = {"nf4": "nf4", "bnb_fp4": "fp4"}
"""Number format -> bitsandbytes' name of its table."""

_MAP = "bnb_dynamic8"
"""The number format of absmax in double quantization."""

_DTYPES = ("float32", "float16", "bfloat16")
_EMBEDDING = re.compile(r"embed|(^|\.)(wte|wpe|shared)\.|relative_attention_bias")

Part = tuple[str, NDArray[Any]]


def why_not(tensor: Tensor, scheme: Scheme) -> str:
    """Why a tensor cannot be stored in a scheme; empty if it can."""
    if _EMBEDDING.search(tensor.name):
        return "it is an embedding by its name, and bitsandbytes replaces linear layers only"
    if scheme.format in _KINDS:
        return _why_not_four_bits(tensor, scheme)
    if scheme.format != "int8":
        return f"bitsandbytes has no layout for {scheme.format}"
    rows = (scheme.granularity == "channel" and scheme.axis in (0, -2)) or (
        scheme.granularity == "token" and scheme.axis in (None, 1, -1)
    )
    if not rows or scheme.scale_scheme is not None:
        columns = scheme.granularity == "channel" and scheme.axis in (1, -1)
        have = ", and the outputs of this one are its columns: NF4 and FP4 take it" if columns else ""
        return f"bitsandbytes' int8 has a float32 scale for each row{have}"
    return "" if tensor.name.endswith(".weight") else "bitsandbytes' int8 needs a name that ends in .weight"


def _why_not_four_bits(tensor: Tensor, scheme: Scheme) -> str:
    if scheme.granularity != "block" or scheme.axis not in (None, -1, len(tensor.shape) - 1):
        return "bitsandbytes' blocks lie along the last axis"
    if not scheme.symmetric or scheme.centre:
        return "bitsandbytes' blocks have no offset"
    scales = scheme.scale_scheme
    if scales is None:
        return ""
    if (scales.format, scales.granularity, scales.symmetric, scales.scale_scheme) != (_MAP, "block", True, None):
        return f"bitsandbytes quantizes scales to {_MAP} in blocks only"
    return ""


def flat(tensor: Tensor, scheme: Scheme) -> tuple[int, ...]:
    """The shape in which a tensor is quantized: blocks, of scales too, run through all values over the ends of rows."""
    return (tensor.size,) if scheme.format in _KINDS else tensor.shape


def parts_of(tensor: Tensor, held: QTensor) -> Iterator[Part]:
    """The tensors that a quantized one is stored as, by name."""
    if held.scheme.format in _KINDS:
        yield from _four_bits(tensor, held)
        return
    yield tensor.name, held.codes
    base = tensor.name.removesuffix(".weight")
    yield f"{base}.SCB", _absmax_of_rows(held.qparams.scale_values.reshape(-1))
    # by rows, which older files need to be told
    yield f"{base}.weight_format", np.array(0, np.uint8)


def _absmax_of_rows(scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """The numbers that 127 divides into the scales; of several the roundest, which the values of half floats are."""
    nearest = (scales.astype(np.float64) * 127).astype(np.float32)
    around = [np.nextafter(nearest, np.float32(end), dtype=np.float32) for end in (-np.inf, np.inf)]
    found, zeros = nearest, _trailing_zeros(nearest)
    for candidate in around:
        count = _trailing_zeros(candidate)
        better = (candidate / np.float32(127) == scales) & ((found / np.float32(127) != scales) | (count > zeros))
        found, zeros = np.where(better, candidate, found), np.where(better, count, zeros)
    return found


def _trailing_zeros(values: NDArray[np.float32]) -> NDArray[Any]:
    bits = values.view(np.uint32)
    return np.bitwise_count((bits & (~bits + np.uint32(1))) - np.uint32(1))


def _four_bits(tensor: Tensor, held: QTensor) -> Iterator[Part]:
    scheme, scale, name = held.scheme, held.qparams.scale, tensor.name
    codes = held.codes.reshape(-1)
    padded = np.append(codes, np.zeros(codes.size % 2, np.uint8))
    # the first of two codes in the upper half
    yield name, (padded[0::2] << np.uint8(4) | padded[1::2]).reshape(-1, 1)
    kind = _KINDS[scheme.format]
    state: dict[str, Any] = {"quant_type": kind, "blocksize": scheme.block_size}
    state |= {"dtype": tensor.dtype if tensor.dtype in _DTYPES else "float32", "shape": list(tensor.shape)}
    yield f"{name}.absmax", scale.codes.reshape(-1) if isinstance(scale, QTensor) else scale.reshape(-1)
    yield f"{name}.quant_map", _table(scheme.format)
    if isinstance(scale, QTensor):
        offset = scale.qparams.offset_values
        yield f"{name}.nested_absmax", scale.qparams.scale_values.reshape(-1)
        yield f"{name}.nested_quant_map", _table(_MAP)
        state |= {"nested_blocksize": scale.scheme.block_size, "nested_dtype": "float32"}
        state["nested_offset"] = 0.0 if offset is None else float(offset.reshape(-1)[0])
    text = json.dumps(state).encode()
    yield f"{name}.quant_state.bitsandbytes__{kind}", np.frombuffer(text, np.uint8)


def _table(number_format: str) -> NDArray[np.float32]:
    form = FORMATS[number_format]
    return form.decode(np.arange(1 << form.bits, dtype=np.uint8))


def configuration(quantized: Mapping[str, QTensor], left: Iterable[str]) -> tuple[dict[str, Any] | None, str]:
    """What Transformers' ``config.json`` needs as ``quantization_config``, and why there is none if there is none.

    Args:
        quantized: what is stored as codes, by name.
        left: the names of matrices that are not.
    """
    formats = {held.scheme.format for held in quantized.values()}
    if len(formats) > 1:
        return None, f"Transformers loads one format a file, and this has {', '.join(sorted(formats))}."
    skipped = [name.removesuffix(".weight") for name in left if name.endswith(".weight")]
    if "lm_head.weight" not in quantized and "lm_head" not in skipped:
        # it shares the embedding's weight
        skipped.append("lm_head")
    told: dict[str, Any] = {"quant_method": "bitsandbytes", "llm_int8_skip_modules": skipped}
    kind = _KINDS.get(next(iter(formats)))
    if kind is None:
        return told | {"load_in_8bit": True}, ""
    nested = any(isinstance(held.qparams.scale, QTensor) for held in quantized.values())
    return told | {
        **{"load_in_4bit": True, "bnb_4bit_quant_type": kind, "bnb_4bit_use_double_quant": nested},
        "bnb_4bit_compute_dtype": "float32",
    }, ""

"""Number formats by the names that other tools have for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from playground.number_formats._format import NumberFormat

_ELSEWHERE = {
    "half": "fp16",
    "float16": "fp16",
    "bfloat16": "bf16",
    "float": "fp32",
    "float32": "fp32",
    "single": "fp32",
    "fp8": "fp8_e4m3",
    "float8": "fp8_e4m3",
    "e4m3": "fp8_e4m3",
    "e4m3fn": "fp8_e4m3",
    "float8_e4m3fn": "fp8_e4m3",
    "float8_e4m3": "fp8_e4m3",
    "fp8_e4m3fn": "fp8_e4m3",
    "e5m2": "fp8_e5m2",
    "float8_e5m2": "fp8_e5m2",
    "float8_e4m3fnuz": "fp8_e4m3fnuz",
    "float8_e5m2fnuz": "fp8_e5m2fnuz",
    "fp4": "fp4_e2m1",
    "e2m1": "fp4_e2m1",
    "float4_e2m1fn": "fp4_e2m1",
    "int": "int8",
    "byte": "uint8",
    "char": "int8",
}
"""What PyTorch, NumPy, ONNX and people call a format -> its id here."""

_PACKAGE = re.compile(r"^(torch|np|numpy|onnx|tensorproto|ml_dtypes)\.")
_INTEGER = re.compile(r"^(?P<unsigned>u|qu)?(?:q?int|i|s|w|bits?)?[-_]?(?P<bits>\d{1,2})[-_]?(?:bits?|b)?$")
_MIXED = re.compile(r"^(i?q\d_(?:k|nl))_(?:xs|s|m|l)$")
"""Names that llama.cpp gives to files whose tensors have several formats."""


def id_of(given: Any, formats: Mapping[str, NumberFormat]) -> str | None:
    """The id that is meant: itself in any case of letters, a format, or a dtype that has its name; else None."""
    if isinstance(given, NumberFormat):
        return given.id
    name = given if isinstance(given, str) else _dtype_name(given)
    if not isinstance(name, str):
        return None
    return next((each for each in (name, name.lower()) if each in formats), None)


def suggested(given: Any, formats: Mapping[str, NumberFormat]) -> str | None:
    """The id of the format that people mean who write it so, if that can be told."""
    if isinstance(given, type) and not issubclass(given, np.generic):
        given = given.__name__
    name = given if isinstance(given, str | int) and not isinstance(given, bool) else _dtype_name(given)
    if name is None:
        return None
    text = _PACKAGE.sub("", str(name).strip().lower()[:100])
    number = _INTEGER.match(text)
    integer = f"{'u' if number['unsigned'] else ''}int{number['bits']}" if number else ""
    mixed = _MIXED.match(text)
    found = _ELSEWHERE.get(text, integer or (mixed[1] if mixed else text))
    return found if found in formats else None


def _dtype_name(given: Any) -> str | None:
    """The name of an element type of NumPy or PyTorch, None for anything else."""
    if isinstance(given, np.dtype):
        return given.name
    if isinstance(given, type):
        return np.dtype(given).name if issubclass(given, np.generic) else None
    # torch is not imported for this
    text = str(given) if type(given).__module__.partition(".")[0] == "torch" else ""
    return text.removeprefix("torch.") if text.startswith("torch.") else None

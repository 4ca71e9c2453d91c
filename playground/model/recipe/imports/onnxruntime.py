"""``TensorQuantOverrides`` of onnxruntime.quantization: tensor -> a list of one dict, or of one a channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from playground.errors import InvalidInputError, UnsupportedError
from playground.model.recipe import Override, Recipe
from playground.model.recipe.imports._importer import Importer
from playground.quantization import Scheme

_FORMATS = {"qint8": "int8", "quint8": "uint8", "qint4": "int4", "quint4": "uint4"}
_KEYS = ("quant_type", "scale", "zero_point", "symmetric", "reduce_range", "rmin", "rmax", "axis", "convert")


def matches(data: Any) -> bool:
    """Whether it is a mapping of lists of dicts with the tool's keys (possibly under its own name)."""
    held = _unwrapped(data)
    return isinstance(held, Mapping) and bool(held) and all(_is_list_of_dicts(entries) for entries in held.values())


def _unwrapped(data: Any) -> Any:
    return data["TensorQuantOverrides"] if isinstance(data, Mapping) and "TensorQuantOverrides" in data else data


def _is_list_of_dicts(entries: Any) -> bool:
    if not isinstance(entries, list) or not entries:
        return False
    return all(isinstance(entry, Mapping) and set(entry) <= set(_KEYS) for entry in entries)


def read(data: Any, base: Recipe) -> Recipe:
    """The base recipe with the tool's overrides in the place of its own for the same tensors.

    Raises:
        InvalidInputError: a value is invalid; others as :class:`Importer` says.
        UnsupportedError: ``convert``, 16-bit or reduced types, or a range for each channel.
    """
    made = {tensor: _override(tensor, entries) for tensor, entries in _unwrapped(data).items()}
    kept = tuple(override for override in base.overrides if override.tensor not in made)
    return replace(base, overrides=(*kept, *made.values()))


def _override(tensor: str, entries: list[Mapping[str, Any]]) -> Override:
    where, first = f"override of {tensor!r}", entries[0]
    for entry in entries:
        if "convert" in entry:
            raise UnsupportedError("the override converts between types", where=where, hint="Use one type per tensor")
        if entry.get("reduce_range"):
            raise UnsupportedError("reduce_range cannot be imported", where=where, hint="Use 'int7' or 'uint7' instead")
    if "axis" not in first and len(entries) > 1:
        raise InvalidInputError(
            "the override has several entries and no axis", where=where, hint="Give the channels' axis"
        )
    given: dict[str, Any] = {
        "scheme": _scheme(first, where),
        "range": _range(entries, where),
        "scale": tuple(_number(e["scale"]) for e in entries if "scale" in e) or None,
        "zero_point": tuple(int(_number(e["zero_point"])) for e in entries if "zero_point" in e) or None,
    }
    return Override(tensor, **given)


def _scheme(entry: Mapping[str, Any], where: str) -> Scheme | None:
    """The scheme; None if type, symmetry and axis are left to the rules."""
    if "quant_type" not in entry:
        if "symmetric" in entry or "axis" in entry:
            raise UnsupportedError(
                "the override has no quant_type", where=where, hint="Give quant_type together with symmetric or axis"
            )
        return None
    kind = entry["quant_type"]
    name = str(getattr(kind, "name", kind)).rpartition(".")[2].lower()
    name = name if name.startswith("q") else f"q{name}"
    if name not in _FORMATS:
        raise UnsupportedError(
            f"type {kind} has no counterpart", where=where, hint="Use QInt8, QUInt8, QInt4 or QUInt4"
        )
    symmetric = entry.get("symmetric", _FORMATS[name].startswith("int") and "axis" in entry)
    axis: dict[str, Any] = {"granularity": "channel", "axis": entry["axis"]} if "axis" in entry else {}
    return Scheme(_FORMATS[name], symmetric=bool(symmetric), **axis)


def _range(entries: list[Mapping[str, Any]], where: str) -> tuple[float, float] | None:
    if not any("rmin" in entry or "rmax" in entry for entry in entries):
        return None
    if len(entries) > 1:
        raise UnsupportedError(
            "the override has a range for each channel", where=where, hint="Give scales and zero-points"
        )
    if not {"rmin", "rmax"} <= set(entries[0]):
        raise UnsupportedError("the override has only one end of a range", where=where, hint="Give both rmin and rmax")
    return _number(entries[0]["rmin"]), _number(entries[0]["rmax"])


def _number(value: Any) -> float:
    return float(value.item() if hasattr(value, "item") else value)


IMPORTER = Importer(
    id="onnxruntime",
    name="ONNX Runtime's TensorQuantOverrides",
    source="onnxruntime.quantization.quantize_static, extra_options",
    matches=matches,
    read=read,
)

"""Schemas of what commands print with ``--json`` and no type describes."""

from __future__ import annotations

from typing import Any

Plain = dict[str, Any]

_TEXT: Plain = {"type": "string"}
_COUNT: Plain = {"type": "integer", "minimum": 0}
_TEXTS: Plain = {"type": "array", "items": _TEXT}


def _object(properties: Plain, optional: Plain | None = None) -> Plain:
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def _or_null(plain: Plain) -> Plain:
    return {"anyOf": [plain, {"type": "null"}]}


def _value() -> Plain:
    sizes = {"type": "array", "items": {"type": ["integer", "string", "null"]}}
    return _object({"name": _TEXT, "dtype": _TEXT, "shape": _or_null(sizes)})


def _tensor() -> Plain:
    number = {"type": ["number", "null"]}
    return _object(
        {
            "name": _TEXT,
            "operator": _or_null(_TEXT),
            "dtype": _TEXT,
            "shape": {"type": "array", "items": _COUNT},
            "parameters": _COUNT,
            "bytes": _COUNT,
        },
        {
            "stored_as": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Tensor"}},
            "min": number,
            "max": number,
            "max/std": number,
        },
    )


def inspect_output() -> Plain:
    """What ``playground inspect`` prints."""
    values = {"type": "array", "items": {"$ref": "#/$defs/Value"}}
    shapes = {"type": "object", "additionalProperties": {"type": "array", "items": _COUNT}}
    node = _object({"node": _TEXT, "op": _TEXT, "reason": _TEXT})
    made = _object(
        {
            "file": _TEXT,
            "format": _TEXT,
            "bytes": _COUNT,
            "opset": _or_null(_COUNT),
            "inputs": values,
            "outputs": values,
            "operators": {"type": "object", "additionalProperties": _COUNT},
            "open_sizes": _TEXT,
            "run": _or_null(_object({"engine": _TEXT, "outputs": shapes})),
            "kernels": _or_null({"type": "array", "items": node}),
            "parameters": _COUNT,
            "tensors": {"type": "array", "items": {"$ref": "#/$defs/Tensor"}},
            "metadata": {"type": "object"},
            "notes": _TEXTS,
        }
    )
    return {**made, "$defs": {"Value": _value(), "Tensor": _tensor()}}


def compare_output(comparison: Plain) -> Plain:
    """What ``playground compare`` prints: both files, and a comparison (whose schema is given)."""
    file = _object({"file": _TEXT, "format": _TEXT, "bytes": _COUNT, "notes": _TEXTS})
    made = _object({"a": file, "b": file, **comparison["properties"]})
    return {**made, "$defs": comparison["$defs"]}

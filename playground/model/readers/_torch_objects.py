"""What the pickles of PyTorch's checkpoints may name, and what stands in for it: nothing here is PyTorch's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playground.errors import DAMAGED, BadFileError, UnsupportedError, cut
from playground.limits import MOST_RANK
from playground.model.readers._pickle import Function, Name

STORAGES = {
    **{"Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16", "Bool": "bool"},
    **{"Byte": "uint8", "Char": "int8", "Short": "int16", "Int": "int32", "Long": "int64"},
    **{"ComplexFloat": "complex64", "ComplexDouble": "complex128"},
    **{"QInt8": "int8", "QUInt8": "uint8", "QInt32": "int32"},
}
"""Class of a storage, without ``Storage`` -> its element type."""

_DTYPES = {
    *("float64", "float32", "float16", "bfloat16", "bool", "complex64", "complex128"),
    *(f"{sign}int{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64)),
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"),
}
"""PyTorch's element types that are known here, under the same names."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of bytes in the archive, of ``count`` elements; ``dtype`` is empty where tensors say it: then of bytes."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, slots=True)
class View:
    """A tensor: elements of a storage at regular places."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class QuantizedView:
    """A quantized tensor: codes, scales and zero-points; the latter numbers, or tensors along an axis."""

    codes: View
    scales: float | View
    zero_points: int | View
    axis: int | None


def _refuse(what: str) -> BadFileError:
    return BadFileError(f"the pickle is damaged: {what}", hint=DAMAGED)


def stored(told: Any) -> Storage:
    """A storage, of what the pickle says about it: a class, its name in the archive, a device, how many elements."""
    if not isinstance(told, tuple) or len(told) != 5 or told[0] != "storage":
        raise _refuse("a storage is not described as one")
    _, kind, key, _, count = told
    if not isinstance(kind, Name) or not isinstance(key, str) or type(count) is not int or not 0 <= count < 2**63:
        raise _refuse("a storage is not described as one")
    name = kind.text.rpartition(".")[2].removesuffix("Storage").removeprefix("_")
    if name not in STORAGES and name != "Untyped":
        raise _refuse(f"{kind.text} is not a storage")
    return Storage(key, STORAGES.get(name, ""), count)


def _view(storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> View:
    """``_rebuild_tensor``, ``_rebuild_tensor_v2``: the storage says the element type."""
    if len(rest) > 2 and rest[2]:
        raise UnsupportedError("a tensor is a conjugated or negated view", hint="Save it with .resolve_conj()")
    return _view_of(storage, offset, shape, strides, storage.dtype if isinstance(storage, Storage) else "")


def _typed_view(storage: Any, offset: Any, shape: Any, strides: Any, _grad: Any, _hooks: Any, *rest: Any) -> View:
    """``_rebuild_tensor_v3``: the pickle says the element type."""
    name = rest[0].text.removeprefix("torch.") if rest and isinstance(rest[0], Name) else ""
    return _view_of(storage, offset, shape, strides, name if name in _DTYPES else "")


def _view_of(storage: Any, offset: Any, shape: Any, strides: Any, dtype: str) -> View:
    sizes = all(
        isinstance(held, tuple) and len(held) <= MOST_RANK and all(type(n) is int and 0 <= n < 2**63 for n in held)
        for held in (shape, strides, (offset,))
    )
    if not isinstance(storage, Storage) or not sizes or len(shape) != len(strides) or not dtype:
        raise _refuse("a tensor is not described as one")
    return View(storage, offset, shape, strides, dtype)


def _quantized_view(storage: Any, offset: Any, shape: Any, strides: Any, quantizer: Any, *_: Any) -> QuantizedView:
    """``_rebuild_qtensor``: codes, and a scale and a zero-point for all of them or for each place along an axis."""
    codes = _view_of(storage, offset, shape, strides, storage.dtype if isinstance(storage, Storage) else "")
    if not isinstance(quantizer, tuple) or len(quantizer) not in (3, 4) or not isinstance(quantizer[0], Name):
        raise _refuse("a quantized tensor is not described as one")
    kind, scales, zero_points = quantizer[0].text, quantizer[1], quantizer[2]
    if kind == "torch.per_tensor_affine" and type(scales) is float and type(zero_points) is int:
        return QuantizedView(codes, scales, zero_points, None)
    axis = quantizer[3] if len(quantizer) == 4 else None
    if (
        kind not in ("torch.per_channel_affine", "torch.per_channel_affine_float_qparams")
        or not (isinstance(scales, View) and isinstance(zero_points, View) and type(axis) is int)
        or not 0 <= axis < len(codes.shape)
        or not scales.shape == zero_points.shape == (codes.shape[axis],)
    ):
        raise _refuse("scales and zero-points of a quantized tensor do not fit it")
    return QuantizedView(codes, scales, zero_points, axis)


def _first(*given: Any) -> Any:
    """Parameters: the tensor in them."""
    return given[0] if given else None


def _of_type(function: Any, _kind: Any, arguments: Any, *_state: Any) -> Any:
    """``_rebuild_from_type_v2``: a tensor of a class that says nothing more about it, with attributes."""
    rebuild = _TENSORS.get(function.text) if isinstance(function, Name) else None
    if rebuild is None or not isinstance(arguments, tuple):
        raise _refuse("a tensor is not described as one")
    return rebuild(*arguments)


def _pairs(*given: Any) -> dict[Any, Any]:
    """OrderedDict: empty, or of pairs."""
    made = {}
    for pair in given[0] if given and isinstance(given[0], list | tuple) else ():
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str | int):
            raise _refuse("a dict is not made of pairs")
        made[pair[0]] = pair[1]
    return made


def _told(*given: Any) -> str:
    """Devices, layouts, and what else is only told."""
    return cut(given[0], 80) if given and isinstance(given[0], str) else ""


def _octets(text: Any = "", *_: Any) -> bytes:
    """Bytes, which protocol 2 writes as a text."""
    return text.encode("latin1", "replace") if isinstance(text, str) else b""


def _sequence(*given: Any) -> list[Any]:
    """Sets, and shapes outside of tensors."""
    return list(given[0]) if given and isinstance(given[0], list | tuple) else []


_TENSORS: dict[str, Function] = {
    "torch._utils._rebuild_tensor": _view,
    "torch._utils._rebuild_tensor_v2": _view,
    "torch._utils._rebuild_tensor_v3": _typed_view,
    "torch._utils._rebuild_qtensor": _quantized_view,
}
_SCHEMES = ("per_tensor_affine", "per_channel_affine", "per_channel_affine_float_qparams")

FUNCTIONS: dict[str, Function] = {
    **_TENSORS,
    **{f"torch._utils._rebuild_{name}": _first for name in ("parameter", "parameter_with_state")},
    **{"torch.nn.parameter.Parameter": _first, "torch.Tensor": _first, "torch._tensor.Tensor": _first},
    "torch._tensor._rebuild_from_type_v2": _of_type,
    **{f"torch.{name}Storage": _told for name in STORAGES},
    **{f"torch.storage.{name}": _told for name in ("UntypedStorage", "_UntypedStorage")},
    **{f"torch.{name}": _told for name in (*_DTYPES, *_SCHEMES)},
    **{"torch.device": _told, "torch.serialization._get_layout": _told, "torch.Size": _sequence},
    **{"collections.OrderedDict": _pairs, "collections.Counter": _pairs},
    **{f"{module}.set": _sequence for module in ("builtins", "__builtin__")},
    "_codecs.encode": _octets,
}
"""Name -> what a call of it gives."""

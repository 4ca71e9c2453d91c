"""Weights as bitsandbytes stores them in several tensors: 4 bits with one or two levels of scales, and 8 bits by row.

What belongs together becomes one tensor, whose ``parts`` are the stored ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import plain_json
from playground.errors import DAMAGED, BadFileError, plural, shown
from playground.limits import MOST_RANK
from playground.model.element_types import BY_NAME, decode, encode
from playground.model.graph import Tensor

_STATE = ".quant_state.bitsandbytes__"
_KINDS = {"nf4": "nf4", "fp4": "bnb_fp4"}
"""bitsandbytes' name of a table -> that of the number format here."""

_MOST_STATE_BYTES = 65_536
_PIECE = 1 << 18
_DTYPES = ("float32", "float16", "bfloat16")
_INVERSE_127 = np.float32(7.874015718698502e-3)

Floats = NDArray[np.float32]


def decoded(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors with those that belong together as one, and notes about what is incomplete.

    Raises:
        BadFileError: the parts of a tensor contradict each other.
    """
    made: dict[str, Tensor] = {}
    taken: set[str] = set()
    incomplete = 0
    for tensor, parts in _candidates(tensors):
        found = _eight_bits(tensor, parts) if tensor.endswith(".SCB") else _four_bits(tensor, parts)
        if found is None:
            incomplete += 1
            continue
        made[found.name] = found
        taken.update(part.name for part in parts.values())
    left = {name: made.get(name, tensor) for name, tensor in tensors.items() if name not in taken or name in made}
    told = (
        f"{plural(incomplete, 'tensor')} of bitsandbytes {'is' if incomplete == 1 else 'are'} shown as stored: parts "
        "are missing, or the codes are of a type other than bytes."
    )
    return left, (told,) if incomplete else ()


def _candidates(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Names of the tensors that mark a layout, and by their roles all that may belong to it."""
    for name in tensors:
        if name.endswith(".SCB"):
            base = name.removesuffix(".SCB")
            roles = {"codes": f"{base}.weight", "SCB": name, "weight_format": f"{base}.weight_format"}
        elif _STATE in name:
            base = name.partition(_STATE)[0]
            kinds = ("absmax", "quant_map", "nested_absmax", "nested_quant_map")
            roles = {"codes": base, "quant_state": name, **{kind: f"{base}.{kind}" for kind in kinds}}
        else:
            continue
        yield name, {role: tensors[part] for role, part in roles.items() if part in tensors}


def _tensor(kind: str, shape: tuple[int, ...], parts: Mapping[str, Tensor], read: Callable[[], NDArray[Any]]) -> Tensor:
    nbytes = sum(part.nbytes for part in parts.values())
    return Tensor(parts["codes"].name, kind, shape, nbytes, read, quantized=True, parts=MappingProxyType(dict(parts)))


def _require(holds: bool, what: str, where: str) -> None:
    if not holds:
        raise BadFileError(what, where=f"tensor {shown(where)}", hint=DAMAGED)


def _eight_bits(name: str, parts: Mapping[str, Tensor]) -> Tensor | None:
    """int8 codes with the largest magnitude of each row (``SCB``): ``code * SCB / 127``."""
    codes, scales, layout = parts.get("codes"), parts["SCB"], parts.get("weight_format")
    if codes is None or (layout is not None and layout.size == 1 and int(layout.numpy().reshape(-1)[0]) != 0):
        return None
    fits = codes.dtype == "int8" and len(codes.shape) == 2 and scales.dtype == "float32"
    _require(fits and scales.size == codes.shape[0], "the scales are not one float32 for each row of int8 codes", name)

    def read() -> Floats:
        """The values, multiplied in bitsandbytes' order."""
        with np.errstate(over="ignore", invalid="ignore"):
            values: Floats = codes.numpy() * scales.numpy().reshape(-1, 1)
            values *= _INVERSE_127
        return values

    return _tensor("bnb_int8", codes.shape, parts, read)


@dataclass(frozen=True, slots=True)
class _State:
    """What the JSON of a 4-bit tensor says, checked."""

    kind: str
    shape: tuple[int, ...]
    block: int
    dtype: str
    nested_block: int
    nested_offset: float


def _state(kind: str, tensor: Tensor) -> _State:
    _require(
        tensor.dtype == "uint8" and tensor.nbytes <= _MOST_STATE_BYTES,
        f"the state is not a text of at most {_MOST_STATE_BYTES} bytes",
        tensor.name,
    )
    text = tensor.numpy().tobytes()
    where = f"tensor {shown(tensor.name)}"
    told: Any = plain_json.parse(text, BadFileError, where, most_bytes=_MOST_STATE_BYTES, what="the state")
    _require(isinstance(told, dict), "the state is not a JSON object", tensor.name)
    shape, block, dtype = told.get("shape"), told.get("blocksize"), told.get("dtype")
    sizes = (
        isinstance(shape, list) and len(shape) <= MOST_RANK and all(type(n) is int and 0 <= n < 2**63 for n in shape)
    )
    _require(told.get("quant_type") == kind and sizes, "the state has no shape, or another kind", tensor.name)
    nested, offset = told.get("nested_blocksize", 0), told.get("nested_offset", 0.0)
    whole = all(type(n) is int and 0 <= n < 2**31 for n in (block, nested)) and block
    _require(bool(whole) and dtype in _DTYPES, "the state has no block size, or an unknown dtype", tensor.name)
    _require(type(offset) in (int, float) and abs(offset) < 1e38, "nested_offset is not a number", tensor.name)
    return _State(_KINDS[kind], tuple(shape), block, dtype, nested, float(offset))


def _four_bits(name: str, parts: Mapping[str, Tensor]) -> Tensor | None:
    """Two codes in a byte, the first in its upper half, as places in ``quant_map``, times ``absmax`` of their block."""
    kind = name.partition(_STATE)[2]
    if kind not in _KINDS:
        return None
    state = _state(kind, parts["quant_state"])
    roles = {"codes", "quant_state", "absmax", "quant_map"}
    if state.nested_block:
        roles |= {"nested_absmax", "nested_quant_map"}
    if not roles <= set(parts) or not BY_NAME[parts["codes"].dtype].stored:
        return None
    count = math.prod(state.shape)
    blocks = -(-count // state.block)
    codes, absmax, table = parts["codes"], parts["absmax"], parts["quant_map"]
    _require(codes.nbytes == -(-count // 2), f"{codes.nbytes} bytes of codes do not fill {list(state.shape)}", name)
    _require(table.dtype == "float32" and table.size == 16, "quant_map is not 16 numbers of float32", name)
    stored = "uint8" if state.nested_block else "float32"
    _require(absmax.dtype == stored and absmax.size == blocks, f"absmax is not {blocks} numbers of {stored}", name)
    if state.nested_block:
        outer, levels = parts["nested_absmax"], parts["nested_quant_map"]
        fits = outer.dtype == levels.dtype == "float32" and levels.size == 256
        _require(
            fits and outer.size == -(-blocks // state.nested_block),
            "nested_absmax or nested_quant_map does not fit absmax",
            name,
        )
    return _tensor(state.kind, state.shape, parts, _FourBits(state, parts).read)


@dataclass(frozen=True, slots=True)
class _FourBits:
    """A 4-bit tensor whose parts fit each other."""

    state: _State
    parts: Mapping[str, Tensor]

    def read(self) -> Floats:
        """The values, rounded to the type that bitsandbytes would give them in."""
        # infinite scales are the file's own
        with np.errstate(over="ignore", invalid="ignore"):
            return self._values()

    def _values(self) -> Floats:
        count = math.prod(self.state.shape)
        # what a stranger's file says may be far more than there are values
        block = min(self.state.block, max(count, 1))
        table, absmax = self.parts["quant_map"].numpy().reshape(-1), self._absmax()
        octets = self.parts["codes"].numpy().reshape(-1).view(np.uint8)
        out = np.empty(count, np.float32)
        element = BY_NAME[self.state.dtype]
        # pieces of whole blocks, and of whole bytes
        step = max(1, _PIECE // (2 * block)) * 2 * block
        for start in range(0, count, step):
            some = out[start : start + step]
            held = octets[start // 2 : (start + step) // 2]
            codes = np.stack([held >> np.uint8(4), held & np.uint8(15)], axis=1).reshape(-1)[: some.size]
            scales = np.repeat(absmax[start // block : (start + step) // block], block)[: some.size]
            np.multiply(table.take(codes), scales, out=some)
            if element.name != "float32":
                some[:] = decode(element, encode(element, some), some.shape)
        return out.reshape(self.state.shape)

    def _absmax(self) -> Floats:
        stored = self.parts["absmax"].numpy().reshape(-1)
        if not self.state.nested_block:
            return stored
        levels, outer = (self.parts[role].numpy().reshape(-1) for role in ("nested_quant_map", "nested_absmax"))
        scales = np.repeat(outer, min(self.state.nested_block, stored.size))[: stored.size]
        found: Floats = levels.take(stored) * scales + np.float32(self.state.nested_offset)
        return found

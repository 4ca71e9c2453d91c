"""Attention: values weighted by how well their keys fit queries."""

from __future__ import annotations

import math

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attention import join_heads, shared_by, split_heads
from playground.operators._attributes import Attribute, flag
from playground.operators._operator import Operator
from playground.operators._places import require_shape, stored_type
from playground.programs.call import Array, Call

_RAW, _CAPPED, _MASKED, _WEIGHTS = range(4)
"""What the fourth output may be."""

_BFLOAT16 = 16


def run(  # noqa: PLR0917  # the inputs of the operator
    call: Call,
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None = None,
    past_key: Array | None = None,
    past_value: Array | None = None,
    lengths: Array | None = None,
) -> Array | tuple[Array, ...]:
    """Softmax of scaled products of queries and keys, times values; also all keys, all values, and the products.

    Args:
        call: the attributes.
        query: (batch, heads, queries, size), or (batch, queries, heads * size) with ``q_num_heads``.
        key: the same with ``kv_num_heads`` heads, of which each serves equally many heads of queries.
        value: as key; the size may be another one.
        mask: what is added, or which keys are seen; broadcasts to (batch, heads, queries, keys).
        past_key: keys from before, (batch, heads, length, size).
        past_value: likewise.
        lengths: how many keys each sample has; the others are padding.
    """
    packed = query.ndim == 3
    if packed:
        query = split_heads(query, _heads(call, "q_num_heads"))
        key, value = (split_heads(x, _heads(call, "kv_num_heads")) for x in (key, value))
    if (past_key is None) != (past_value is None) or (past_key is not None and lengths is not None):
        raise InvalidInputError(
            "the keys and values of the past do not go together", hint="Give both of them, and no lengths then"
        )
    before = 0 if past_key is None else past_key.shape[2]
    keys, values = _joined(call, past_key, key), _joined(call, past_value, value)
    shared = shared_by(query.shape[1], values.shape[1])
    require_shape(values, (*keys.shape[:3], values.shape[3]), "values")
    shape = (*query.shape[:3], keys.shape[2])
    call.room.value(shape, query.dtype)
    call.room.value(shape[2:], np.float32)
    scores, weights = _weights(call, query, keys, _bias(call, shape, mask, before, lengths))
    call.room.value((*values.shape[:1], query.shape[1], *values.shape[2:]), values.dtype)
    call.room.value((*query.shape[:3], values.shape[3]), values.dtype)
    y = np.matmul(weights, np.repeat(values, shared, axis=1))
    made = (join_heads(y) if packed else y, keys, values, scores)
    return made[: call.outputs] if call.outputs > 1 else made[0]


def _heads(call: Call, name: str) -> int:
    heads = call.get(name)
    if heads is None:
        raise InvalidInputError(f"Attention has no attribute {name!r}", hint="Add it: values have 3 axes")
    return int(heads)


def _joined(call: Call, past: Array | None, now: Array) -> Array:
    if now.ndim != 4:
        raise InvalidInputError(
            f"values of shape {list(now.shape)} are no heads", hint="Give shape (batch, heads, length, size)"
        )
    if past is None:
        return now
    require_shape(past, (*now.shape[:2], past.shape[2] if past.ndim == 4 else 0, now.shape[3]), "the past")
    call.room.value((*now.shape[:2], past.shape[2] + now.shape[2], now.shape[3]), now.dtype)
    return np.concatenate((past, now), axis=2)


def _weights(call: Call, query: Array, keys: Array, bias: Array) -> tuple[Array, Array]:
    """The products as the node wants them, and what Softmax makes of them."""
    batch, heads, queries, size = query.shape
    shared = shared_by(heads, keys.shape[1])
    require_shape(keys, (batch, heads // shared, keys.shape[2], size), "keys")
    call.room.value((batch, heads, *keys.shape[2:]), query.dtype)
    call.room.work(batch * heads * queries * math.prod(keys.shape[2:]))
    given = call.get("scale")
    root = query.dtype.type(math.sqrt(1 / math.sqrt(max(size, 1)) if given is None else given))
    raw = np.matmul(query * root, np.repeat(np.swapaxes(keys * root, 2, 3), shared, axis=1))
    cap = query.dtype.type(call.get("softcap"))
    capped = np.tanh(raw / cap) * cap if cap > 0 else raw
    masked = capped + bias.astype(query.dtype, copy=False)
    weights = _softmax(call, masked, bias).astype(query.dtype, copy=False)
    shown = {_RAW: raw, _CAPPED: capped, _MASKED: masked, _WEIGHTS: weights}
    return shown[call.get("qk_matmul_output_mode")], weights


def _bias(call: Call, shape: tuple[int, ...], mask: Array | None, before: int, lengths: Array | None) -> Array:
    """What is added to products of ``shape``: the mask, and minus infinity for keys that a query does not see."""
    batch, _, queries, keys = shape
    bias = np.zeros((queries, keys), np.float32)
    if mask is not None:
        fill = False if mask.dtype == bool else -np.inf
        short = [(0, 0)] * (mask.ndim - 1) + [(0, max(0, keys - mask.shape[-1]))]
        mask = np.pad(mask, short, constant_values=fill)
        bias = np.where(mask, np.float32(0), np.float32(-np.inf)) if mask.dtype == bool else mask
    key, query = np.arange(keys), np.arange(queries)[:, None] + before
    seen = np.ones((queries, keys), bool)
    if lengths is not None:
        require_shape(lengths, (batch,), "lengths")
        given = lengths.astype(np.int64).reshape(-1, 1, 1, 1)
        query = query + given - queries
        seen = key < given
    if call.get("is_causal"):
        seen = seen & (key <= query)
    left, right = call.get("left_window_size"), call.get("right_window_size")
    if left >= 0:
        seen = seen & (key >= query - left)
    if right >= 0:
        seen = seen & (key <= query + right)
    if np.broadcast_shapes(bias.shape, seen.shape, shape) != shape:
        raise InvalidInputError(
            f"a mask of shape {list(bias.shape)} does not fit {list(shape)}", hint="Give one that broadcasts to it"
        )
    return np.where(seen, bias, bias.dtype.type(-np.inf))


def _softmax(call: Call, scores: Array, bias: Array) -> Array:
    """Softmax of rows, in the precision that is asked for; 0 for queries that see no key."""
    asked = call.get("softmax_precision")
    if asked is not None:
        scores = scores.astype(np.float32 if asked == _BFLOAT16 else stored_type(asked, "Attention"), copy=False)
    if not scores.shape[-1]:
        return scores
    blind = np.isneginf(bias.max(axis=-1, keepdims=True))
    top = scores.max(axis=-1, keepdims=True)
    exps = np.exp(scores - np.where(np.isneginf(top), top.dtype.type(0), top))
    sums = exps.sum(axis=-1, keepdims=True)
    made = exps / np.where(sums == 0, sums.dtype.type(1), sums)
    return np.asarray(np.where(blind, made.dtype.type(0), made))


OPERATOR = Operator(
    name="Attention",
    run=run,
    since=(23, 23, 23, 23, 23, 23, 24),
    ranks=(3, 4),
    attributes=(
        flag("is_causal"),
        Attribute("kv_num_heads", "int", low=1),
        Attribute("left_window_size", "int", -1, low=-1, since=25),
        Attribute("q_num_heads", "int", low=1),
        Attribute("qk_matmul_output_mode", "int", 0, choices=(_RAW, _CAPPED, _MASKED, _WEIGHTS)),
        Attribute("right_window_size", "int", -1, low=-1, since=25),
        Attribute("scale", "float", low=0),
        Attribute("softcap", "float", 0.0, low=0),
        Attribute("softmax_precision", "int", choices=(1, 10, 11, 16)),
    ),
    data=(0, 1, 2, 4, 5),
)

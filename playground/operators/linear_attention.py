"""LinearAttention: a state that every step writes its key and value to, and reads by its query."""

from __future__ import annotations

import math

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attention import join_heads, shared_by, split_heads
from playground.operators._attributes import Attribute, text
from playground.operators._operator import Operator
from playground.operators._places import require_shape
from playground.programs.call import Array, Call
from playground.programs.room import STEP


def run(  # noqa: PLR0917  # the inputs of the operator
    call: Call,
    query: Array,
    key: Array,
    value: Array,
    past: Array | None = None,
    decay: Array | None = None,
    beta: Array | None = None,
) -> Array | tuple[Array, Array]:
    """What each step reads, and the state after the last one. Computed in float32 at least.

    Args:
        call: ``q_num_heads``, ``kv_num_heads``, ``scale`` (0: 1 / sqrt(size)), ``update_rule``.
        query: (batch, steps, heads * size).
        key: the same, with its own number of heads, each of which serves equally many heads of queries.
        value: likewise; the size may be another one.
        past: the state before the first step, (batch, heads of keys, size of keys, size of values).
        decay: logarithm of what is kept of the state, one a head or one a place of the keys; of gated rules.
        beta: how much of the difference is written, one a head or one for all; of delta rules.
    """
    rule = text(call.get("update_rule"))
    queries, heads = call.get("q_num_heads"), call.get("kv_num_heads")
    shared = shared_by(queries, heads)
    if (decay is not None) != rule.startswith("gated") or (beta is not None) != rule.endswith("delta"):
        raise InvalidInputError(
            f"the inputs do not go with the rule {rule!r}", hint="Give decay to gated rules, beta to delta rules"
        )
    kind = np.result_type(query, np.float32)
    q, k, v = (
        split_heads(x, n).astype(kind) for x, n in zip((query, key, value), (queries, heads, heads), strict=True)
    )
    batch, _, steps, size = q.shape
    require_shape(k, (batch, heads, steps, size), "a key in heads")
    require_shape(v, (batch, heads, steps, v.shape[3]), "a value in heads")
    shape = (batch, heads, size, v.shape[3])
    call.room.value((batch, queries, *shape[2:]), kind)
    call.room.value((batch, queries, steps, v.shape[3]), kind)
    call.room.work((math.prod(shape) * shared + STEP) * steps)
    if past is None:
        past = np.zeros(shape, query.dtype)
    require_shape(past, shape, "a state")
    kept = None if decay is None else np.exp(_each(decay, (batch, steps), heads, (heads, heads * size), kind))
    written = None if beta is None else _each(beta, (batch, steps), heads, (heads, 1), kind)
    factor = kind.type(call.get("scale") or 1 / math.sqrt(max(size, 1)))
    made, state = _steps(q * factor, k, v, past.astype(kind), (kept, written))
    y = join_heads(made).astype(query.dtype, copy=False)
    return (y, state.astype(past.dtype, copy=False)) if call.outputs > 1 else y


def _each(x: Array, lead: tuple[int, int], heads: int, widths: tuple[int, int], kind: np.dtype[np.generic]) -> Array:
    """Numbers of each step, (batch, heads or 1, steps, places or 1); InvalidInputError if their shape is another."""
    if x.shape not in [(*lead, width) for width in widths]:
        raise InvalidInputError(
            f"a decay or beta of shape {list(x.shape)} does not fit", hint=f"Give it shape {[*lead, widths[0]]}"
        )
    return split_heads(x, 1 if x.shape[2] == 1 else heads).astype(kind)


def _steps(q: Array, k: Array, v: Array, state: Array, gates: tuple[Array | None, Array | None]) -> tuple[Array, Array]:
    """All steps in order: what is read, (batch, heads of queries, steps, size of values), and the last state.

    Gates are what is kept of the state, and how much of a difference is written: (batch, heads, steps, places or 1).
    """
    kept, written = gates
    shared = q.shape[1] // k.shape[1]
    made = np.zeros((*q.shape[:3], v.shape[3]), q.dtype)
    for step in range(q.shape[2]):
        now_k, now_v = k[:, :, step], v[:, :, step]
        if kept is not None:
            state = state * kept[:, :, step, :, None]
        if written is not None:
            held = np.matmul(now_k[:, :, None], state)[:, :, 0]
            now_v = written[:, :, step] * (now_v - held)
        state = state + now_k[..., None] * now_v[..., None, :]
        made[:, :, step] = np.matmul(q[:, :, step, None], np.repeat(state, shared, axis=1))[:, :, 0]
    return made, state


OPERATOR = Operator(
    name="LinearAttention",
    run=run,
    since=(27,),
    ranks=(3, 3),
    attributes=(
        Attribute("chunk_size", "int", 64),
        Attribute("kv_num_heads", "int", required=True, low=1),
        Attribute("q_num_heads", "int", required=True, low=1),
        Attribute("scale", "float", 0.0),
        Attribute("update_rule", "string", "gated_delta", choices=("linear", "gated", "delta", "gated_delta")),
    ),
)

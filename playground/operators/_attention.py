"""What attentions share: heads that lie side by side in one axis."""

from __future__ import annotations

from playground.errors import InvalidInputError
from playground.programs.call import Array


def split_heads(x: Array, heads: int) -> Array:
    """(batch, length, heads * size) as (batch, heads, length, size).

    Raises:
        InvalidInputError: x has other axes, or its last one cannot be divided into so many heads.
    """
    if x.ndim != 3 or x.shape[2] % heads:
        raise InvalidInputError(
            f"values of shape {list(x.shape)} cannot be divided into {heads} heads",
            hint="Give shape (batch, length, heads * size)",
        )
    return x.reshape(*x.shape[:2], heads, x.shape[2] // heads).transpose(0, 2, 1, 3)


def join_heads(x: Array) -> Array:
    """(batch, heads, length, size) as (batch, length, heads * size)."""
    batch, heads, length, size = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, length, heads * size)


def shared_by(queries: int, heads: int) -> int:
    """How many heads of queries share one of keys and values.

    Raises:
        InvalidInputError: they cannot be shared evenly.
    """
    if heads < 1 or queries % heads:
        raise InvalidInputError(
            f"{queries} heads of queries cannot share {heads} heads of keys",
            hint="Use a number of heads of keys that divides that of queries",
        )
    return queries // heads

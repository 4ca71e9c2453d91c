"""Names for what is added to a graph."""

from __future__ import annotations

from collections.abc import Container
from itertools import count


def free_name(wanted: str, taken: Container[str]) -> str:
    """The wanted name, or with the first number behind it that makes it another one than those that are taken."""
    numbered = (f"{wanted}_{number}" for number in count(1))
    return wanted if wanted not in taken else next(name for name in numbered if name not in taken)

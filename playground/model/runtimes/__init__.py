"""The runtimes a quantized model can be for. One file here is one runtime; :func:`runtimes` finds them when asked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from playground.errors import InvalidInputError, one_of
from playground.model.runtimes._runtime import Restriction, Runtime
from playground.registry import discover

__all__ = ["Restriction", "Runtime", "runtime", "runtimes"]


@cache
def runtimes() -> Mapping[str, Runtime]:
    """Runtime id -> runtime, read-only."""
    return discover(sys.modules[__name__], "RUNTIME", Runtime)


def runtime(runtime_id: str) -> Runtime:
    """The runtime with this id.

    Raises:
        InvalidInputError: there is none.
    """
    found = runtimes().get(runtime_id) if isinstance(runtime_id, str) else None
    if found is None:
        raise InvalidInputError(
            f"{runtime_id!r} is not a runtime", where="runtime", hint=one_of(runtime_id, runtimes())
        )
    return found

"""Python scripts that make a quantized model again, with this package or with another tool.

One file here is one tool; :func:`scripts` finds them when asked. A script is offered only where it gives the same
codes; otherwise the tool's ``why_not`` says why.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from playground.errors import InvalidInputError, UnsupportedError, one_of
from playground.ptq.scripts._script import Origin, Script
from playground.registry import discover

__all__ = ["Origin", "Script", "script_of", "scripts"]


@cache
def scripts() -> Mapping[str, Script]:
    """Id of a tool -> what writes its script, read-only."""
    return discover(sys.modules[__name__], "SCRIPT", Script)


def script_of(tool: str, origin: Origin) -> str:
    """The script with which a tool makes what was made.

    Raises:
        InvalidInputError: there is no such tool.
        UnsupportedError: the tool cannot make it.
    """
    if tool not in scripts():
        raise InvalidInputError(f"{tool!r} is not a tool with scripts", where="code", hint=one_of(tool, scripts()))
    made = scripts()[tool]
    if reason := made.why_not(origin):
        raise UnsupportedError(
            f"no script for {made.name} makes the same: {reason}",
            where="code",
            hint="Use the script for 'playground', which makes all of it",
        )
    return made.text(origin)

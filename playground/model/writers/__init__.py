"""Writes models, one kind of file a module: :mod:`onnx` with the graph, the others tensors alone.

:func:`writers` finds those of tensors alone when asked.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from playground.registry import discover

if TYPE_CHECKING:
    from playground.model.recipe import Recipe
    from playground.model.writers._writer import Writer

PLAIN = "npz"
"""What is written for a runtime that has no file of tensors alone."""


@cache
def writers() -> Mapping[str, Writer]:
    """Id of a kind of file -> what writes it, read-only."""
    # the first view writes nothing
    from playground.model.writers._writer import Writer

    return discover(sys.modules[__name__], "WRITER", Writer, besides=("onnx", "tflite"))


def writer_for(recipe: Recipe) -> Writer:
    """What writes tensors without a graph for a recipe's runtime. Raises InvalidInputError: there is no such one."""
    from playground.model.runtimes import runtime

    return writers().get(runtime(recipe.runtime).file, writers()[PLAIN])

"""The boundary around quantizing one node: whatever is raised there becomes an error that names it."""

from __future__ import annotations

from contextlib import AbstractContextManager

from playground.errors import EngineError, typed
from playground.model.graph import Node
from playground.operators._attributes import where_of


def working_on(node: Node) -> AbstractContextManager[None]:
    """Turn what is raised while a node is placed or written into an EngineError that names it."""
    return typed(EngineError, "the node cannot be quantized", where=where_of(node), hint="Leave it in float")

"""What a reader of a file format is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from playground.host.sources import Source
from playground.model.graph import Model

HEAD_BYTES = 512
"""How much of a file's beginning a reader gets to recognise it by."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One file format.

    Attributes:
        id: the format's name, as in ``Model.format``.
        suffixes: endings of file names, lower case, with the dot.
        signature: whether a file's first bytes (at most ``HEAD_BYTES``) are this format's.
        read: reads a model. Raises BadFileError, UnsupportedError or MissingError, before any large allocation.
    """

    id: str
    suffixes: tuple[str, ...]
    signature: Callable[[bytes], bool]
    read: Callable[[Source], Model]

    def matches(self, head: bytes, name: str) -> bool:
        """Whether a file is this format by its content or, failing that, by its name."""
        return self.signature(head) or name.lower().endswith(self.suffixes)


def later(module: str) -> Callable[[Source], Model]:
    """``read`` of a module beside this one, which is imported when a file is read: most visitors open no such file."""

    def read(source: Source) -> Model:
        """See :attr:`Reader.read`."""
        made: Model = import_module(f"{__package__}.{module}").read(source)
        return made

    return read

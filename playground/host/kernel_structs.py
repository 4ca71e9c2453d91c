"""The structs of the kernels' arguments, as ``tools/kernel_structs.py`` read them from the C sources for the build."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from playground.errors import MissingError

FILE = Path(__file__).parent.parent / "kernels" / "structs.json"


class Field(NamedTuple):
    """One field.

    Attributes:
        name: with those of the structs that it is in before it: ``to.kind``.
        kind: ``"word"`` (int32), ``"float"`` (float32), ``"read"`` or ``"write"`` (an address that is read, written).
        length: of an array; 0 for a single value.
    """

    name: str
    kind: str
    length: int

    @property
    def is_address(self) -> bool:
        """Whether it is the address of a buffer."""
        return self.kind in ("read", "write")


@cache
def structs() -> dict[str, tuple[Field, ...]]:
    """Kernel name -> its arguments in order.

    Raises:
        MissingError: the kernels have not been built.
    """
    if not FILE.is_file():
        raise MissingError(
            "the structs of the WebAssembly kernels have not been built",
            where=str(FILE),
            hint="Run `python build.py site`, or use engine='reference'",
        )
    return {name: tuple(_fields(layout)) for name, layout in json.loads(FILE.read_text("utf-8")).items()}


def _fields(layout: Mapping[str, Any], before: str = "") -> Iterator[Field]:
    for name, kind in layout.items():
        if isinstance(kind, dict):
            yield from _fields(kind, f"{before}{name}.")
            continue
        base, _, length = kind.rstrip("]").partition("[")
        yield Field(before + name, base, int(length or 0))

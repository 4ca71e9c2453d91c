"""The number formats by id. One file here is one family; :data:`FORMATS` finds them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from playground.calls import no_entry
from playground.errors import InvalidInputError, one_of, shown
from playground.number_formats._block import BlockFormat, Blocks, Procedure
from playground.number_formats._codebook import CodebookFormat, boundaries_for, nearest
from playground.number_formats._float import FloatFormat, parse
from playground.number_formats._format import FAMILIES, Codes, NumberFormat
from playground.number_formats._integer import IntegerFormat
from playground.number_formats._names import id_of, suggested
from playground.registry import Entries, discover


class Formats(Entries[NumberFormat]):
    """Format id -> format, read-only. Lists those that have a name, and makes ``fp7_e3m3`` and the like when asked."""

    def __init__(self, named: Mapping[str, NumberFormat]) -> None:
        """Take the formats that are listed, and list them by family."""
        super().__init__(dict(sorted(named.items(), key=lambda item: FAMILIES.index(item[1].family))), "number format")
        self._again = (_formats, ())
        self._made: dict[str, NumberFormat] = {}

    def __getitem__(self, name: str) -> NumberFormat:
        """The format of that id; MissingKeyError if there is none."""
        found = self._find(name)
        if found is None:
            raise no_entry(name, self, "number format")
        return found

    def __contains__(self, name: object) -> bool:
        """Whether there is a format of that id."""
        return self._find(name) is not None

    def _find(self, name: Any) -> NumberFormat | None:
        if not isinstance(name, str):
            return None
        found = self._held.get(name) or self._made.get(name)
        if found is None and (found := parse(name)) is not None:
            self._made[name] = found
        return found


def _formats() -> Formats:
    return FORMATS


FORMATS = Formats(discover(sys.modules[__name__], "FORMATS", NumberFormat))  # type: ignore[type-abstract]
"""Format id -> format, read-only."""


def format_id(given: Any, where: str = "format") -> str:
    """The id of a number format from what people write for one: the id in any case of letters, or a dtype of its name.

    Raises:
        InvalidInputError: it is none; the message names the one that is probably meant.
    """
    found = given if isinstance(given, str) and given in FORMATS else id_of(given, FORMATS)
    if found is not None:
        return found
    meant = suggested(given, FORMATS)
    raise InvalidInputError(
        f"{shown(given)} is not a valid format", where=where, hint=f"Use {meant!r}" if meant else one_of(given, FORMATS)
    )


__all__ = [
    "FAMILIES",
    "FORMATS",
    "BlockFormat",
    "Blocks",
    "CodebookFormat",
    "Codes",
    "FloatFormat",
    "Formats",
    "IntegerFormat",
    "NumberFormat",
    "Procedure",
    "boundaries_for",
    "format_id",
    "id_of",
    "nearest",
    "suggested",
]

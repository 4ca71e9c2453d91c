"""The number formats by id. One file here is one family; :data:`FORMATS` finds them."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from playground.number_formats._format import FAMILIES, Codes, NumberFormat
from playground.number_formats._integer import IntegerFormat
from playground.registry import discover

FORMATS: Mapping[str, NumberFormat] = discover(sys.modules[__name__], "FORMATS", NumberFormat)  # type: ignore[type-abstract]
"""Format id -> format, read-only."""

__all__ = ["FAMILIES", "FORMATS", "Codes", "IntegerFormat", "NumberFormat"]

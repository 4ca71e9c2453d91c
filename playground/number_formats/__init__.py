"""The number formats by id. One file here is one family; :data:`FORMATS` finds them."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from playground.number_formats._format import Codes, NumberFormat
from playground.registry import discover

FORMATS: Mapping[str, NumberFormat] = discover(sys.modules[__name__], "FORMATS", NumberFormat)
"""Format id -> format, read-only."""

__all__ = ["FORMATS", "Codes", "NumberFormat"]

"""The conventions by id: whose rules a scheme follows, bit for bit. One file here is one convention."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from playground.convention_rules._convention import Convention
from playground.registry import discover

CONVENTIONS: Mapping[str, Convention] = discover(sys.modules[__name__], "CONVENTION", Convention)
"""Convention id -> convention, read-only."""

__all__ = ["CONVENTIONS", "Convention"]

"""For all tests: the order they run in."""

from __future__ import annotations

from pathlib import Path

import pytest

_BROWSER = Path(__file__).parent / "browser"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests last: the others say sooner what is wrong, and Playwright's event loop blocks ``asyncio.run``."""
    items.sort(key=lambda item: _BROWSER in item.path.parents)

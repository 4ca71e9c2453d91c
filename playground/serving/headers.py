"""The headers that the build writes into ``_headers``: policies, and who may read the files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

FILE = "_headers"


def headers_of(site: Path, address: str) -> dict[str, str]:
    """The headers of an address's reply. Caching is the server's own affair.

    A later rule replaces what an earlier one says.

    Args:
        site: the folder that is served.
        address: the path of a request, from ``/`` on, without a query.
    """
    found = {"X-Content-Type-Options": "nosniff"}
    for pattern, headers in _rules(site / FILE):
        if pattern == address or (pattern.endswith("*") and address.startswith(pattern[:-1])):
            found |= headers
    return {name: value for name, value in found.items() if name != "Cache-Control"}


def _rules(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Each pattern of the file with its headers, in order."""
    pattern, headers = "", dict[str, str]()
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        if line.startswith("/"):
            if pattern:
                yield pattern, headers
            pattern, headers = line.strip(), {}
        elif ":" in line:
            name, _, value = line.partition(":")
            headers[name.strip()] = value.strip()
    if pattern:
        yield pattern, headers

"""Whether every link of the built documents leads somewhere, and none of what they load to another host."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
_ADDRESSES = {"href", "src"}


class _Page(HTMLParser):
    """What a page refers to, and the places in it that can be referred to."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[tuple[str, bool]] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note addresses and ids."""
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name in _ADDRESSES and value:
                self.addresses.append((value, (tag, name) in _LOADED))


def broken(folder: Path, site: Path) -> list[str]:
    """One sentence for each link that leads nowhere, and for each file that a page would load from another host.

    Args:
        folder: the built documents.
        site: the folder that a host serves, which has them in it.
    """
    pages = {path: _parsed(path) for path in sorted(folder.rglob("*.html"))}
    return [sentence for path, page in pages.items() for sentence in _faults(path, page, pages, site)]


def _parsed(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text("utf-8"))
    return page


def _faults(path: Path, page: _Page, pages: dict[Path, _Page], site: Path) -> Iterator[str]:
    where = path.relative_to(site).as_posix()
    for address, loaded in page.addresses:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            if loaded and parts.scheme != "data":
                yield f"{where}: {address} is loaded from another host"
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
        if target.is_dir():
            target /= "index.html"
        if not target.is_file():
            yield f"{where}: {address} leads to no file"
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
            yield f"{where}: {address} leads to no place of that page"

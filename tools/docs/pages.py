"""What the directives of the documents make: figures, embeds with their posters, files from outside docs/ as pages."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path

from playground import gallery
from playground.render.poster import poster, title_of
from playground.settings import Settings
from playground.tensor_view.picture import Picture, picture_of
from playground.tensor_view.subject import subject_of
from tools.docs import figures
from tools.paths import ROOT

DOCS = ROOT / "docs"
_FILE = re.compile(r"^```\{repository-file\} (\S+)\n```$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)")


def drawn_figures() -> dict[str, Callable[[], str]]:
    """Figure's name -> what draws it as SVG."""
    found: dict[str, Callable[[], str]] = {}
    for module in pkgutil.iter_modules(figures.__path__, f"{figures.__name__}."):
        found |= importlib.import_module(module.name).FIGURES
    return found


_FILE_NAME = re.compile(r"[\w./-]+\.md")
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:dB|[kMGT]?B|[pnµm]?J|[µm]?s|bits?)\b|[%×])")
_COUNTED = re.compile(r"(\d) of (\d)")


def kept_together(text: str) -> str:
    """A text whose numbers stay on one line with their units, and ``33 of 34`` or ``-8 .. 7`` with its parts."""
    together = _COUNTED.sub("\\1\u00a0of\u00a0\\2", _BEFORE_UNIT.sub("\u00a0", text))
    return together.replace(" .. ", "\u00a0..\u00a0").replace(" + scales", "\u00a0+\u00a0scales")


def picture_for(settings: Settings) -> Picture:
    """The picture of a gallery model's tensor. Raises PlaygroundError for what there is not."""
    subject = subject_of(gallery.open_model(settings.model), settings.tensor)
    return picture_of(subject, settings)[0]


def embed_html(picture: Picture, site: str) -> str:
    """Poster, and the link that ``tools/docs/static/embed.js`` makes a button of.

    Args:
        picture: what the poster shows.
        site: the way from the document to the folder in which ``embed.html`` is.
    """
    query = escape(picture.settings.query())
    title = escape(title_of(picture))
    return (
        f'<div class="poster">{poster(picture)}</div>'
        f'<p class="open"><a class="live" href="{site}embed.html?{query}" title="{title}">Try it here</a>'
        f'<span class="note">It loads the page: up to 24 MB the first time.</span>'
        f'<a class="whole" href="{site}index.html?{query}">Open in the whole page</a></p>'
    )


def page_text(text: str, docname: str) -> str:
    """A document as Sphinx reads it: files from outside put in, links of both led to pages.

    Raises:
        FileNotFoundError: a document asks for a file that does not exist.
    """
    pages, folder = dict(_repository_pages()), (DOCS / docname).parent
    whole = linked(text, folder, folder, pages)
    return _FILE.sub(lambda found: _outside(ROOT / found[1], folder, pages), whole)


def _outside(file: Path, page: Path, pages: Mapping[Path, Path]) -> str:
    return linked(file.read_text("utf-8"), file.parent, page, pages)


def _repository_pages() -> Iterator[tuple[Path, Path]]:
    """Files outside of docs/ that have a page here, and that page."""
    for page in DOCS.rglob("*.md"):
        for name in _FILE.findall(page.read_text("utf-8")):
            yield ROOT / name, page


def linked(text: str, folder: Path, page: Path, pages: Mapping[Path, Path]) -> str:
    """A text whose relative links are led from ``page``'s folder to pages of these documents.

    Args:
        text: Markdown.
        folder: where its links begin.
        page: the folder of the page that the text is put into.
        pages: file outside docs/ -> the page that has its text.

    Returns:
        The text. A link to a file that is on no page becomes its words alone, and one whose words are a file's name
        gets the title of what it leads to; other links stay as they are.
    """

    def led(found: re.Match[str]) -> str:
        words, address = found.groups()
        path, hash_sign, anchor = address.partition("#")
        target = Path(os.path.normpath(folder / path)) if path and ":" not in path else None
        if target is None or not target.is_file():
            return found[0]
        shown = pages.get(target, target)
        if not shown.is_relative_to(DOCS):
            return words
        if _FILE_NAME.fullmatch(words):
            words = ""
        return f"[{words}]({Path(os.path.relpath(shown, page)).as_posix()}{hash_sign}{anchor})"

    return _LINK.sub(led, text)

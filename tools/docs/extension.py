"""What Sphinx learns for these documents.

- a figure: a fence ``{drawn} name`` calls the function of that name of a module in ``tools/docs/figures/``;
- an embed: ``{playground} format=int4&symmetric=1`` shows the Tensor view's picture as SVG, and a button that puts
  ``embed.html`` in its place;
- a page with a fence ``{repository-file} CONTRIBUTING.md`` has that file's text, its links led to the pages here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from playground.errors import PlaygroundError
from playground.schemas import SCHEMAS, schema
from playground.settings import from_query
from tools.docs import licences, pages


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, the reading of files from outside, and what is written beside."""
    app.add_directive("drawn", Drawn)
    app.add_directive("playground", Embed)
    app.connect("source-read", _read)
    app.connect("doctree-read", _keep_together)
    app.connect("build-finished", _write_beside)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _Captioned(Directive):
    """A figure with the directive's text below it."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def figure(self, inner: str, kind: str) -> list[nodes.Node]:
        """The HTML of a figure, with the content as its caption."""
        opened = nodes.raw("", f'<figure class="{kind}">{inner}<figcaption>', format="html")
        caption = nodes.container(classes=["caption"])
        self.state.nested_parse(self.content, self.content_offset, caption)
        return [opened, caption, nodes.raw("", "</figcaption></figure>", format="html")]


class Drawn(_Captioned):
    """A figure that a function draws."""

    def run(self) -> list[nodes.Node]:
        """Draw it."""
        known = pages.drawn_figures()
        name = self.arguments[0]
        if name not in known:
            raise self.error(f"there is no figure {name!r}; there are {', '.join(sorted(known))}")
        return self.figure(f'<div class="sketch" tabindex="0">{known[name]()}</div>', "drawn")


class Embed(_Captioned):
    """The Tensor view with the settings of a link, loaded on click."""

    def run(self) -> list[nodes.Node]:
        """Draw the poster, and say where the page is."""
        settings, problems = from_query(self.arguments[0])
        if problems:
            raise self.error("; ".join(problems))
        try:
            picture = pages.picture_for(settings)
        except PlaygroundError as error:
            raise self.error(str(error)) from error
        docname = self.state.document.settings.env.docname
        return self.figure(pages.embed_html(picture, "../" * (docname.count("/") + 1)), "playground")


def _read(_: Sphinx, docname: str, content: list[str]) -> None:
    """Put files from outside into a page, and lead links of both to pages."""
    content[0] = pages.page_text(content[0], docname)


_SHORT = 24


def _keep_together(_: Sphinx, document: nodes.document) -> None:
    """In cells of tables a number keeps its unit on its line; short code is not broken at its hyphens."""
    for entry in document.findall(nodes.entry):
        for text in list(entry.findall(nodes.Text)):
            if not isinstance(text.parent, nodes.literal):
                text.parent.replace(text, nodes.Text(pages.kept_together(text)))
    for literal in document.findall(nodes.literal):
        if len(literal.astext()) <= _SHORT:
            literal["classes"].append("short")


def _write_beside(app: Sphinx, exception: Exception | None) -> None:
    """The JSON Schemas of the package, a file each, and the licences of what is served with the documents."""
    if exception:
        return
    out = Path(app.outdir)
    (out / "schemas").mkdir(parents=True, exist_ok=True)
    for name in SCHEMAS:
        (out / "schemas" / f"{name}.json").write_text(json.dumps(schema(name), indent=2) + "\n", "utf-8")
    (out / "third_party.txt").write_text(licences.text(), "utf-8")

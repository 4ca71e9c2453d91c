"""From a view to the Bokeh document that the page embeds. Pure: nothing here knows of workers or messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bokeh.document import Document
from bokeh.embed.util import standalone_docs_json_and_render_items
from bokeh.models import UIElement
from panel.io.state import set_curdoc
from panel.viewable import Viewable


def build_document(view: str, roots: Mapping[str, UIElement | Viewable]) -> Document:
    """A document whose roots are named ``<view>-<slot>``.

    Args:
        view: the view's id.
        roots: slot name -> Bokeh model or Panel component.
    """
    document = Document()
    with set_curdoc(document):
        for slot, content in roots.items():
            if isinstance(content, Viewable):
                content.server_doc(document, location=False)
            else:
                document.add_root(content)
            document.roots[-1].name = f"{view}-{slot}"
    return document


def as_json(document: Document) -> dict[str, Any]:
    """The document as the page takes it: ``{"doc": ..., "roots": {root name: model id}}``."""
    documents, _ = standalone_docs_json_and_render_items(document, suppress_callback_warning=True)
    (content,) = documents.values()
    content["defs"] = _used(content)
    return {"doc": content, "roots": {root.name: root.id for root in document.roots}}


def _used(content: Mapping[str, Any]) -> list[Any]:
    """The definitions of models that the document holds; Bokeh lists those of every class that was ever imported."""
    held: set[str] = set()
    pending: list[Any] = [content["roots"]]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if item.get("type") == "object":
                held.add(item["name"])
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return [definition for definition in content.get("defs", ()) if definition["name"] in held]

"""Keeps a Bokeh document and its half in the page the same: patches in, patches out, one message each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bokeh.core.serialization import Buffer, Serialized, Serializer
from bokeh.document import Document
from bokeh.document.events import DocumentPatchedEvent
from panel.io.state import state

from playground.host.page import Port

SETTER = "page"


class Bridge:
    """One document's connection. What Python changes while a message is handled leaves as one patch."""

    def __init__(self, view: str, document: Document, port: Port) -> None:
        """Connect ``document``, which the page knows as ``view``."""
        self._view, self._document, self._port = view, document, port
        self._events: list[DocumentPatchedEvent] = []
        document.on_change(self._changed)
        # Without these Panel takes the document for one that nobody looks at yet, and drops its widgets' changes.
        state._connected[document] = state._loaded[document] = True

    def _changed(self, event: Any) -> None:
        if isinstance(event, DocumentPatchedEvent) and event.setter != SETTER:
            self._events.append(event)

    def receive(self, patch: Mapping[str, Any]) -> None:
        """Apply what the page changed."""
        self._document.apply_json_patch(Serialized(content=dict(patch)), setter=SETTER)

    def flush(self) -> None:
        """Send what has changed since the last time."""
        if not self._events:
            return
        events, self._events = self._events, []
        serializer = Serializer(references=self._document.models.synced_references)
        content = serializer.encode(events)
        self._document.models.flush_synced(lambda model: not serializer.has_ref(model))
        buffers = list(serializer.buffers)
        patch = {"events": _by_reference(content), "buffer_ids": [b.id for b in buffers]}
        self._port.send({"kind": "patch", "view": self._view, "patch": patch}, [b.to_bytes() for b in buffers])


def _by_reference(content: Any) -> Any:
    """The patch with each buffer replaced by its reference; the bytes travel beside it."""
    if isinstance(content, Buffer):
        return content.ref
    if isinstance(content, Mapping):
        return {key: _by_reference(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_by_reference(item) for item in content]
    return content

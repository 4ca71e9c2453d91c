"""Synchronises a Bokeh document with its copy in the page, by one message for each patch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bokeh.core.serialization import Buffer, Serialized, Serializer
from bokeh.document import Document
from bokeh.document.events import DocumentPatchedEvent, ModelChangedEvent
from bokeh.model import Model
from panel.io.state import state

from playground.host.page import Port

SETTER = "page"

FIXED = frozenset({"name", "tags", "bundle", "esm", "importmap", "class_name", "dev"})
"""Properties that stay as they are once a model is made."""


class Bridge:
    """One document's connection. What Python changes while a message is handled leaves as one patch."""

    def __init__(self, view: str, document: Document, port: Port) -> None:
        """Connect ``document``, which the page knows as ``view``."""
        self._view, self._document, self._port = view, document, port
        self._events: list[DocumentPatchedEvent] = []
        self._theirs: set[tuple[str, str] | None] = set()
        self._unsent: set[Model] = set()
        document.on_change(self._changed)
        # Without these Panel takes the document for one that is not shown, and drops its widgets' changes.
        state._connected[document] = state._loaded[document] = True

    def _changed(self, event: Any) -> None:
        if not isinstance(event, DocumentPatchedEvent):
            return
        if event.setter == SETTER:
            self._theirs.add(_property_of(event))
        else:
            self._events.append(event)

    def receive(self, patch: Mapping[str, Any]) -> None:
        """Apply what the page changed. What was about to be sent of the same properties is older, and is not sent."""
        older, self._events, self._theirs = self._events, [], set()
        # Bokeh takes all models of the document for known to the page once a patch of the page is applied.
        models = self._document.models
        self._unsent |= set(models) - models.synced_references
        self._document.apply_json_patch(Serialized(content=dict(patch)), setter=SETTER)
        self._events[:0] = [event for event in older if _property_of(event) not in self._theirs]

    def sync(self) -> None:
        """Have all values sent with the next flush, whatever the page has: of plots, texts and widgets, not what they
        are made of."""
        self._events = [
            ModelChangedEvent(self._document, model, name, value)
            for model in sorted(self._document.models, key=lambda model: model.id)
            for name, value in model.properties_with_values(include_defaults=False).items()
            if not _holds_models(value) and name not in FIXED
        ]

    def flush(self) -> None:
        """Send what has changed since the last time."""
        if not self._events:
            return
        events, self._events = self._events, []
        serializer = Serializer(references=self._document.models.synced_references - self._unsent)
        content = serializer.encode(events)
        self._document.models.flush_synced(lambda model: not serializer.has_ref(model))
        self._unsent = {model for model in self._unsent if not serializer.has_ref(model)}
        buffers = list(serializer.buffers)
        patch = {"events": _by_reference(content), "buffer_ids": [b.id for b in buffers]}
        self._port.send({"kind": "patch", "view": self._view, "patch": patch}, [b.to_bytes() for b in buffers])


def _holds_models(value: Any) -> bool:
    """Whether models are in there: what a document is made of does not change, and is not sent again."""
    if isinstance(value, Mapping):
        return any(_holds_models(item) for item in value.values())
    if isinstance(value, (list, tuple, set)):
        return any(_holds_models(item) for item in value)
    return isinstance(value, Model)


def _property_of(event: DocumentPatchedEvent) -> tuple[str, str] | None:
    """The model's id and the property that an event is about; None for events about something else."""
    return (event.model.id, event.attr) if isinstance(event, ModelChangedEvent) else None


def _by_reference(content: Any) -> Any:
    """The patch with each buffer replaced by its reference; the bytes travel beside it."""
    if isinstance(content, Buffer):
        return content.ref
    if isinstance(content, Mapping):
        return {key: _by_reference(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_by_reference(item) for item in content]
    return content

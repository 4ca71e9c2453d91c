"""Two Bokeh documents, here and in the page, are kept the same by patches that cross as JSON and bytes."""

import json

import numpy as np
import pytest
from bokeh.core.serialization import Buffer as BokehBuffer
from bokeh.core.serialization import Serialized, Serializer
from bokeh.document import Document
from bokeh.document.events import DocumentPatchedEvent
from bokeh.models import Column, ColumnDataSource, Div, Slider

from playground.app.bridge import Bridge
from playground.host.page import plain


class Port:
    def __init__(self):
        self.sent = []

    def send(self, message, buffers=()):
        self.sent.append((json.loads(json.dumps(plain(message), allow_nan=False)), [bytes(b) for b in buffers]))


class Half:
    """The page's half: a document of its own, made from the JSON that it was given."""

    def __init__(self, document):
        self.document = Document.from_json(document.to_json())
        self.changes = []
        self.document.on_change(self._changed)

    def _changed(self, event):
        if isinstance(event, DocumentPatchedEvent) and event.setter is None:
            self.changes.append(event)

    def apply(self, message, buffers):
        patch = message["patch"]
        assert len(patch["buffer_ids"]) == len(buffers)
        held = [BokehBuffer(name, data) for name, data in zip(patch["buffer_ids"], buffers, strict=True)]
        self.document.apply_json_patch(Serialized({"events": patch["events"]}, held), setter="python")

    def patch(self):
        """What was changed here, as the JSON that the page sends (arrays inline)."""
        events, self.changes = self.changes, []
        return json.loads(json.dumps(Serializer(deferred=False).encode({"events": events})))

    def __getitem__(self, name):
        return self.document.get_model_by_name(name)


@pytest.fixture
def halves():
    """A document's bridge, its port, the document, and the page's half."""
    document = Document()
    document.add_root(Div(name="text", text="before"))
    document.add_root(Slider(name="slider", start=0, end=10, value=3))
    document.add_root(ColumnDataSource({"x": np.arange(3.0)}, name="source"))
    port = Port()
    bridge = Bridge("view", document, port)
    return bridge, port, document, Half(document)


def test_changes_here_arrive_there_as_one_patch(halves):
    bridge, port, document, page = halves
    document.get_model_by_name("text").text = "after"
    document.get_model_by_name("slider").update(end=20, value=12)
    document.get_model_by_name("source").data = {"x": np.float32([1.5, np.nan, -2]), "name": ["a", "b", "c"]}
    bridge.flush()
    ((message, buffers),) = port.sent
    assert (message["kind"], message["view"]) == ("patch", "view")
    assert len(buffers) == 1
    page.apply(message, buffers)
    assert page["text"].text == "after"
    assert (page["slider"].end, page["slider"].value) == (20, 12)
    np.testing.assert_array_equal(page["source"].data["x"], np.float32([1.5, np.nan, -2]))
    assert page["source"].data["name"] == ["a", "b", "c"]


def test_a_new_model_is_sent_though_the_page_changed_something_before_it_was(halves):
    bridge, port, document, page = halves
    for text in ("first", "second"):
        document.add_root(Column(Div(name=text, text=text), name=f"column-{text}"))
        page["slider"].value += 1
        bridge.receive(page.patch())
        bridge.flush()
        page.apply(*port.sent[-1])
        assert page[text].text == text


def test_nothing_changed_nothing_sent(halves):
    bridge, port, document, _ = halves
    bridge.flush()
    document.get_model_by_name("text").text = "after"
    bridge.flush()
    bridge.flush()
    assert len(port.sent) == 1


def test_changes_there_arrive_here_and_are_not_sent_back(halves):
    bridge, port, document, page = halves
    page["slider"].value = 7
    bridge.receive(page.patch())
    bridge.flush()
    assert document.get_model_by_name("slider").value == 7
    assert port.sent == []


def test_what_follows_from_a_change_there_is_sent(halves):
    bridge, port, document, page = halves
    text = document.get_model_by_name("text")
    document.get_model_by_name("slider").on_change("value", lambda _a, _o, new: text.update(text=f"it is {new}"))
    page["slider"].value = 8
    bridge.receive(page.patch())
    bridge.flush()
    page.apply(*port.sent[0])
    assert page["text"].text == "it is 8"


def test_a_change_that_is_taken_back_is_sent(halves):
    bridge, port, document, page = halves
    slider = document.get_model_by_name("slider")
    slider.on_change("value", lambda _a, _o, new: slider.update(value=5) if new > 5 else None)
    page["slider"].value = 9
    bridge.receive(page.patch())
    bridge.flush()
    page.apply(*port.sent[0])
    assert page["slider"].value == slider.value == 5


def test_what_the_page_changed_is_newer_than_what_waits_to_be_sent(halves):
    bridge, port, document, page = halves
    document.get_model_by_name("slider").value = 3
    document.get_model_by_name("text").text = "meanwhile"
    page["slider"].value = 8
    bridge.receive(page.patch())
    bridge.flush()
    page.apply(*port.sent[0])
    assert page["slider"].value == document.get_model_by_name("slider").value == 8
    assert page["text"].text == "meanwhile"


def test_sync_sends_what_another_python_may_have_told_differently(halves):
    bridge, port, document, page = halves
    document.get_model_by_name("text").text = "of this one"
    bridge.flush()
    page["text"].text = "of the one before"
    bridge.sync()
    bridge.flush()
    page.apply(*port.sent[-1])
    assert page["text"].text == "of this one"


def test_new_models_are_known_afterwards(halves):
    bridge, port, document, page = halves
    made = Div(name="made", text="new")
    document.add_root(made)
    bridge.flush()
    page.apply(*port.sent[0])
    made.text = "newer"
    bridge.flush()
    page.apply(*port.sent[1])
    assert page["made"].text == "newer"
    assert "newer" in json.dumps(port.sent[1][0])
    assert '"Div"' not in json.dumps(port.sent[1][0])


def test_a_model_that_was_sent_is_not_sent_again(halves):
    bridge, port, document, page = halves
    column = Column(name="column")
    document.add_root(column)
    for name in ("first", "second"):
        column.children = [*column.children, Div(name=name)]
        bridge.flush()
    for sent in port.sent:
        page.apply(*sent)
    assert [child.name for child in page["column"].children] == ["first", "second"]
    assert json.dumps(port.sent[1][0]).count('"Div"') == 1

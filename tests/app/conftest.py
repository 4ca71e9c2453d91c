"""A page without a browser: requests go in as the worker passes them on, messages come out as it posts them."""

import asyncio
import io
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from playground import gallery
from playground.app.backend import Backend
from playground.app.workspace import Workspace
from playground.host.page import plain
from playground.host.sources import BytesSource
from playground.settings import Settings


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, kind, message, detail="", offer=""):
        super().__init__(f"{kind}: {message}\n{detail}")
        self.kind, self.message, self.offer = kind, message, offer


class Port:
    """Takes messages as the page would: JSON without NaN, and bytes."""

    def __init__(self):
        self.messages = []
        self.on_message = lambda _message: None

    def send(self, message, buffers=()):
        text = json.dumps(plain(message), allow_nan=False)
        self.messages.append({**json.loads(text), "buffers": [bytes(b) for b in buffers]})
        self.on_message(self.messages[-1])


class Page:
    """Asks and waits for the one answer."""

    def __init__(self, query=""):
        self.port = Port()
        self.backend = Backend(self.port, {"query": query})
        self.workspace = self.backend.workspace
        self.requests = 0
        self.buffers = []

    def ask(self, kind, files=(), **content):
        return self.ask_text(kind, json.dumps(content), files)

    def ask_text(self, kind, text, files=()):
        self.requests += 1
        asyncio.run(self.backend.handle(self.requests, kind, text, files))
        return self.answer(self.requests)

    def answer(self, request):
        (answer,) = (m for m in self.port.messages if m["kind"] == "answer" and m["id"] == request)
        if "error" in answer:
            assert set(answer["error"]) <= {"kind", "message", "detail", "offer"}
            raise RefusedError(**answer["error"])
        self.buffers = answer["buffers"]
        return answer["result"]

    def set(self, **changes):
        return self.ask("set", changes=changes)["settings"]

    def said(self, kind):
        return [m for m in self.port.messages if m["kind"] == kind]


@pytest.fixture
def open_page():
    """Opens a page with a query string."""
    return Page


@pytest.fixture
def page():
    return Page()


@pytest.fixture
def workspace():
    return Workspace(Settings())


def source(content, name):
    return BytesSource(content, name)


def npz(name="x.npz", /, **arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return BytesSource(file.getvalue(), name)


def gallery_file(model_id="digits-convnet", name="mine.onnx"):
    return BytesSource(gallery.model_bytes(model_id), name)


def linear_model(batch="batch", op=None, name="linear.onnx", output=TensorProto.FLOAT):
    """A model of x (batch, 4) @ w (4, 3) + b, and one more operator if one is given."""
    rng = np.random.default_rng(3)
    nodes = [helper.make_node("MatMul", ["x", "w / odd \x1f é"], ["h"], name="product")]
    nodes += [helper.make_node("Add", ["h", "b"], ["y" if op is None else "a"], name="sum")]
    nodes += [helper.make_node(op, ["a"], ["y"], name="last")] if op else []
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 4])],
        [helper.make_tensor_value_info("y", output, [batch, 3])],
        [
            numpy_helper.from_array(rng.normal(size=(4, 3)).astype(np.float32), "w / odd \x1f é"),
            numpy_helper.from_array(rng.normal(size=3).astype(np.float32), "b"),
            numpy_helper.from_array(np.arange(3), "unused"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return BytesSource(model.SerializeToString(), name)


@pytest.fixture
def files():
    """Makers of files: ``npz(name, **arrays)``, ``gallery_file(id, name)``, ``linear_model(...)``, ``source(...)``."""

    class Files:
        pass

    for maker in (source, npz, gallery_file, linear_model):
        setattr(Files, maker.__name__, staticmethod(maker))
    return Files


@pytest.fixture
def refused():
    return RefusedError

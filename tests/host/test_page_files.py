"""Files of the page: only there can they be had, and what the browser says is told as our errors are."""

import asyncio
import sys
from types import ModuleType, SimpleNamespace

import pytest

from playground import host
from playground.errors import MissingError


class _JsError(Exception):
    pass


@pytest.fixture
def page(monkeypatch):
    """Stands in for Pyodide and the page behind it, which has one file."""

    async def file(name):
        if name != "model.onnx":
            raise _JsError("404")
        return SimpleNamespace(to_bytes=lambda: b"content")

    js, ffi = ModuleType("js"), ModuleType("pyodide.ffi")
    js.playgroundHost, ffi.JsException = SimpleNamespace(file=file), _JsError
    for name, module in (("js", js), ("pyodide", ModuleType("pyodide")), ("pyodide.ffi", ffi)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(host, "IN_BROWSER", True)


async def content_of(name):
    return await host.page_file(name)


def test_a_file_comes_from_the_page(page):
    assert asyncio.run(content_of("model.onnx")) == b"content"


def test_a_file_that_does_not_come_is_named(page):
    with pytest.raises(MissingError, match=r"nowhere\.bin: the file could not be loaded: 404") as caught:
        asyncio.run(content_of("nowhere.bin"))
    assert caught.value.hint


def test_outside_of_the_page_there_is_none():
    with pytest.raises(MissingError, match=r"the file model\.onnx is part of the page"):
        asyncio.run(content_of("model.onnx"))

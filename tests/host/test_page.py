"""Messages as JSON can carry them."""

import json
import sys
from types import ModuleType

import numpy as np
import pytest

from playground.host.page import Port, plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array(3), 3),
        (float("nan"), None),
        (np.float32("inf"), None),
        (np.array([1.0, -np.inf]), [1.0, None]),
        (np.zeros((0, 3)), []),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        ((1, "a", None, True), [1, "a", None, True]),
        ({1: (np.uint8(3),), "b": {"c": [float("nan")]}}, {"1": [3], "b": {"c": [None]}}),
        ("\ud800", "\ud800"),
    ],
)
def test_plain(value, expected):
    assert plain(value) == expected
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == expected
    assert type(plain(value)) is type(expected)


@pytest.fixture
def to_js(monkeypatch):
    """Stands in for Pyodide's conversion: a typed copy of the bytes."""
    ffi = ModuleType("pyodide.ffi")
    ffi.to_js = lambda value: np.frombuffer(value, np.uint8).copy() if isinstance(value, memoryview) else list(value)
    monkeypatch.setitem(sys.modules, "pyodide", ModuleType("pyodide"))
    monkeypatch.setitem(sys.modules, "pyodide.ffi", ffi)


def test_send(to_js):
    posted = []
    Port(lambda *message: posted.append(message)).send({"kind": "answer", "x": np.float32("nan")}, [b"ab", b""])
    ((text, buffers),) = posted
    assert json.loads(text) == {"kind": "answer", "x": None}
    assert [b.tobytes() for b in buffers] == [b"ab", b""]

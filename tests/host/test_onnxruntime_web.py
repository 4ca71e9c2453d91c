"""The half of ONNX Runtime that lives in the page, against a stand-in for JavaScript (the real one: tests/browser)."""

import asyncio
import gc
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from playground.errors import CancelledError, EngineError, UnsupportedError
from playground.host.onnxruntime_web import ort_session
from playground.tasks import Progress, Task, run_async


class JsObject(SimpleNamespace):
    def to_py(self) -> Any:
        return self.value if hasattr(self, "value") else vars(self)


class JsError(Exception):
    pass


def to_js(value: Any, dict_converter: Any = None) -> Any:
    if isinstance(value, np.ndarray):
        assert value.ndim == 1
        assert value.dtype.name not in ("bool", "float16"), "JavaScript has no such typed array"
        return JsObject(value=memoryview(value.copy()))
    if isinstance(value, dict):
        assert dict_converter is not None
        return JsObject(**{name: to_js(item, dict_converter) for name, item in value.items()})
    return JsObject(value=value) if isinstance(value, list) else value


class Promise:
    """Kept already."""

    def __await__(self) -> Iterator[None]:
        return iter(())


class Session:
    """Gives back what it is fed, as ort.mjs gives outputs."""

    released = 0

    async def run(self, feeds: JsObject) -> JsObject:
        if hasattr(feeds, "bad"):
            raise JsError("no such input")
        return feeds

    def release(self) -> Promise:
        Session.released += 1
        return Promise()


async def ort_create(model: bytes) -> Session:
    if model == b"bad":
        raise JsError("no such operator")
    return Session()


@pytest.fixture(autouse=True)
def javascript(monkeypatch: pytest.MonkeyPatch) -> None:
    js, pyodide, ffi = ModuleType("js"), ModuleType("pyodide"), ModuleType("pyodide.ffi")
    keys = SimpleNamespace(fromEntries=dict, keys=lambda value: JsObject(value=list(vars(value))))
    js.__dict__.update(Object=keys, playgroundHost=SimpleNamespace(ortCreate=ort_create))
    gc.collect()  # sessions that earlier tests dropped are released when they are collected
    Session.released = 0
    ffi.__dict__.update(to_js=to_js, JsException=JsError)
    for name, module in {"js": js, "pyodide": pyodide, "pyodide.ffi": ffi}.items():
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "int8", "uint8", "bool", "float64"])
def test_arrays_go_there_and_come_back(dtype: str) -> None:
    values = np.array([[0, 1, 2], [3, 4, 0]]).astype(dtype)

    async def there_and_back() -> dict[str, Any]:
        session = await ort_session(b"model")
        outputs = await session.run({"x": values.T})
        await session.release()
        return outputs

    found = asyncio.run(there_and_back())["x"]
    assert Session.released == 1
    assert found.dtype == values.dtype
    assert np.array_equal(found, values.T)


def test_errors_are_ours() -> None:
    with pytest.raises(UnsupportedError, match="no such operator"):
        asyncio.run(ort_session(b"bad"))

    async def fail() -> None:
        await (await ort_session(b"model")).run({"bad": np.zeros(1)})

    with pytest.raises(EngineError, match="no such input"):
        asyncio.run(fail())


def test_cancelled_work_gives_memory_back() -> None:
    def work() -> Task[None]:
        session = yield ort_session(b"model")
        yield Progress(0, 1)
        yield session.release()

    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2

    with pytest.raises(CancelledError):
        asyncio.run(run_async(work(), cancelled=cancelled))
    assert asked == 3
    assert Session.released == 1

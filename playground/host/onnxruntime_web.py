"""ONNX Runtime Web, which runs in the same worker and is reached through two asynchronous functions in JavaScript.

``self.playgroundHost.ortCreate(model: Uint8Array)`` gives a promise of a session; ``session.run(feeds)`` one of the
outputs, ``session.time(feeds, seconds)`` one of milliseconds, ``session.release()`` one of nothing. Feeds and outputs
are plain objects, name -> ``{dtype, dims, data}``: ONNX Runtime's type name (``"float32"``, ``"int64"``, ``"bool"``,
...), an array of sizes, and the typed array that ``ort.Tensor`` wants for that type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import EngineError, MissingError, UnsupportedError

_RAW = {"bool": "uint8", "float16": "uint16"}
"""Types that have no typed array of their own: the one that carries their bytes."""


class OrtSession:
    """A model loaded by ONNX Runtime Web; its memory is given back at the latest when nothing refers to it any more.

    So work that is cancelled, or fails, needs no clean-up of its own: a generator that is closed cannot wait for one.
    """

    def __init__(self, session: Any) -> None:
        """Wrap what ``ortCreate`` promised."""
        self._session = session

    async def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """All outputs by name. Raises EngineError with ONNX Runtime's own words."""
        from js import Object
        from pyodide.ffi import JsException

        try:
            outputs = await self._session.run(_feeds_to_js(feeds))
        except JsException as error:
            raise EngineError(
                f"the model failed: {error}", where="ONNX Runtime", hint="Use engine='reference', or other inputs"
            ) from error
        return {name: _from_js(getattr(outputs, name)) for name in Object.keys(outputs).to_py()}

    async def time(self, feeds: Mapping[str, NDArray[Any]], seconds: float) -> float:
        """Milliseconds of one run, the mean of as many as fit into ``seconds``, measured in JavaScript."""
        from pyodide.ffi import JsException

        try:
            milliseconds: float = await self._session.time(_feeds_to_js(feeds), seconds)
        except JsException as error:
            raise EngineError(
                f"the model failed: {error}", where="ONNX Runtime", hint="Use engine='reference', or other inputs"
            ) from error
        return milliseconds

    async def release(self) -> None:
        """Give its memory back; it cannot run any more."""
        await self._let_go()

    def _let_go(self) -> Any:
        """JavaScript's promise; ONNX Runtime begins at once, whether somebody waits for it or not."""
        session, self._session = self._session, None
        return session.release()

    def __del__(self) -> None:
        """Release what was not."""
        if self._session is not None:
            self._let_go()


async def ort_session(model: bytes) -> OrtSession:
    """Load an ONNX model.

    Raises:
        MissingError: the runtime itself could not be loaded.
        UnsupportedError: it does not take the model; the message is its own.
    """
    from js import playgroundHost
    from pyodide.ffi import JsException, to_js

    try:
        return OrtSession(await playgroundHost.ortCreate(to_js(model)))
    except JsException as error:
        if getattr(error, "missing", False):
            raise MissingError(
                f"ONNX Runtime Web could not be loaded: {error}", where="ONNX Runtime", hint="Try again with a network"
            ) from error
        raise UnsupportedError(
            f"the model cannot be loaded: {error}", where="ONNX Runtime", hint="Use engine='reference'"
        ) from error


def _feeds_to_js(feeds: Mapping[str, NDArray[Any]]) -> Any:
    from js import Object
    from pyodide.ffi import to_js

    return to_js({name: _to_js(values) for name, values in feeds.items()}, dict_converter=Object.fromEntries)


def _to_js(values: NDArray[Any]) -> dict[str, Any]:
    from pyodide.ffi import to_js

    name = values.dtype.name
    flat = np.ascontiguousarray(values).reshape(-1).view(_RAW.get(name, name))
    return {"dtype": name, "dims": list(values.shape), "data": to_js(flat)}


def _from_js(tensor: Any) -> NDArray[Any]:
    flat = np.asarray(tensor.data.to_py())
    shaped: NDArray[Any] = flat.view(tensor.dtype).reshape(tuple(tensor.dims.to_py()))
    return shaped.copy()

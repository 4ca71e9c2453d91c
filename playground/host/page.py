"""The page as Python sees it: messages go out as JSON with buffers beside it, files come in as sources."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playground.host.sources import Source


def plain(value: Any) -> Any:
    """``value`` as JSON can carry it: tuples become lists, NumPy scalars numbers, NaN and infinities None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    elif hasattr(value, "tolist"):
        listed = value.tolist()
        # one look at a long array of numbers instead of one at each of them
        return listed if value.dtype.kind in "iuf" and np.isfinite(value).all() else plain(listed)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


class Port:
    """Where messages to the page go.

    Args:
        post: ``post(json_text, buffers)`` of the worker; the buffers arrive as ``ArrayBuffer``s, in order. None: the
            page is not connected yet, and nothing may be sent before :meth:`connect`.
    """

    def __init__(self, post: Any = None) -> None:
        """Take the worker's function."""
        self._post = post

    def connect(self, post: Any) -> None:
        """Take the worker's function later: a playground that was frozen into a memory snapshot has none."""
        self._post = post

    def send(self, message: Mapping[str, Any], buffers: Sequence[bytes | memoryview] = ()) -> None:
        """Post a message. Python's bytes are copied once, into buffers that the page then owns."""
        from pyodide.ffi import to_js

        self._post(json.dumps(plain(message), allow_nan=False), to_js([to_js(memoryview(b)) for b in buffers]))


def sources(files: Any) -> list[Source]:
    """The files of a message, a JavaScript array of ``File``, as sources that are read by ranges."""
    from playground.host.browser import JsFileSource

    return [JsFileSource(file) for file in files]

"""The only package that knows where it runs: under CPython (``cpython``) or in the page's worker (``browser``)."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Protocol

from numpy.typing import NDArray

from playground.errors import MissingError
from playground.host.kernel_module import Arena, Kernels

__all__ = [
    "IN_BROWSER",
    "Arena",
    "Kernels",
    "OrtSession",
    "kernels",
    "no_javascript",
    "numpy_is_slow",
    "ort_session",
    "page_file",
]

IN_BROWSER = sys.platform == "emscripten"

_no_javascript: ContextVar[bool] = ContextVar("_no_javascript", default=False)


@contextmanager
def no_javascript() -> Iterator[None]:
    """Inside, Python makes no reference to JavaScript's objects, so that its memory can be saved and restored."""
    token = _no_javascript.set(True)
    try:
        yield
    finally:
        _no_javascript.reset(token)


def numpy_is_slow() -> bool:
    """Whether the kernels should do what NumPy does well elsewhere: it has no BLAS in the browser."""
    return IN_BROWSER and not _no_javascript.get()


@cache
def kernels() -> Kernels:
    """The WebAssembly kernels, instantiated on first use.

    Raises:
        MissingError: they have not been built, or (under CPython) wasmtime is not installed.
    """
    if IN_BROWSER:
        from playground.host.browser import PyodideKernels

        return PyodideKernels()
    from playground.host.cpython import WasmtimeKernels

    return WasmtimeKernels()


class OrtSession(Protocol):
    """A model that ONNX Runtime has loaded."""

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> Awaitable[dict[str, NDArray[Any]]]:
        """All outputs by name. Raises EngineError with ONNX Runtime's own words."""
        ...

    def release(self) -> Awaitable[None]:
        """Give its memory back; it cannot run any more."""
        ...


def ort_session(
    model: bytes, *, as_written: bool = False, one_node: bool = False, exact_products: bool = False
) -> Awaitable[OrtSession]:
    """Load an ONNX model with ONNX Runtime: native (where awaiting never really waits) or Web.

    Args:
        model: the ONNX file.
        as_written: run node by node, without fusing operators (native only; Web always fuses).
        one_node: there is nothing to fuse, and there may be many such sessions: each has few threads, which sleep
            between runs (native only; Web has one thread).
        exact_products: on x86 without VNNI, whose fast products of int8 overflow, take the slower exact ones (native
            only).

    Raises:
        MissingError: onnxruntime is not installed.
        UnsupportedError: ONNX Runtime does not take the model; the message is its own.
    """
    if IN_BROWSER:
        from playground.host import onnxruntime_web

        return onnxruntime_web.ort_session(model)
    from playground.host import onnxruntime_native

    return onnxruntime_native.ort_session(model, as_written, one_node, exact_products)


def page_file(name: str) -> Awaitable[bytes]:
    """A file of the site that comes when it is needed, by the name in the build's list.

    Raises:
        MissingError: it cannot be had; outside the page there is none.
    """
    if IN_BROWSER:
        from playground.host import site_files

        return site_files.page_file(name)
    raise MissingError(f"the file {name} is part of the page", where="host", hint="Open the page to use it")

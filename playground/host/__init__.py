"""The only package that knows where it runs: under CPython (``cpython``) or in the page's worker (``browser``)."""

from __future__ import annotations

import sys
from functools import cache

from playground.host.kernels import Arena, Kernels

__all__ = ["IN_BROWSER", "Arena", "Kernels", "kernels"]

IN_BROWSER = sys.platform == "emscripten"


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

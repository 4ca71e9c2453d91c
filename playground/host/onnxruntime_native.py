"""ONNX Runtime as installed with pip. Nothing here waits: the coroutines end without ever suspending."""

from __future__ import annotations

import os
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from playground.errors import EngineError, MissingError, UnsupportedError


class OrtSession:
    """A model loaded by ONNX Runtime."""

    def __init__(self, session: Any) -> None:
        """Wrap an ``onnxruntime.InferenceSession``."""
        self._session = session

    async def run(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """All outputs by name. Raises EngineError with ONNX Runtime's own first sentence."""
        names = [output.name for output in self._session.get_outputs()]
        try:
            return dict(zip(names, self._session.run(names, dict(feeds)), strict=True))
        except Exception as error:
            # the exceptions of ONNX Runtime have no common base but Exception
            raise EngineError(
                f"the model failed: {_sentence(error)}",
                where="ONNX Runtime",
                hint="Use engine='reference', or other inputs",
            ) from error

    async def time(self, feeds: Mapping[str, NDArray[Any]], seconds: float) -> float:
        """Milliseconds of one run, the mean of as many as fit into ``seconds``. Errors as :meth:`run`."""
        runs, began = 0, perf_counter()
        while True:
            await self.run(feeds)
            runs += 1
            spent = perf_counter() - began
            if spent >= seconds:
                return 1000 * spent / runs

    async def release(self) -> None:
        """Give its memory back; it cannot run any more."""
        self._session = None


VERSION = "1.32.0"
"""The version that pyproject.toml asks for, and all tests run with."""

FEW_THREADS = 4

EXACT_PRODUCTS = "session.x64quantprecision"
"""The setting of a session with which products of int8 do not overflow; slower, on x86 without VNNI only."""


async def ort_session(
    model: bytes, as_written: bool = False, one_node: bool = False, exact_products: bool = False
) -> OrtSession:
    """Load an ONNX model; what is optional is described at :func:`playground.host.ort_session`.

    Raises:
        MissingError: onnxruntime is not installed.
        UnsupportedError: ONNX Runtime does not take the model; the message is its own first sentence.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingError(
            "the package onnxruntime is not installed",
            where="engine onnxruntime",
            hint=f"Run `pip install onnxruntime=={VERSION}`",
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if one_node:
        options.intra_op_num_threads = min(FEW_THREADS, os.cpu_count() or 1)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if as_written or one_node:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if exact_products:
        options.add_session_config_entry(EXACT_PRODUCTS, "1")
    # Its default (4) rounds the activations of products with dequantized weights to int8: not what the file says.
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise UnsupportedError(
            f"the model cannot be loaded: {_sentence(error)}", where="ONNX Runtime", hint="Use engine='reference'"
        ) from error
    return OrtSession(session)


def _sentence(error: Exception) -> str:
    text = str(error).split("\n", maxsplit=1)[0]
    return text.partition(" : ")[2].removeprefix("FAIL : ") or text

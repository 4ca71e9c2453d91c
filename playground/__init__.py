"""Quantization Playground: see, feel and keep what quantization does.

The public names below are loaded on first use, so that ``import playground`` stays cheap in the browser.
Type checkers read them in ``__init__.pyi``.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.2.0"

_HOME = {
    "Scheme": "playground.quantization",
    "Range": "playground.quantization",
    "QParams": "playground.quantization",
    "QTensor": "playground.quantization",
    "choose_qparams": "playground.quantization",
    "dequantize": "playground.quantization",
    "compare": "playground.metrics",
    "quantize": "playground.api",
    "formats": "playground.api",
    "calibrators": "playground.api",
    "conventions": "playground.api",
    "load": "playground.opening",
    "Model": "playground.model.graph",
    "Recipe": "playground.model.recipe",
    "quantize_model": "playground.ptq.pipeline",
    "QuantizedModel": "playground.ptq.pipeline",
    "Report": "playground.ptq.report",
    "run": "playground.engines.run",
    "PlaygroundError": "playground.errors",
}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604 (they are strings)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'playground' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

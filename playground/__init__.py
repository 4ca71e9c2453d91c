"""Quantization Playground: see, feel and keep what quantization does.

The public names below are loaded on first use, so that ``import playground`` stays cheap in the browser.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playground.api import calibrators as calibrators
    from playground.api import conventions as conventions
    from playground.api import formats as formats
    from playground.api import quantize as quantize
    from playground.engines.run import run as run
    from playground.errors import PlaygroundError as PlaygroundError
    from playground.metrics import compare as compare
    from playground.model.graph import Model as Model
    from playground.model.recipe import Recipe as Recipe
    from playground.opening import load as load
    from playground.ptq.pipeline import QuantizedModel as QuantizedModel
    from playground.ptq.pipeline import quantize_model as quantize_model
    from playground.ptq.report import Report as Report
    from playground.quantization import QParams as QParams
    from playground.quantization import QTensor as QTensor
    from playground.quantization import Range as Range
    from playground.quantization import Scheme as Scheme
    from playground.quantization import choose_qparams as choose_qparams
    from playground.quantization import dequantize as dequantize

__version__ = "0.1.0"

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

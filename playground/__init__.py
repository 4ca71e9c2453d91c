"""Quantization Playground: see, feel and keep what quantization does.

The public names below are loaded on first use, so that ``import playground`` stays cheap in the browser.
Type checkers read them in ``__init__.pyi``.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, NoReturn

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

__all__ = ["__version__", "gallery", *_HOME]  # noqa: PLE0604 (they are strings)


_INSTEAD = {
    **dict.fromkeys(("save", "export"), "quantize_model(model).save('small.onnx')"),
    **dict.fromkeys(("evaluate", "benchmark", "infer", "predict"), "run(model, {'image': array})"),
    **dict.fromkeys(("info", "inspect", "summary"), "load('model.onnx')"),
    **dict.fromkeys(("open", "from_pretrained", "load_model", "read"), "load('model.onnx')"),
    **dict.fromkeys(
        ("quantize_static", "quantize_dynamic", "convert", "quantize_file"), "quantize_model('model.onnx')"
    ),
    **dict.fromkeys(("quantize_tensor", "fake_quantize", "quant"), "quantize(x, 'int8')"),
    **dict.fromkeys(("sqnr", "mse", "error", "snr"), "compare(x, quantize(x, 'int8'))"),
    "version": "__version__",
}
"""What people look for here -> what to write."""


def __getattr__(name: str) -> Any:
    if name == "gallery":
        return importlib.import_module("playground.gallery")
    if name not in _HOME:
        if name.startswith("_"):
            raise AttributeError(f"module 'playground' has no attribute {name!r}")
        from playground.calls import no_attribute

        raise no_attribute("playground", name, __all__, _INSTEAD)
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """The type of this module: a call of it shows what to call."""

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        from playground.calls import BadUseError

        hint = "Use playground.quantize(x, 'int8') for arrays, playground.quantize_model('model.onnx') for models"
        raise BadUseError("the package cannot be called", where="playground", hint=hint)


sys.modules[__name__].__class__ = _Package

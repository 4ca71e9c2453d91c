"""ONNX Runtime Web: the WebAssembly build, in a browser. It takes what the native one takes, in older operator sets."""

from dataclasses import replace

from playground.model.runtimes.onnxruntime import RUNTIME as NATIVE

RUNTIME = replace(
    NATIVE,
    id="onnxruntime-web",
    name="ONNX Runtime Web",
    summary="ONNX Runtime compiled to WebAssembly.",
    source="onnxruntime-web 1.30: tried in Chromium 156",
    opsets=(7, 26),
    reasons={**NATIVE.reasons, "opsets": "its newest release is older than the newest operator set"},
)

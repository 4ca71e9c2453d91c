"""ONNX Runtime Web: the WebAssembly build, in a browser."""

from playground.model.recipe import ONNX_FORMATS
from playground.model.runtimes._runtime import Runtime

RUNTIME = Runtime(
    id="onnxruntime-web",
    name="ONNX Runtime Web",
    summary="ONNX Runtime compiled to WebAssembly.",
    source="onnxruntime-web 1.30: tried in Chromium 156",
    file="onnx",
    activations=("static", "dynamic", "weight_only"),
    weight_formats=ONNX_FORMATS,
    granularities=("tensor", "channel"),
    activation_formats=("uint8", "int8"),
    dynamic_weight_formats={"Conv": ("int8", "uint8"), "MatMul": ("int8", "uint8"), "Gemm": ("int8", "uint8")},
    opsets=(7, 26),
    reasons={
        "weight_formats": "ONNX has integer types for codes only",
        "granularities": "blocks are not written yet",
        "opsets": "its newest release is older than the newest operator set",
        "dynamic_weight_formats": "its integer products take 8 bits only",
    },
)

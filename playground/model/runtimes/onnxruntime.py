"""ONNX Runtime on a CPU."""

from playground.model.recipe import ONNX_FORMATS
from playground.model.runtimes._runtime import Runtime

RUNTIME = Runtime(
    id="onnxruntime",
    name="ONNX Runtime (CPU)",
    summary="Integer kernels for QDQ graphs, MatMulInteger and ConvInteger for dynamic ones.",
    source="onnxruntime 1.32: tried with the native package; docs/ContribOperators and OperatorKernels",
    file="onnx",
    activations=("static", "dynamic", "weight_only"),
    weight_formats=ONNX_FORMATS,
    granularities=("tensor", "channel"),
    activation_formats=("uint8", "int8"),
    dynamic_weight_formats={"Conv": ("int8", "uint8"), "MatMul": ("int8", "uint8"), "Gemm": ("int8", "uint8")},
    opsets=(7, 28),
    reasons={
        "weight_formats": "ONNX has integer types for codes only",
        "granularities": "blocks are not written yet",
        "activation_formats": "QuantizeLinear saturates at 8 bits in its integer kernels",
        "dynamic_weight_formats": "its integer products take 8 bits only",
    },
)

"""ONNX Runtime: ``onnxruntime.quantization`` chooses the parameters, ``QuantizeLinear`` makes the codes."""

from __future__ import annotations

from playground.convention_rules._convention import Convention

CONVENTION = Convention(
    id="onnxruntime",
    title="ONNX Runtime",
    source="onnxruntime 1.32: quantization.quant_utils.compute_scale_zp, and ONNX QuantizeLinear",
    url="https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/python/tools/quantization/quant_utils.py",
    qparams_dtype="float64",
    min_scale=2.0**-126,  # the smallest normal float32
    below_min_scale="one",
    zero_point_below_min="zero",
    symmetric_narrow_formats=frozenset({"int8"}),  # ONNX_INT_TYPE_SYMMETRIC_RANGE has no int4
)

"""ONNX as specified: ``DynamicQuantizeLinear`` and ``QuantizeLinear``, as its reference evaluator computes them."""

from __future__ import annotations

from playground.convention_rules._convention import Convention

CONVENTION = Convention(
    id="onnx_spec",
    title="ONNX specification",
    source="onnx 1.23: DynamicQuantizeLinear (opset 11), QuantizeLinear (opset 25), reference evaluator",
    url="https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html",
    below_min_scale="unit_range",
)

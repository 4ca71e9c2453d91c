"""TFLite (LiteRT): ai-edge-quantizer, whose files the runtime reads."""

from __future__ import annotations

from playground.convention_rules._convention import Convention

CONVENTION = Convention(
    id="tflite",
    title="TFLite (LiteRT)",
    source="ai-edge-quantizer 0.10: uniform_quantize_tensor.tensor_zp_scale_from_min_max and uniform_quantize",
    url="https://github.com/google-ai-edge/ai-edge-quantizer/blob/main/ai_edge_quantizer/algorithms/uniform_quantize/uniform_quantize_tensor.py",
    min_range=1e-9,
    symmetric_reach="largest_code",
    symmetric_narrow_from=8,  # the runtime's int8 kernels have no -128 in weights; with fewer bits a code is too dear
    zero_point_before_rounding=True,
    block_scale_formats=("bf16", "fp16"),  # XNNPACK reads bfloat16, the file holds float16
)

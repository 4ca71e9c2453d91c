"""ggml (llama.cpp): ``quantize_row_*_ref``, which gguf-py follows bit for bit."""

from __future__ import annotations

from playground.convention_rules._convention import Convention

CONVENTION = Convention(
    id="ggml",
    title="ggml (llama.cpp)",
    source="gguf 0.19: gguf.quants, after ggml-quants.c quantize_row_*_ref",
    url="https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c",
    symmetric_reach="largest_code",
    quotient="reciprocal",
    rounding="half_away",  # C's roundf
    codes_from="exact",  # from the scale before it becomes a half
)

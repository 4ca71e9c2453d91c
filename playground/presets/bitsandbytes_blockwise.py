"""bitsandbytes with maps of eight bits: its optimizers' states, and the scales of NF4 when they are quantized too."""

from __future__ import annotations

from dataclasses import replace

from playground.presets import bitsandbytes

CONVENTION = replace(
    bitsandbytes.CONVENTION,
    id="bitsandbytes_blockwise",
    title="bitsandbytes, 8 bit maps",
    source="bitsandbytes 0.50: quantize_blockwise, CPU library",
    url="https://github.com/bitsandbytes-foundation/bitsandbytes/blob/main/csrc/cpu_ops.cpp",
    quotient="divide",
    codebook_boundaries="distance",
)

"""bitsandbytes: rows of int8 and blocks of four bits, as its CPU backend computes them."""

from __future__ import annotations

from playground.convention_rules._convention import Convention

CONVENTION = Convention(
    id="bitsandbytes",
    title="bitsandbytes",
    source="bitsandbytes 0.50: int8_vectorwise_quant and quantize_4bit, default (CPU) backend",
    url="https://github.com/bitsandbytes-foundation/bitsandbytes/blob/main/bitsandbytes/backends/default/ops.py",
    symmetric_reach="largest_code",
    quotient="inverse_product",  # PyTorch forms 127 / absmax as 127 * (1 / absmax)
    min_inverted=1e-38,
    codebook_boundaries="lookup",  # of 8 bit maps; those of 4 bits part at midpoints
    codes_from="exact",
)

"""Qwix (JAX): ``qwix.quantize`` as XLA computes it on the CPU, operation by operation."""

from __future__ import annotations

from playground.convention_rules._convention import Convention

CONVENTION = Convention(
    id="qwix",
    title="Qwix (JAX)",
    source="qwix 0.1.8: qarray.compute_scale_zero_point and quantize_with_scale_zero_point, jaxlib 0.10.2 on the CPU",
    url="https://github.com/google/qwix/blob/main/qwix/_src/core/qarray.py",
    scale_arithmetic="multiply_if_several",
    min_scale=2.0**-63,  # the square root of the smallest normal float32
    min_scale_for="all",
    below_min_scale="one",
    quotient="reciprocal",  # likewise: the source divides by a scale that many values share
    zero_point_before_rounding=True,
    codebook_boundaries="distance",
)

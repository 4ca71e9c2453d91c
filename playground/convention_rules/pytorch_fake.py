"""PyTorch in training: the same observers, but fake-quantize rounds before it adds the zero-point."""

from __future__ import annotations

from dataclasses import replace

from playground.convention_rules import pytorch

CONVENTION = replace(
    pytorch.CONVENTION,
    id="pytorch_fake",
    title="PyTorch, fake-quantize",
    source="torch 2.13: ao.quantization observers, fake_quantize_per_{tensor,channel}_affine",
    url="https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/quantized/cpu/kernels/QuantizedOpKernels.cpp",
    zero_point_before_rounding=False,
    fused_granularities=frozenset(),
)

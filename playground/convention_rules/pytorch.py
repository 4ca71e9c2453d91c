"""PyTorch: the observers choose the parameters, ``torch.quantize_per_tensor`` makes the codes."""

from __future__ import annotations

from types import MappingProxyType

from playground.convention_rules._convention import Convention

CONVENTION = Convention(
    id="pytorch",
    title="PyTorch",
    source="torch 2.13: ao.quantization observers, quantize_per_tensor and quantize_per_channel (FBGEMM)",
    url="https://github.com/pytorch/pytorch/blob/main/torch/ao/quantization/observer.py",
    min_scale=2.0**-23,  # the observers' eps: torch.finfo(torch.float32).eps
    zero_point_rounding="quotient",
    symmetric_midpoint="down",
    symmetric_zero_points=MappingProxyType({"uint8": 128}),  # fixed for quint8; other ranges take the midpoint
    quotient="reciprocal",
    zero_point_before_rounding=True,
    fused_granularities=frozenset({"tensor"}),  # FBGEMM's AVX2 path; quantize_per_channel is plain C++
)

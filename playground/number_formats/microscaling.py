"""Microscaling: small floats or integers in short blocks that share a scale."""

from __future__ import annotations

from types import MappingProxyType

from playground.number_formats import floating
from playground.number_formats._block import BlockFormat
from playground.number_formats._integer import IntegerFormat

_OCP = "OCP Microscaling Formats (MX) Specification 1.0; Rouhani et al. 2023, https://arxiv.org/abs/2310.10537"
_ELEMENTS = {fmt.id: fmt for fmt in floating.FORMATS}
_POWER_OF_TWO = MappingProxyType({"format": "e8m0", "rounding": "floor"})

_MXINT8 = IntegerFormat(id="mxint8_element", title="8 bit, steps of 1/64", bits=8, step=2.0**-6, source=_OCP)


def _mx(name: str, title: str, element: str) -> BlockFormat:
    """Blocks of 32; the scale is the largest power of two in the block over the largest one that the elements have."""
    code = _ELEMENTS[element]
    return BlockFormat(
        id=name,
        title=title,
        code=code,
        block_size=32,
        scale_fields=_POWER_OF_TWO,
        reach=2.0**code.top_exponent,
        source=_OCP,
    )


FORMATS = (
    _mx("mxfp8_e4m3", "MXFP8 E4M3", "fp8_e4m3"),
    _mx("mxfp8_e5m2", "MXFP8 E5M2", "fp8_e5m2"),
    _mx("mxfp6_e3m2", "MXFP6 E3M2", "fp6_e3m2"),
    _mx("mxfp6_e2m3", "MXFP6 E2M3", "fp6_e2m3"),
    _mx("mxfp4", "MXFP4", "fp4_e2m1"),
    BlockFormat(
        id="mxint8",
        title="MXINT8",
        code=_MXINT8,
        block_size=32,
        scale_fields=_POWER_OF_TWO,
        reach=1.0,
        source=_OCP,
    ),
    BlockFormat(
        id="nvfp4",
        title="NVFP4",
        code=_ELEMENTS["fp4_e2m1"],
        block_size=16,
        scale_fields=MappingProxyType({"format": "fp8_e4m3", "scaled": True}),
        least_scale=2.0**-6,  # E4M3's smallest normal number, as torchao has it
        source="NVIDIA 2025, Pretraining LLMs with NVFP4, https://arxiv.org/abs/2509.25149; torchao NVFP4Tensor",
    ),
)

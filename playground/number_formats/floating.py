"""Floating point: the types of processors, and those of 4, 6 and 8 bits."""

from __future__ import annotations

from playground.number_formats._float import FloatFormat

_IEEE = "IEEE 754-2019"
_OCP_FP8 = (
    "OCP 8-bit Floating Point Specification (OFP8) 1.0; Micikevicius et al. 2022, https://arxiv.org/abs/2209.05433"
)
_OCP_MX = "OCP Microscaling Formats (MX) Specification 1.0"
_FNUZ = "Noune et al. 2022, https://arxiv.org/abs/2206.02915; ONNX FLOAT8E4M3FNUZ and FLOAT8E5M2FNUZ"

FORMATS = (
    FloatFormat(
        id="fp32",
        title="FP32",
        bits=32,
        exponent_bits=8,
        mantissa_bits=23,
        bias=127,
        infinity=True,
        nan="ieee",
        source=f"{_IEEE} binary32",
    ),
    FloatFormat(
        id="tf32",
        title="TF32",
        bits=32,
        exponent_bits=8,
        mantissa_bits=10,
        bias=127,
        infinity=True,
        nan="ieee",
        padding=13,
        source="NVIDIA A100 whitepaper 2020: 19 bits, kept in 32",
    ),
    FloatFormat(
        id="fp16",
        title="FP16",
        bits=16,
        exponent_bits=5,
        mantissa_bits=10,
        bias=15,
        infinity=True,
        nan="ieee",
        source=f"{_IEEE} binary16",
    ),
    FloatFormat(
        id="bf16",
        title="BF16",
        bits=16,
        exponent_bits=8,
        mantissa_bits=7,
        bias=127,
        infinity=True,
        nan="ieee",
        source="Kalamkar et al. 2019, https://arxiv.org/abs/1905.12322",
    ),
    FloatFormat(
        id="fp8_e4m3",
        title="FP8 E4M3",
        bits=8,
        exponent_bits=4,
        mantissa_bits=3,
        bias=7,
        nan="all_ones",
        source=f"{_OCP_FP8}; ONNX FLOAT8E4M3FN",
    ),
    FloatFormat(
        id="fp8_e5m2",
        title="FP8 E5M2",
        bits=8,
        exponent_bits=5,
        mantissa_bits=2,
        bias=15,
        infinity=True,
        nan="ieee",
        source=f"{_OCP_FP8}; ONNX FLOAT8E5M2",
    ),
    FloatFormat(
        id="fp8_e4m3fnuz",
        title="FP8 E4M3 FNUZ",
        bits=8,
        exponent_bits=4,
        mantissa_bits=3,
        bias=8,
        nan="negative_zero",
        source=_FNUZ,
    ),
    FloatFormat(
        id="fp8_e5m2fnuz",
        title="FP8 E5M2 FNUZ",
        bits=8,
        exponent_bits=5,
        mantissa_bits=2,
        bias=16,
        nan="negative_zero",
        source=_FNUZ,
    ),
    FloatFormat(id="fp6_e3m2", title="FP6 E3M2", bits=6, exponent_bits=3, mantissa_bits=2, bias=3, source=_OCP_MX),
    FloatFormat(id="fp6_e2m3", title="FP6 E2M3", bits=6, exponent_bits=2, mantissa_bits=3, bias=1, source=_OCP_MX),
    FloatFormat(
        id="fp4_e2m1",
        title="FP4 E2M1",
        bits=4,
        exponent_bits=2,
        mantissa_bits=1,
        bias=1,
        source=f"{_OCP_MX}; ONNX FLOAT4E2M1",
    ),
    FloatFormat(
        id="e8m0",
        title="E8M0, powers of two",
        bits=8,
        signed=False,
        exponent_bits=8,
        mantissa_bits=0,
        bias=127,
        nan="all_ones",
        subnormals=False,
        source=f"{_OCP_MX}: the format of its scales",
    ),
)

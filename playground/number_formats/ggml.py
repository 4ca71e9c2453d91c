"""GGUF's block formats: Q4_0 .. Q8_0, the K-quants, and IQ4_NL."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from playground.number_formats import _ggml, _ggml_k, integer
from playground.number_formats._block import BlockFormat, Procedure
from playground.number_formats._codebook import CodebookFormat

_SOURCE = "ggml: ggml-quants.c, ggml-common.h; gguf-py: gguf.quants"
_INTEGERS = {fmt.id: fmt for fmt in integer.FORMATS}
_HALF: dict[str, Any] = {"format": "fp16"}
_TABLE = CodebookFormat(
    id="iq4_nl_element", title="table of IQ4_NL", bits=4, values=tuple(map(float, _ggml_k.IQ4_NL)), source=_SOURCE
)


def _plain(name: str, element: str, procedure: Procedure) -> BlockFormat:
    return BlockFormat(
        id=name,
        title=name.upper(),
        code=_INTEGERS[element],
        block_size=_ggml.SIZE,
        scale_fields=MappingProxyType(_HALF),
        procedure=procedure,
        source=_SOURCE,
    )


def _k_quant(name: str, element: str, sub: int, scale: str) -> BlockFormat:
    """Scales of sub-blocks are codes in steps of one fp16 number a super-block."""
    fields = {
        "format": scale,
        "granularity": "block",
        "axis": -1,
        "block_size": _ggml_k.SUPER // sub,
        "scale_scheme": _HALF,
    }
    return BlockFormat(
        id=name,
        title=name.upper(),
        code=_INTEGERS[element],
        block_size=sub,
        scale_fields=MappingProxyType(fields),
        procedure=_ggml_k.PROCEDURES[name],
        source=f"{_SOURCE}; ggml pull request 1684",
    )


FORMATS = (
    _plain("q8_0", "int8", _ggml.eight_bits()),
    _plain("q5_1", "uint5", _ggml.with_offset(5)),
    _plain("q5_0", "int5", _ggml.symmetric(5)),
    _plain("q4_1", "uint4", _ggml.with_offset(4)),
    _plain("q4_0", "int4", _ggml.symmetric(4)),
    _k_quant("q6_k", "int6", 16, "int8"),
    _k_quant("q5_k", "uint5", 32, "uint6"),
    _k_quant("q4_k", "uint4", 32, "uint6"),
    _k_quant("q3_k", "int3", 16, "int6"),
    _k_quant("q2_k", "uint2", 16, "uint4"),
    BlockFormat(
        id="iq4_nl",
        title="IQ4_NL",
        code=_TABLE,
        block_size=_ggml.SIZE,
        scale_fields=MappingProxyType(_HALF),
        procedure=_ggml_k.PROCEDURES["iq4_nl"],
        source=_SOURCE,
    ),
)

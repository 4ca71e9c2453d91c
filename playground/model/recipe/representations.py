"""The forms in which an ONNX file holds a quantized graph, and what has to be so for operators on codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from playground.errors import InvalidInputError, one_of
from playground.model.recipe.schemes import ONNX_FORMATS
from playground.quantization import Scheme

if TYPE_CHECKING:
    from playground.model.recipe import Recipe

REPRESENTATIONS = ("qdq", "qoperator")
"""Pairs of QuantizeLinear and DequantizeLinear come first: what reads quantized ONNX files knows them."""

OPERATORS = REPRESENTATIONS[1]

LEAST_BLOCK = 16
"""Values in the smallest block of MatMulNBits."""


def representation_id(given: Any) -> str:
    """The id of a representation, in any case of letters (InvalidInputError)."""
    found = given.lower() if isinstance(given, str) else given
    if found in REPRESENTATIONS:
        return str(found)
    raise InvalidInputError(
        f"{given!r} is not a valid representation", where="representation", hint=one_of(str(given), REPRESENTATIONS)
    )


def is_block_size(values: int) -> bool:
    """Whether MatMulNBits has blocks of so many values."""
    return values >= LEAST_BLOCK and values & (values - 1) == 0


def without_operators(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """The schemes of weights that no operator on codes takes: where, what, and what to do."""
    if recipe.representation != OPERATORS or recipe.activations == "dynamic":
        return
    for where, scheme in recipe.weight_schemes():
        if recipe.activations == "static":
            if scheme.format in ONNX_FORMATS and scheme.number_format.bits == 4:
                what = f"operators on codes (QOperator) take a byte a weight, and {scheme.format} has two in it"
                yield where, what, "Use int8 weights, or representation='qdq'"
        elif found := _about_block(scheme):
            yield where, *found


def _about_block(scheme: Scheme) -> tuple[str, str] | None:
    """What keeps MatMulNBits from a scheme, and what to do."""
    instead = "or representation='qdq'"
    plain = scheme.scale_scheme is None and not scheme.centre and scheme.rotation is None and scheme.zero_in_range
    if scheme.format not in ONNX_FORMATS or not plain or scheme.zero_rule != "integer":
        what = f"MatMulNBits, the operator of weights alone (QOperator), takes no such {scheme.format} weights"
        return what, f"Use 'int4' or 'int8' in blocks, {instead}"
    if scheme.granularity == "tensor":
        what = "MatMulNBits, the operator of weights alone (QOperator), has a scale for each block or channel"
        return what, f"Use granularity='block', block_size=32, {instead}"
    size = scheme.block_size
    if scheme.granularity == "block" and size is not None and not is_block_size(size):
        return f"MatMulNBits has no blocks of {size}", f"Use 16, 32, 64 or another power of two, {instead}"
    return None

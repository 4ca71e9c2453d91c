"""What a quantized file takes, and why it is not smaller where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from playground.units import size

if TYPE_CHECKING:
    from playground.ptq.report import QuantizedTensor


def why_not_smaller(before: int, after: int, tensors: Sequence[QuantizedTensor], left: Iterable[int]) -> str:
    """Why a file is not smaller than the one that was read, in one sentence; empty if it is, or none was read.

    Args:
        before: bytes of the file that was read; 0: there was none.
        after: bytes of the file that was written.
        tensors: what was quantized.
        left: bytes of the tensors that stay as they were.
    """
    if not before or after < before:
        return ""
    stored, kept = sum(tensor.bytes_stored for tensor in tensors), sum(left)
    compact = sum(tensor.bytes_before for tensor in tensors if 8 * tensor.bytes_before < 32 * tensor.parameters)
    scales = sum(tensor.bytes_after - _packed(tensor) for tensor in tensors)
    causes = {
        "of tensors stayed as they were": kept,
        "are names, metadata and operators that say how values are quantized": max(0, after - stored - kept),
        "are codes in a type that is wider than they are": sum(max(0, t.bytes_stored - t.bytes_after) for t in tensors),
        "are scales and zero-points": scales,
        "had less than 32 bits a value before": compact,
    }
    largest = sorted((cause for cause in causes.items() if cause[1] > 0), key=lambda cause: -cause[1])[:3]
    told = ", ".join(f"{size(nbytes)} {cause}" for cause, nbytes in largest)
    return f"The file is not smaller ({size(before)} before, {size(after)} now): {told}."


def _packed(tensor: QuantizedTensor) -> int:
    """Bytes of the codes alone."""
    from playground.number_formats import FORMATS

    return FORMATS[tensor.scheme["format"]].packed_nbytes(tensor.parameters)

"""How much smaller a quantized file is than the one that was read: the file itself first, then its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playground.render.html import Number
from playground.render.numbers import digits
from playground.units import size


def file_told(report: Mapping[str, Any]) -> str:
    """One sentence.

    Args:
        report: as ``analysis.report_json.report_data`` gives it.
    """
    before, after = report["file_bytes_before"], report["file_bytes"]
    tensors = _times(report["bytes_before"], report["bytes_after"])
    if not before:
        return f"The file has {size(after)}; its tensors are {tensors}."
    sizes = f"{size(before)} before, {size(after)} now"
    if after < before:
        return f"The file is {_times(before, after)} ({sizes}); its tensors are {tensors}."
    larger = "larger than before" if after > before else "no smaller"
    return f"The file is {larger} ({sizes}); its tensors are {tensors}."


def before_number(file_bytes: int, tensor_bytes: int) -> Number:
    """The card of the file that was read; ``file_bytes``: 0 if the model was in memory."""
    if not file_bytes:
        return Number("Size", size(tensor_bytes), "tensors in the file")
    return Number("Size", size(file_bytes), f"file; its tensors {size(tensor_bytes)}")


def after_number(report: Mapping[str, Any]) -> Number:
    """The card of the file that was written: good where the file is smaller, bad where it has grown.

    Args:
        report: as ``analysis.report_json.report_data`` gives it.
    """
    before, after = report["file_bytes_before"], report["file_bytes"]
    tensors = f"its tensors ÷\N{NO-BREAK SPACE}{digits(report['bytes_before'] / max(1, report['bytes_after']))}"
    if not before:
        return Number("Quantized", size(after), f"file; {tensors}")
    if after > before:
        return Number("Quantized", size(after), f"file × {digits(after / before)}; {tensors}", "worse")
    tone = "better" if after < before else ""
    return Number(
        "Quantized", size(after), f"file ÷\N{NO-BREAK SPACE}{digits(before / max(1, after))}; {tensors}", tone
    )


def _times(before: int, after: int) -> str:
    if before > after:
        return f"{digits(before / max(1, after))} times smaller"
    return "as large as before" if before == after else f"{digits(after / max(1, before))} times larger"

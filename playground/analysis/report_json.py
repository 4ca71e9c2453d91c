"""A quantization's report as the page, the command line and a file take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playground.errors import plural

if TYPE_CHECKING:
    from playground.ptq.pipeline import QuantizedModel


def report_data(result: QuantizedModel) -> dict[str, Any]:
    """The report as plain data, with a ``summary`` of one sentence; ``refused`` says if its runtime refuses it."""
    data = result.report.as_dict()
    found = result.report.verification
    return data | {"summary": summary(data), "refused": found.sentence if found is not None and found.refused else ""}


def summary(data: dict[str, Any]) -> str:
    """What was quantized and how the size changed, in one sentence."""
    done, skipped = len(data["tensors"]), len(data["skipped"])
    ratio = data["bytes_before"] / max(1, data["bytes_after"])
    left = f", {skipped} left in float" if skipped else ""
    before, after = (size(data[key]) for key in ("bytes_before", "bytes_after"))
    return f"{plural(done, 'weight tensor')} quantized{left}; {before} became {after} as stored, ÷ {ratio:.2f}."


def size(count: float) -> str:
    """Bytes with unit and three significant digits: ``1.08 MB``; what would round to 1 000 takes the next unit."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= 0.9995 * factor:
            return f"{count / factor:#.3g}".rstrip(".") + f" {unit}"
    return f"{count:.0f} B"

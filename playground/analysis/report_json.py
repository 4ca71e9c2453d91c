"""A quantization's report as the page, the command line and a file take it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playground.errors import plural
from playground.units import size

if TYPE_CHECKING:
    from playground.ptq.pipeline import QuantizedModel
    from playground.ptq.without_graph import QuantizedTensors


def report_data(result: QuantizedModel | QuantizedTensors) -> dict[str, Any]:
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
    file = ""
    if data.get("file_bytes_before"):
        file = f" The file had {size(data['file_bytes_before'])} and has {size(data['file_bytes'])}."
    return f"{plural(done, 'weight tensor')} quantized{left}; {before} became {after} packed, ÷ {ratio:.2f}.{file}"

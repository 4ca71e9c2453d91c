"""Orders of an image's axes: TFLite has the channels last, ONNX has them first."""

from __future__ import annotations

FIRST = (0, 3, 1, 2)
"""From channels last to channels first."""

LAST = (0, 2, 3, 1)
"""And back."""


def as_first(axis: int) -> int:
    """Where an axis of an image is, with the channels first."""
    return FIRST.index(axis)

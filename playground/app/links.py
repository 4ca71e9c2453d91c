"""What a link asks for, where it names too little or what is not there."""

from __future__ import annotations

from collections.abc import Iterator

from playground import gallery
from playground.settings import Settings

_TOGETHER = (
    ("zero_point",),
    ("lo", "hi"),
    ("lo", "hi", "zero_point"),
    ("axis",),
    ("block_size",),
    ("calibrator_parameters",),
    ("calibrator", "percentile"),
    ("narrow_range", "symmetric"),
    ("granularity", "axis", "block_size"),
    ("convention",),
    ("format",),
    ("tensor",),
    ("answer",),
    ("model", "tensor"),
)
"""Settings that can be wrong only with others: what is left out of a link first comes first."""


def with_defaults(settings: Settings) -> Iterator[Settings]:
    """The settings with one group after the other at its defaults, where it is not yet."""
    default = Settings()
    for names in _TOGETHER:
        changes = {name: getattr(default, name) for name in names}
        if any(getattr(settings, name) != value for name, value in changes.items()):
            yield settings.with_(**changes)


def first_tensor_of(key: str) -> str:
    """The tensor that a model is shown with first; empty: its largest."""
    return gallery.entries()[key].tensor if key in gallery.entries() else ""


def asked(settings: Settings) -> Settings:
    """A link that names the model alone means the tensor that this model is shown with first."""
    default = Settings()
    if settings.tensor == default.tensor and settings.model != default.model:
        return settings.with_(tensor=first_tensor_of(settings.model))
    return settings

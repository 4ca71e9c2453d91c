"""The Run view's samples with both models' answers: those whose answer changed first, each of which can be loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from playground import gallery
from playground.analysis.sample_answers import CLASSES, TOKENS, SampleAnswer, sample_answers
from playground.app.model_jobs import ModelJobs
from playground.app.workspace import Workspace
from playground.engines.fitting import fitted
from playground.errors import InvalidInputError, MissingError, plural

MOST, FEW = 48, 12
"""Samples whose answer changed that are shown; and how many are shown if there are fewer of these."""


def answers_shown(workspace: Workspace) -> dict[str, Any]:
    """What the page's grid shows.

    Returns:
        ``{"title", "hint", "samples": [{"index", "original", "quantized", "same", "label", "pixels"}]}``; the grey
        levels are those of a digit, else there are none. Without a comparison there are no samples.
    """
    compared = workspace.shown("compared")
    found = sample_answers(compared) if compared is not None else ()
    changed = [answer for answer in found if not answer.same]
    same = [answer for answer in found if answer.same]
    first = [*changed[:MOST], *same[: max(0, FEW - len(changed))]]
    images = gallery.digits().images if _reads_digits(workspace) and found else None
    kind = compared.quantized.kind if compared is not None else CLASSES
    title, hint = _told(kind, len(changed), len(found))
    return {"title": title, "hint": hint, "samples": [_plain(answer, images) for answer in first]}


def _told(kind: str, changed: int, count: int) -> tuple[str, str]:
    """What the samples are, and which of them are shown."""
    far = "" if kind in (CLASSES, TOKENS) else " by more than a tenth of their power"
    noun = "answer" if kind == CLASSES else "text" if kind == TOKENS else "output"
    title = f"{changed} of {plural(count, noun)} changed{far}" if changed else f"No {noun} changed{far}"
    which = "Those that changed come first." if changed else f"These are the first of {plural(count, 'sample')}."
    return title, f"{which} Click one to load it."


def _reads_digits(workspace: Workspace) -> bool:
    key = workspace.settings.model
    return key in gallery.entries() and gallery.entry(key).data.id == "digits"


def _plain(answer: SampleAnswer, images: Any) -> dict[str, Any]:
    told = {name: getattr(answer, name) for name in ("index", "original", "quantized", "same", "label")}
    pixels = [] if images is None else np.round(images[answer.index].reshape(-1), 3).tolist()
    return told | {"pixels": pixels}


def sample_feeds(models: ModelJobs, index: Any) -> Mapping[str, Any]:
    """The inputs of one of the samples that the open model is measured on.

    Raises:
        MissingError: there are no samples. InvalidInputError: there is none of that number.
    """
    samples, _ = models.measured_on()
    if samples is None:
        raise MissingError("there are no samples", where="sample", hint="Choose calibration data in the Model view")
    held, axes = fitted(models.graph(), samples)
    count = axes.count(held)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        raise InvalidInputError(
            f"there is no sample {index!r}", where="sample", hint=f"Use a whole number below {count}"
        )
    return axes.part(held, index, index + 1)

"""The forms in which detectors give boxes: one output with scores beside the boxes, or an output for each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import operators
from playground.analysis.answer_kinds._evidence import Array, Evidence, named_like
from playground.analysis.answer_kinds._kind import Outputs

BOX_NAMES, SCORE_NAMES = ("box", "loc", "rect"), ("score", "conf", "logit", "prob", "class", "cls")
LABEL_NAMES = ("label", "class", "cls")
FINISHED = 6
"""Columns of a list of finished boxes: corners, score, class."""

MOSTLY = 0.5
"""Share of the places at which there is nothing, at least."""

LEAST_PLACES = 8
"""Places at which a detector looks, at least: fewer than that is something else."""


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of one sample: corners (n, 4) as left, top, right, bottom; scores (n,) in 0 to 1; classes (n,)."""

    corners: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]

    @property
    def parts(self) -> tuple[NDArray[Any], ...]:
        """All three."""
        return self.corners, self.scores, self.classes


@dataclass(frozen=True, slots=True)
class BoxForm:
    """Which outputs hold boxes, and how they are read: outputs -> the boxes of each sample."""

    outputs: tuple[str, ...]
    why: str
    boxes: Callable[[Outputs], list[Boxes]]


def box_form(evidence: Evidence, chosen: bool) -> BoxForm | None:
    """The form of a model's boxes; None if it gives none."""
    return _separate(evidence, chosen) or _joined(evidence, chosen)


def _joined(evidence: Evidence, chosen: bool) -> BoxForm | None:
    """One output of (samples, 4 + classes, places), (samples, places, 5 + classes) or (samples, boxes, 6)."""
    for name, x in evidence.floats().items():
        if x.ndim != 3 or x.shape[0] != evidence.samples or min(x.shape[1:]) < 5 or max(x.shape[1:]) < LEAST_PLACES:
            continue
        last = x.shape[2] <= x.shape[1]
        places = x if last else np.swapaxes(x, 1, 2)
        columns = places.shape[2]
        if last and columns == FINISHED and _whole(places[..., 5]):
            return BoxForm((name,), f"output {name!r} lists corners, a score and a class", _finished(name))
        if chosen or _is_detector(evidence, name, places):
            objectness = last and columns > FINISHED - 1
            scores = columns - 4 - objectness
            parts = f"4 numbers of a box{', whether there is something,' if objectness else ''} and {scores} scores"
            about = f"output {name!r} has {parts} at each of {places.shape[1]} places"
            centred = not _are_corners(places[..., :4].reshape(-1, 4))
            return BoxForm((name,), about, _places(name, last=last, objectness=objectness, centred=centred))
    return None


def _is_detector(evidence: Evidence, name: str, places: Array) -> bool:
    """Whether the columns behind the first four are scores, and those are not alike."""
    boxes, scores = places[..., :4], places[..., 4:]
    if scores.min() < 0 or scores.max() > 1 or boxes[..., 2:4].min() < 0:
        return False
    if evidence.is_softmax(name):
        return False
    joined = evidence.maker(name) is operators.concat.OPERATOR
    return bool(boxes.max() > 1.5) or joined or named_like(name, BOX_NAMES)


def _whole(column: Array) -> bool:
    """Whether values are numbers of classes."""
    return bool(column.min() >= 0 and np.array_equal(column, np.round(column)))


def _are_corners(boxes: Array) -> bool:
    """Whether all boxes read as two corners, the second below and to the right of the first."""
    return bool((boxes[:, 2] >= boxes[:, 0]).all() and (boxes[:, 3] >= boxes[:, 1]).all())


def _corners(boxes: Array, *, centred: bool) -> NDArray[np.float64]:
    found = boxes.astype(np.float64)
    if not centred:
        return found
    half = found[..., 2:4] / 2
    return np.concatenate([found[..., :2] - half, found[..., :2] + half], axis=-1)


def _finished(name: str) -> Callable[[Outputs], list[Boxes]]:
    def boxes(outputs: Outputs) -> list[Boxes]:
        x = outputs[name].astype(np.float64)
        return [Boxes(rows[:, :4], rows[:, 4], np.round(rows[:, 5]).astype(np.int64)) for rows in x]

    return boxes


def _places(name: str, *, last: bool, objectness: bool, centred: bool) -> Callable[[Outputs], list[Boxes]]:
    def boxes(outputs: Outputs) -> list[Boxes]:
        x = outputs[name] if last else np.swapaxes(outputs[name], 1, 2)
        scores = x[..., 4 + objectness :].astype(np.float64)
        if objectness:
            scores = scores * x[..., 4:5]
        corners = _corners(x[..., :4], centred=centred)
        return [Boxes(c, s.max(axis=1), s.argmax(axis=1)) for c, s in zip(corners, scores, strict=True)]

    return boxes


def _separate(evidence: Evidence, chosen: bool) -> BoxForm | None:
    """An output of (samples, boxes, 4) or (boxes, 4), one of scores for each box, perhaps one of their classes."""
    floats = evidence.floats()
    wide = [name for name, x in floats.items() if x.ndim in (2, 3) and x.shape[-1] == 4 and len(x) > 0]
    named = [name for name in wide if named_like(name, BOX_NAMES)]
    if len(wide) != 1 and len(named) != 1:
        return None
    place = (named or wide)[0]
    lead = floats[place].shape[:-1]
    fitting = [name for name, x in floats.items() if name != place and x.shape[: len(lead)] == lead]
    fitting = [name for name in fitting if floats[name].ndim in (len(lead), len(lead) + 1)]
    scored = [name for name in fitting if named_like(name, SCORE_NAMES)] or (fitting if named or chosen else [])
    if not scored:
        return None
    score = scored[0]
    labels = [name for name, x in evidence.outputs.items() if x.shape == lead and name not in (place, score)]
    label = next((name for name in labels if named_like(name, LABEL_NAMES)), None)
    used = (place, score, label) if label else (place, score)
    why = f"output {place!r} holds boxes, and {score!r} their scores"
    pair = _Pair(
        place,
        score,
        label,
        centred=not _are_corners(floats[place].reshape(-1, 4)),
        batched=len(lead) > 1,
        background=_background(evidence, score) if floats[score].ndim > len(lead) else None,
    )
    return BoxForm(used, why, pair)


def _background(evidence: Evidence, name: str) -> int | None:
    """The class that stands for nothing, where scores add up to one or are logits of such; None if there is none."""
    x = evidence.outputs[name]
    count = x.shape[-1]
    softmax = evidence.is_softmax(name)
    if count < 2 or (not softmax and x.min() >= 0 and x.max() <= 1):
        return None
    tops = x.argmax(axis=-1)
    ends = (0, count - 1) if softmax else (count - 1,)
    return next((end for end in ends if (tops == end).mean() >= MOSTLY), None)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Reads boxes and scores from two outputs, and classes from a third if there is one."""

    place: str
    score: str
    label: str | None
    centred: bool
    batched: bool
    background: int | None

    def __call__(self, outputs: Outputs) -> list[Boxes]:
        """The boxes of each sample."""
        corners = _corners(outputs[self.place], centred=self.centred)
        scores = self._probabilities(outputs[self.score].astype(np.float64))
        if scores.ndim == corners.ndim:
            best, classes = scores.max(axis=-1), scores.argmax(axis=-1)
        else:
            best, classes = scores, np.zeros(scores.shape, np.int64)
        if self.label is not None:
            classes = np.round(outputs[self.label]).astype(np.int64)
        if not self.batched:
            return [Boxes(corners, best, classes)]
        return [Boxes(*parts) for parts in zip(corners, best, classes, strict=True)]

    def _probabilities(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        logits = bool(scores.size) and bool(scores.min() < 0 or scores.max() > 1)
        if self.background is not None:
            if logits:
                shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
                scores = shares / shares.sum(axis=-1, keepdims=True)
            scores = scores.copy()
            scores[..., self.background] = 0
            return scores
        found: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(scores, -60, 60))) if logits else scores
        return found

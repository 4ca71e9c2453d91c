"""Two model files, tensor by tensor: what matches, how far the values are apart, what each takes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from playground import metrics
from playground.analysis.dequantized import both_real_tensors
from playground.analysis.renaming import proposed
from playground.errors import MissingError, PlaygroundError
from playground.model.graph import Model, Tensor
from playground.tasks import Progress, Task


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor that both files have, under names that match, with the same shape.

    Attributes:
        name: in the first file.
        other: its name in the second one.
        shape: sizes of its axes.
        dtypes: how each file stores it.
        bytes: what it takes in each.
        sqnr_db: signal of the first to the difference, dB; infinite if there is none.
        mse: mean squared difference.
        max_error: the largest absolute difference.
        cosine: cosine similarity.
        problem: why the values were not compared; then the numbers are None.
    """

    name: str
    other: str
    shape: tuple[int, ...]
    dtypes: tuple[str, str]
    bytes: tuple[int, int]
    sqnr_db: float | None = None
    mse: float | None = None
    max_error: float | None = None
    cosine: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class OtherShape:
    """A tensor that both files have, in different shapes."""

    name: str
    other: str
    shapes: tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models compared.

    Attributes:
        pairs: matched tensors of real numbers, the worst first: by signal to difference.
        other_shapes: tensors whose names match and whose shapes do not.
        missing: names of real tensors that the second file lacks.
        added: names of real tensors that the first file lacks.
        proposal: patterns of names by which more tensors would match, where few do.
    """

    pairs: tuple[Pair, ...]
    other_shapes: tuple[OtherShape, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    proposal: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The comparison as plain data that JSON can hold."""
        return asdict(self)


def comparison_task(a: Model, b: Model, rename: Callable[[str], str] = str) -> Task[Comparison]:
    """Compare two models; values are read a pair at a time.

    Args:
        a: the model that is measured against, mostly the float one.
        b: the other.
        rename: the name in ``b`` of a tensor in ``a``.

    Raises:
        MissingError: no tensor of one is in the other.
    """
    first, second = both_real_tensors(a, b, rename)
    names = {name: rename(name) for name in first}
    both = {name: other for name, other in names.items() if other in second}
    same = {name: other for name, other in both.items() if first[name].shape == second[other].shape}
    proposal = proposal_of(first, second, names)
    if not both:
        written = " ".join(f"--rename {shlex.quote(pattern)}" for pattern in proposal)
        raise MissingError(
            f"no tensor of {a.name} is in {b.name}",
            where="compare",
            hint=f"Their shapes fit with {written}"
            if written
            else r"State how names differ: --rename '^model\.(.*)=\1', for instance",
        )
    pairs = []
    for index, (name, other) in enumerate(same.items()):
        yield Progress(index, len(same), f"Comparing {name}")
        pairs.append(_pair(first[name], second[other]))
    found = set(both.values())
    return Comparison(
        tuple(sorted(pairs, key=_harm)),
        tuple(
            OtherShape(name, other, (first[name].shape, second[other].shape))
            for name, other in both.items()
            if name not in same
        ),
        tuple(name for name in first if name not in both),
        tuple(name for name in second if name not in found),
        proposal,
    )


def proposal_of(
    first: Mapping[str, Tensor], second: Mapping[str, Tensor], names: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Patterns by which more tensors would match, where few do.

    Args:
        first: the real tensors of one file.
        second: those of the other.
        names: what the first ones are called in the second, if that was said; then nothing is proposed that has to be
            added to it.
    """
    if names is not None and any(name != other for name, other in names.items()):
        return ()
    return proposed(*({name: tensor.shape for name, tensor in held.items()} for held in (first, second)))


def _harm(pair: Pair) -> tuple[float, int]:
    """Sorts what could not be compared first, then by the difference in proportion to the values, then by size."""
    return (-np.inf if pair.sqnr_db is None else pair.sqnr_db, -int(np.prod(pair.shape)))


def _pair(a: Tensor, b: Tensor) -> Pair:
    made = Pair(a.name, b.name, a.shape, (a.dtype, b.dtype), (a.nbytes, b.nbytes))
    if not a.size:
        return replace(made, problem="it has no values")
    try:
        found = metrics.compare(a.numpy(), b.numpy())
    except PlaygroundError as error:
        return replace(made, problem=error.what)
    return replace(
        made,
        sqnr_db=found["sqnr_db"],
        mse=found["mse"],
        max_error=found["max_error"],
        cosine=found["cosine"],
    )


def file_data(name: str, model: Model, nbytes: int) -> dict[str, Any]:
    """What is told of one of the two files, as plain data; ``nbytes`` are those of the file."""
    return {"file": name, "format": model.format, "bytes": nbytes, "notes": list(model.notes)}

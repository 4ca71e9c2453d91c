"""TfIdfVectorizer: how often runs of words occur, weighted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from playground.errors import InvalidInputError, UnsupportedError
from playground.operators._attributes import Attribute, text
from playground.operators._operator import Operator, Takes
from playground.programs.call import Array, Call


def run(call: Call, x: Array) -> Array:
    """For each row of words (columns,) or (rows, columns), how often each run of the pool occurs, float32.

    Raises:
        InvalidInputError: the pool, its counts and its indices do not fit each other.
        UnsupportedError: words are texts.
    """
    if "pool_strings" in call.attributes:
        raise UnsupportedError("TfIdfVectorizer of texts is not supported", hint="Use engine='onnxruntime'")
    if x.ndim not in (1, 2):
        raise InvalidInputError(f"a value of {x.ndim} axes holds no rows of words", hint="Give it 1 or 2 axes")
    indices = [int(n) for n in call.get("ngram_indexes")]
    width = max(indices, default=-1) + 1
    rows = np.atleast_2d(x)
    call.room.value((len(rows), width), np.float32)
    call.room.work(x.size * _longest(call) ** 2 * (min(int(call.get("max_skip_count")), rows.shape[1]) + 1))
    places = _places(call, indices)
    counts = np.zeros((len(rows), width), np.float32)
    for row, words in zip(counts, rows, strict=True):
        for run_of_words, times in Counter(_runs(call, [int(word) for word in words])).items():
            if run_of_words in places:
                row[places[run_of_words]] += times
    return _weighted(call, counts, indices).reshape(*x.shape[:-1], width)


def _longest(call: Call) -> int:
    return max(0, min(int(call.get("max_gram_length")), len(call.get("ngram_counts"))))


def _places(call: Call, indices: Sequence[int]) -> dict[tuple[int, ...], int]:
    """Runs of words -> their column. The pool holds all of one word, then all of two, and so on."""
    pool, starts = [int(word) for word in call.get("pool_int64s", ())], [int(n) for n in call.get("ngram_counts")]
    if any(a > b for a, b in zip([0, *starts], [*starts, len(pool)], strict=True)):
        raise InvalidInputError(f"{starts} are not where runs begin in {len(pool)} words", hint="Use rising numbers")
    found = [
        tuple(pool[at : at + size])
        for size, (start, end) in enumerate(zip(starts, [*starts[1:], len(pool)], strict=True), 1)
        for at in range(start, end - size + 1, size)
    ]
    if len(found) != len(indices):
        raise InvalidInputError(
            f"{len(indices)} indices do not fit {len(found)} runs of words", hint="Give one for each"
        )
    return dict(zip(found, indices, strict=True))


def _runs(call: Call, words: list[int]) -> Iterator[tuple[int, ...]]:
    """Runs of the lengths that count, with up to so many words skipped between two of them."""
    for size in range(int(call.get("min_gram_length")), _longest(call) + 1):
        # A run of one word skips none
        widest = min(int(call.get("max_skip_count")), len(words)) + 1 if size > 1 else 1
        for step in range(1, widest + 1):
            for start in range(len(words) - step * (size - 1)):
                yield tuple(words[start : start + step * (size - 1) + 1 : step])


def _weighted(call: Call, counts: Array, indices: list[int]) -> Array:
    how, weights = text(call.get("mode")), call.get("weights")
    factors = np.ones(counts.shape[1], np.float32)
    if weights is not None and len(weights):
        if len(weights) != len(indices):
            raise InvalidInputError(f"{len(weights)} weights do not fit {len(indices)} runs", hint="Give one for each")
        factors[indices] = np.asarray(weights, np.float32)
    if how == "TF":
        return counts
    return counts * factors if how == "TFIDF" else np.where(counts > 0, factors, np.float32(0))


OPERATOR = Operator(
    name="TfIdfVectorizer",
    versions=(9, None),
    run=run,
    attributes=(
        Attribute("max_gram_length", "int", required=True, low=1),
        Attribute("max_skip_count", "int", required=True, low=0),
        Attribute("min_gram_length", "int", required=True, low=1),
        Attribute("mode", "string", required=True, choices=("TF", "IDF", "TFIDF")),
        Attribute("ngram_counts", "ints", required=True, low=0),
        Attribute("ngram_indexes", "ints", required=True, low=0),
        Attribute("pool_int64s", "ints", low=-(2**63), high=2**63 - 1),
        Attribute("weights", "floats"),
    ),
    data=(),
    takes=(Takes.INDICES,),
    ranks=(1, 2),
)

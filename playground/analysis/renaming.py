"""How the names of tensors in one file become those in another: patterns, given or proposed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from playground.errors import InvalidInputError, typed

Shapes = Mapping[str, tuple[int, ...]]
Rename = Callable[[str], str]
Patterns = tuple[str, ...]

MOST_PATTERNS = 4
"""Patterns of a proposal from which on none is added."""

MOST_NAMES, MOST_PARTNERS = 48, 16
"""Names that affixes are looked for in, and names of the same shape that each is held against."""

MOST_CANDIDATES = 16
"""Beginnings and ends that are tried on all names: those that most of the names have that are looked at."""

SEPARATORS = ("/", ".", "_")


def renamed(patterns: Sequence[str]) -> Rename:
    """What names of the first file are in the second, by patterns ``REGEX=REPLACEMENT`` that are applied in order.

    Raises:
        InvalidInputError: a pattern has no ``=``, or is not a regular expression.
    """
    pairs = []
    for pattern in patterns:
        regex, equals, replacement = pattern.rpartition("=")
        if not equals or not regex:
            raise InvalidInputError(
                f"{pattern!r} is not REGEX=REPLACEMENT", where="rename", hint=r"Write '^model\.(.*)=\1', for instance"
            )
        with typed(InvalidInputError, f"{pattern!r} is not a regular expression", where="rename", hint="Correct it"):
            compiled = re.compile(regex)
            compiled.sub(replacement, "")
        pairs.append((compiled, replacement))

    def rename(name: str) -> str:
        """The name that is looked for."""
        for regex, replacement in pairs:
            name = regex.sub(replacement, name)
        return name

    return rename


def proposed(first: Shapes, second: Shapes) -> Patterns:
    """Patterns by which more names match, where few do: other separators, other beginnings, other ends.

    Args:
        first: name -> shape, of one file.
        second: of the other.

    Returns:
        What :func:`renamed` takes; empty where half of the names match as they are, or nothing was found.
    """
    least = min(len(first), len(second))
    start = _count(str, first, second)
    if not least or 2 * start >= least:
        return ()
    found, count = Patterns(), start
    while len(found) < MOST_PATTERNS and count < least:
        counts = {step: _count(renamed(step), first, second) for step in _steps(found, first, second)}
        # of equally good ones the shortest
        step = max(counts, key=lambda step: (counts[step], -len("".join(step))), default=found)
        gained = counts.get(step, 0) - count
        # one name can be turned into any other
        if gained < 1 or (gained == 1 and least > 1):
            break
        found, count = step, count + gained
    return found if count >= 2 * start else ()


def _count(rename: Rename, first: Shapes, second: Shapes) -> int:
    """How many names of the first file are in the second with the same shape, each but once."""
    return len({other for name, shape in first.items() if second.get(other := rename(name)) == shape})


def _steps(found: Patterns, first: Shapes, second: Shapes) -> Iterator[Patterns]:
    """Patterns with some more that could make names equal: another separator, and what is around names then."""
    for separated in ((), *_separators(list(map(renamed(found), first)), second)):
        begun = (*found, *separated)
        if separated:
            yield begun
        for more in _around(begun, first, second):
            yield (*begun, *more)


def _separators(names: Iterable[str], others: Iterable[str]) -> Iterator[Patterns]:
    have, want = "".join(names), "".join(others)
    for one in SEPARATORS:
        for other in SEPARATORS:
            if one != other and one in have and other in want:
                yield (f"{re.escape(one)}={other}",)


def _around(found: Patterns, first: Shapes, second: Shapes) -> Iterator[Patterns]:
    """The beginnings and ends that most of those names differ in that are looked at, both at once or one alone."""
    rename = renamed(found)
    names = {rename(name): shape for name, shape in first.items()}
    left = [name for name, shape in names.items() if second.get(name) != shape]
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for name, shape in second.items():
        if names.get(name) != shape:
            by_shape.setdefault(shape, []).append(name)
    votes = Counter[Patterns]()
    for name in _spread(left, MOST_NAMES):
        partners = by_shape.get(names[name], ())
        if len(partners) > MOST_PARTNERS:
            partners = sorted(partners, key=lambda other: _alike(name, other))[:MOST_PARTNERS]
        for other in partners:
            votes.update(_affixes(name, other))
    for patterns, _ in votes.most_common(MOST_CANDIDATES):
        yield patterns


def _alike(name: str, other: str) -> tuple[bool, int]:
    """Sorts what may be the same tensor first: the same numbers in the name, about as long."""
    numbers = re.findall(r"\d+", name), re.findall(r"\d+", other)
    return numbers[0] != numbers[1], abs(len(name) - len(other))


def _spread(names: Sequence[str], most: int) -> Iterable[str]:
    """At most so many of some names, from all of the list."""
    return names[:: max(1, -(-len(names) // most))]


def _affixes(name: str, other: str) -> Iterator[Patterns]:
    """The patterns that turn what is around the longest common part of two names; nothing where it is short."""
    match = SequenceMatcher(None, name, other, autojunk=False).find_longest_match()
    if not match.size or 3 * match.size < min(len(name), len(other)):
        return
    begins, ends = (name[: match.a], other[: match.b]), (name[match.a + match.size :], other[match.b + match.size :])
    # what replaces something ends with the last equals sign
    begin = (f"^{re.escape(begins[0])}={_literal(begins[1])}",) if begins[0] != begins[1] else ()
    end = (f"{re.escape(ends[0])}$={_literal(ends[1])}",) if ends[0] != ends[1] else ()
    yield from dict.fromkeys(filter(None, ((*begin, *end), begin, end))) if "=" not in f"{begins[1]}{ends[1]}" else ()


def _literal(text: str) -> str:
    r"""A text as a replacement: ``\`` starts a reference there."""
    return text.replace("\\", r"\\")

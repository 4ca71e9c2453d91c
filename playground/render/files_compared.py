"""Two files compared, A and B, in sentences: how many tensors match, which differs most, what the files take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playground.errors import cut, plural
from playground.render.numbers import digits, size

MOST_OF_A_NAME = 60


def sentence(found: Mapping[str, Any]) -> str:
    """The result in one sentence.

    Args:
        found: what ``playground compare --json`` prints: both files, and a comparison.
    """
    pairs = found["pairs"]
    if not pairs and not found["other_shapes"]:
        return _nothing_in_common(found)
    told = [_matched(pairs), _sizes(found["a"]["bytes"], found["b"]["bytes"])]
    alone = ((len(found["missing"]), "only in A"), (len(found["added"]), "only in B"))
    told += [f"{plural(count, 'tensor')} {where}" for count, where in alone if count]
    if shapes := found["other_shapes"]:
        told.append(f"{plural(len(shapes), 'tensor')} in both with another shape")
    return "; ".join(filter(None, told)) + "."


def _matched(pairs: Sequence[Mapping[str, Any]]) -> str:
    if not pairs:
        return "No tensor matches by name and shape"
    count = f"{plural(len(pairs), 'tensor')} {'matches' if len(pairs) == 1 else 'match'} by name and shape"
    worst = next((pair for pair in pairs if not pair["problem"]), None)
    if unread := sum(bool(pair["problem"]) for pair in pairs):
        count = f"{count}, {unread} could not be compared"
    if worst is None:
        return count
    if worst["max_error"] == 0:
        return f"{count}; {'the others have' if unread else 'they have'} equal values"
    return f"{count}; {named(worst['name'])} differs most (SQNR {digits(worst['sqnr_db'])} dB)"


def _sizes(a: int, b: int) -> str:
    """What the files take; nothing of models that are in no file."""
    if not a or not b:
        return ""
    ratio, way = (a / b, "smaller") if a > b else (b / a, "larger")
    return f"{size(a)} → {size(b)} ({f'{digits(ratio)} times {way}' if a != b else 'equal in size'})"


def _nothing_in_common(found: Mapping[str, Any]) -> str:
    told = [f"No tensor of {found['a']['file']} has the name of one in {found['b']['file']}"]
    if found["missing"] and found["added"]:
        told.append(f"A has {named(found['missing'][0])}, B {named(found['added'][0])}")
    return ": ".join(told) + (". Below is how they match." if found["proposal"] else ". Write below how names differ.")


def of_pair(pair: Mapping[str, Any]) -> str:
    """One tensor in both files, in a sentence; or why its values were not compared."""
    other = "" if pair["other"] == pair["name"] else f" beside {named(pair['other'])}"
    name = f"{named(pair['name'])}{other}"
    stored = f"{' → '.join(pair['dtypes'])}, {' → '.join(map(size, pair['bytes']))}"
    if pair["problem"]:
        return f"{name} ({stored}) was not compared: {pair['problem']}."
    if pair["max_error"] == 0:
        return f"{name}: {stored}; all values are equal."
    apart = f"SQNR {digits(pair['sqnr_db'])} dB, largest difference {digits(pair['max_error'])}"
    return f"{name}: {stored}; {apart}."


def named(name: str) -> str:
    """A tensor's name as it stands in a sentence."""
    return cut(name, MOST_OF_A_NAME)

"""Patterns of names: given, and proposed where few names match."""

import pytest

from playground.analysis.renaming import proposed, renamed
from playground.errors import InvalidInputError

LAYERS = {
    **{f"layers.{n}.{part}.weight": (16, 16) for n in range(6) for part in ("query", "key", "value")},
    **{f"layers.{n}.up.weight": (64, 16) for n in range(6)},
    **{f"layers.{n}.norm.bias": (16,) for n in range(6)},
    "table.weight": (100, 16),
}


def other(change):
    return {change(name): shape for name, shape in LAYERS.items()}


@pytest.mark.parametrize(
    ("change", "patterns"),
    [
        (lambda name: f"model.{name}", ("^=model.",)),
        (lambda name: f"model.{name}.data", ("^=model.", "$=.data")),
        (lambda name: name.replace(".", "/") + ":0", (r"\.=/", "$=:0")),
        (lambda name: f"text\\1.{name}", ("^=text\\\\1.",)),
    ],
)
def test_beginnings_ends_and_separators_are_found_both_ways(change, patterns):
    second = other(change)
    found = proposed(LAYERS, second)
    assert set(found) == set(patterns)
    for a, b in ((LAYERS, second), (second, LAYERS)):
        rename = renamed(proposed(a, b))
        assert {rename(name): shape for name, shape in a.items()} == b


def test_a_beginning_of_most_names_is_found_where_some_have_another():
    second = other(lambda name: f"decoder.{name}" if name.startswith("layers") else "embed.tokens")
    (pattern,) = proposed(LAYERS, second)
    assert sum(renamed([pattern])(name) in second for name in LAYERS) == len(LAYERS) - 1


def test_nothing_is_proposed_where_names_match_or_nothing_does():
    half = other(lambda name: name if "weight" in name else f"x.{name}")
    assert proposed(LAYERS, half) == ()
    assert proposed(LAYERS, {}) == proposed({}, {}) == ()
    assert proposed(LAYERS, {"a": (3, 3), "b": (4, 4)}) == ()
    assert proposed(LAYERS, {f"model.{name}": (1, *shape) for name, shape in LAYERS.items()}) == ()


def test_one_tensor_is_enough_if_it_is_all_there_is():
    assert proposed({"fc.weight": (2, 3)}, {"model.fc.weight": (2, 3)}) == ("^=model.",)
    assert proposed({"fc.weight": (2, 3)}, {"zzz": (2, 3)}) == ()


def test_names_are_not_put_together():
    first = {"a.w": (2,), "b.w": (2,), "c.w": (2,)}
    second = {"x.w": (2,), "y.q": (3,), "z.q": (3,)}
    assert proposed(first, second) == ()


def test_thousands_of_names_of_one_shape():
    first = {f"model.layers.{n}.mlp.experts.{e}.down.weight": (8, 8) for n in range(40) for e in range(64)}
    second = {name.removeprefix("model.") + "_quantized": shape for name, shape in first.items()}
    rename = renamed(proposed(first, second))
    assert {rename(name) for name in first} == set(second)


def test_what_is_no_pattern_is_refused():
    with pytest.raises(InvalidInputError, match="REGEX=REPLACEMENT"):
        renamed(["model"])
    with pytest.raises(InvalidInputError, match="not a regular expression"):
        renamed(["(=x"])

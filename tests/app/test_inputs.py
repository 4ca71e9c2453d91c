"""What a visitor may give a model to run on."""

import numpy as np
import pytest

from playground import gallery
from playground.app.inputs import as_feeds, digit_of, read_feeds
from playground.errors import BadFileError, InvalidInputError
from playground.model.graph import Graph, ValueInfo


def graph(*inputs):
    return Graph("g", tuple(ValueInfo(*given) for given in inputs), (), (), {}, 17)


TWO = graph(("a", "float32", ("batch", 2)), ("b", "int64", None))


def test_feeds_from_lists():
    feeds = as_feeds({"a": [[1, 2.5]], "b": 7, "other": "ignored"}, TWO)
    assert {name: (x.dtype.name, x.tolist()) for name, x in feeds.items()} == {
        "a": ("float32", [[1, 2.5]]), "b": ("int64", 7),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "'a' is missing"),
        ({"a": [[1, 2]]}, "'b' is missing"),
        ({"c": 1}, r"the arrays are c\. Use the names a, b"),
        ({"a": [[1, 2], [3]], "b": 1}, "a: the nested lists do not form an array"),
        ({"a": [[1, 2, 3]], "b": 1}, r"\[1, 3\]"),
        ({"a": [[1, float("nan")]], "b": 1}, "a: the array has NaN"),
        ({"a": np.zeros((0, 2)), "b": 1}, "a: the array is empty"),
        ({"a": [["x", "y"]], "b": 1}, "'a'"),
        ({"a": [[1, 2]], "b": 1.5}, "'b'"),
    ],
)
def test_feeds_that_do_not_fit(given, words):
    with pytest.raises(InvalidInputError, match=words):
        as_feeds(given, TWO)


def test_feeds_from_a_file(files):
    feeds = read_feeds(files.npz(a=np.ones((3, 2)), b=np.int64(4), more=np.ones(9)), TWO)
    assert {name: x.shape for name, x in feeds.items()} == {"a": (3, 2), "b": ()}
    with pytest.raises(BadFileError):
        read_feeds(files.source(b"nonsense", "x.npz"), TWO)


def test_a_held_out_digit():
    digits = gallery.digits()
    pixels, sentence = digit_of({"index": 361})
    np.testing.assert_array_equal(pixels, digits.images[1:2])
    assert sentence == f"Sample 2 is a {digits.labels[1]}. "


@pytest.mark.parametrize("shape", [(64,), (8, 8), (1, 1, 8, 8)])
def test_a_drawn_digit(shape):
    drawn = np.linspace(0, 1, 64).reshape(shape)
    pixels, sentence = digit_of({"pixels": drawn.tolist(), "index": 3})
    assert (pixels.shape, pixels.dtype, sentence) == ((1, 1, 8, 8), np.float32, "")
    np.testing.assert_array_equal(pixels.ravel(), drawn.ravel().astype(np.float32))


@pytest.mark.parametrize(
    "content", [{}, {"index": None}, {"index": 1.5}, {"pixels": None}, {"pixels": [0.0] * 63},
                {"pixels": [float("inf")] * 64}, {"pixels": ["a"] * 64}, {"pixels": [[1], [2, 3]]}],
)  # fmt: skip
def test_no_digit(content):
    with pytest.raises(InvalidInputError):
        digit_of(content)

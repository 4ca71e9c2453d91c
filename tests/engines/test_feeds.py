import numpy as np
import pytest

from playground.engines.feeds import checked_feeds
from playground.errors import InvalidInputError
from playground.model.graph import Graph, ValueInfo

GRAPH = Graph("g", (ValueInfo("x", "float32", ("batch", 3)), ValueInfo("n", "int64", None)), (), (), {}, 17)


def test_types_are_made_to_fit() -> None:
    fed = checked_feeds(GRAPH, {"n": np.int32([1]), "x": np.zeros((2, 3))})
    assert list(fed) == ["x", "n"]
    assert (fed["x"].dtype, fed["n"].dtype) == (np.float32, np.int64)
    assert checked_feeds(GRAPH, {"n": 1, "x": [[1, 2, 3]]})["x"].shape == (1, 3)


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ({"x": np.zeros((2, 3))}, "'n' is missing"),
        ({"x": np.zeros((2, 3)), "n": 1, "z": 1}, "no input 'z'. Use one of: x, n"),
        ({"x": np.zeros((2, 4)), "n": 1}, r"shape \[2, 4\] does not fit this input. Give shape \[batch, 3\]"),
        ({"x": np.zeros(3), "n": 1}, r"shape \[3\]"),
        ({"x": np.zeros((2, 3)), "n": 1.5}, "an array of float64 does not fit this input. Give int64"),
        ({"x": np.array([["a", "b", "c"]]), "n": 1}, "does not fit this input. Give float32"),
    ],
)
def test_refuses(feeds: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        checked_feeds(GRAPH, feeds)  # type: ignore[arg-type]


def test_what_was_checked_is_not_checked_again() -> None:
    fed = checked_feeds(GRAPH, {"n": 1, "x": [[1, 2, 3]]})
    assert checked_feeds(GRAPH, fed) is fed
    assert checked_feeds(GRAPH.with_(name="same inputs"), fed) is fed
    assert fed.shapes == {"x": (1, 3), "n": ()}
    narrower = GRAPH.with_(inputs=(ValueInfo("x", "float32", ("batch", 2)), GRAPH.inputs[1]))
    with pytest.raises(InvalidInputError, match=r"shape \[1, 3\]"):
        checked_feeds(narrower, fed)

"""Labels beside samples: which are taken, and what is said of those that do not fit."""

import numpy as np
import pytest

from playground.analysis.labels import checked_labels, require_classes, taken_from
from playground.errors import InvalidInputError
from playground.model.graph import Graph, ValueInfo


def graph(output=(None, 10), inputs=("image",)):
    taken = tuple(ValueInfo(name, "float32", (None, 4)) for name in inputs)
    return Graph("g", taken, (ValueInfo("y", "float32", output),), (), {}, {"": 17})


def test_they_are_taken_out_unless_the_model_has_an_input_of_that_name():
    arrays = {"image": np.zeros(3), "labels": np.arange(3)}
    assert taken_from(dict(arrays), graph(inputs=("image", "labels"))) is None
    np.testing.assert_array_equal(taken_from(arrays, graph()), np.arange(3))
    assert list(arrays) == ["image"]
    assert taken_from(arrays, graph()) is None


@pytest.mark.parametrize("output", [(None, 10), ("n", "classes"), (1, 10), None])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_whole_numbers_of_any_type_become_int64(output, dtype):
    found = checked_labels(np.array([0, 9, 3], dtype), 3, graph(output), "x.npz")
    assert found.dtype == np.int64
    assert found.tolist() == [0, 9, 3]


def test_one_label_a_position():
    assert checked_labels(np.zeros((3, 5), np.int64), 3, graph((None, 5, 70)), "x.npz").shape == (3, 5)


BAD = {
    "float": (np.zeros(3, np.float32), (None, 10), "labels of type float32"),
    "text": (np.array(["a", "b", "c"]), (None, 10), "labels of type <U1"),
    "too few": (np.zeros(2, np.int64), (None, 10), r"labels of shape \(2,\) do not fit 3 samples"),
    "one for all": (np.int64(3), (None, 10), r"labels of shape \(\) do not fit 3 samples"),
    "negative": (np.array([0, -1, 2]), None, "labels from -1 on"),
    "too large": (np.array([0, 10, 2]), (None, 10), "labels from 0 to 10 do not fit 10 classes"),
    "a column": (np.zeros((3, 1), np.int64), (None, 10), r"labels of shape \(3, 1\) do not fit an output"),
    "other positions": (np.zeros((3, 4), np.int64), (None, 5, 10), r"labels of shape \(3, 4\) do not fit an output"),
    "no classes": (
        np.zeros(3, np.int64),
        (None, 1),
        r"labels of shape \(3,\) do not fit an output of shape \(None, 1\)",
    ),
    "one output": (np.zeros(3, np.int64), (None,), r"labels of shape \(3,\) do not fit an output of shape \(None,\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused(case):
    labels, output, message = BAD[case]
    with pytest.raises(InvalidInputError, match=f"^x.npz: {message}"):
        checked_labels(labels, 3, graph(output), "x.npz")


def test_an_open_size_fits_any():
    require_classes(np.array([[4, 500]]), (None, None, None), "x.npz")

"""Both models' answers, sample by sample."""

import numpy as np
import pytest

from playground.analysis.agreement import Batch, compared
from playground.analysis.sample_answers import sample_answers
from playground.gallery import open_model
from playground.operators import view_of

VIEW = view_of(open_model("digits-mlp").required_graph())
NAME = VIEW.graph.outputs[0].name


def of(floats, quantized, labels=None, choice="classes"):
    batch = Batch({NAME: floats}, {NAME: quantized}, labels, len(floats))
    return sample_answers(compared(VIEW, [batch], "ours", choice))


def logits(*tops):
    return np.eye(10, dtype=np.float32)[list(tops)] * 10


def test_classes_with_their_probability_and_label():
    found = of(logits(3, 7, 1), logits(3, 9, 1), np.array([3, 7, 2]))
    assert [(a.index, a.same, a.label) for a in found] == [(0, True, "3"), (1, False, "7"), (2, True, "2")]
    assert (found[1].original, found[1].quantized) == ("7 (100\u00a0%)", "9 (100\u00a0%)")


def test_indices_go_on_over_batches():
    batches = [Batch({NAME: logits(1, 2)}, {NAME: logits(1, 3)}, None, 2) for _ in range(2)]
    found = sample_answers(compared(VIEW, batches, "ours", "classes"))
    assert [a.index for a in found if not a.same] == [1, 3]


@pytest.mark.parametrize(("error", "same"), [(0.01, True), (1.0, False)])
def test_values_have_changed_if_their_error_is_large(error, same):
    x = np.linspace(-1, 1, 20, dtype=np.float32).reshape(2, 10)
    found = of(x, x + np.float32(error), choice="values")
    assert [a.same for a in found] == [same, same]
    assert found[0].original == "\u22121, \u22120.895, \u22120.789, …"


def test_what_was_not_kept_is_not_told():
    whole = compared(VIEW, [Batch({NAME: logits(1)}, {NAME: logits(1)}, None, 1)], "ours", "classes")
    assert len(sample_answers(whole)) == 1
    object.__setattr__(whole, "batches", ())
    assert sample_answers(whole) == ()

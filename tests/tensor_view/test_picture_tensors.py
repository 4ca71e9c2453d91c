"""Which tensors the Tensor view takes: any rank, any axis, constants; and what it refuses."""

import numpy as np
import pytest

from playground.errors import InvalidInputError, MissingError
from playground.model.graph import Model, Tensor
from playground.settings import Settings
from playground.tensor_view.picture import channel_axis, picture_of
from playground.tensor_view.subject import largest_tensor, quantizable, subject_of

RNG = np.random.default_rng(6)


def model_of(**arrays):
    return Model("npz", "mine.npz", {name: Tensor.of(name, np.asarray(a)) for name, a in arrays.items()})


def report_of(values, **changes):
    return picture_of(subject_of(model_of(w=values), "w"), Settings().with_(**changes))


@pytest.mark.parametrize("shape", [(7,), (1,), (3, 1), (2, 3, 4), (4, 3, 2, 2)])
@pytest.mark.parametrize("axis", [-16, -1, 0, 1, 3, 15])
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_any_rank_and_any_axis(shape, axis, granularity):
    values = RNG.normal(size=shape).astype(np.float32)
    report, x_hat = report_of(values, format="int8", granularity=granularity, axis=axis)
    assert report.axis == channel_axis(Settings(axis=axis), len(shape))
    assert report.channels == shape[report.axis]
    assert report.scales == (shape[report.axis] if granularity == "channel" else 1)
    assert x_hat.shape == shape
    assert np.abs(x_hat - values).max() <= report.scale / 2 * 1.001


@pytest.mark.parametrize(
    ("axis", "rank", "expected"), [(0, 2, 0), (1, 2, 1), (3, 2, 1), (-1, 2, 1), (-2, 2, 0), (-5, 2, 0), (1, 1, 0)]
)
def test_channel_axis_is_the_nearest_there_is(axis, rank, expected):
    assert channel_axis(Settings(axis=axis), rank) == expected


@pytest.mark.parametrize("value", [0.0, 0.5, -3.0, 1e-30, 1e30])
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_constant_tensors(value, granularity):
    report, x_hat = report_of(np.full((4, 3), value, np.float32), format="int8", granularity=granularity)
    assert report.counts.sum() == (12 if granularity == "tensor" else 3)
    assert report.scale > 0
    assert np.isfinite(report.levels).all()
    if abs(value) > 1e-6:
        np.testing.assert_allclose(x_hat, value, rtol=1e-2)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.float32])
def test_other_floats_are_worked_on_as_float32(dtype):
    report, x_hat = report_of(np.asarray([1, 2, -3], dtype), format="int8")
    assert x_hat.dtype == np.float32
    assert report.bytes_before == 12


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_are_refused(bad):
    values = np.ones((40, 25), np.float32)
    values[3, 4] = bad
    with pytest.raises(InvalidInputError, match=r"w: .*1 of 1000.*\[3, 4\]"):
        subject_of(model_of(w=values), "w")


@pytest.mark.filterwarnings("ignore:overflow")
def test_too_wide_a_range_is_refused():
    with pytest.raises(InvalidInputError):
        report_of(np.ones(3), lo=-3.4e38, hi=3.4e38)


def test_what_can_be_looked_at():
    model = model_of(
        scalar=np.float32(1), empty=np.zeros((0, 3), np.float32), whole=np.arange(99), small=np.ones(3, np.float16),
        large=np.ones((2, 3)), flags=np.ones(20, bool),
    )  # fmt: skip
    assert quantizable(model) == ("small", "large")
    assert largest_tensor(model) == "large"
    for name in ("scalar", "empty", "whole", "flags", "nothing"):
        with pytest.raises(MissingError, match=name):
            subject_of(model, name)


def test_a_model_without_such_tensors():
    with pytest.raises(MissingError, match=r"mine\.npz: the model has no floating-point tensor"):
        largest_tensor(model_of(whole=np.arange(99)))

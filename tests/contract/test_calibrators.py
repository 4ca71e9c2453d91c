"""Every calibrator keeps these promises; a new one is tested by existing."""

import numpy as np
import pytest

import playground
from playground import Scheme, calibration
from playground.errors import InvalidInputError

each_calibrator = pytest.mark.parametrize("calibrator", list(playground.calibrators()))
both_symmetries = pytest.mark.parametrize("symmetric", [True, False])


def batches(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [rng.normal(0.3, 1 + i, (10, 15, 10)).astype(np.float32) for i in range(count)]


@each_calibrator
@both_symmetries
@pytest.mark.parametrize("count", [1, 3])
def test_a_range_lies_within_what_was_seen_or_its_mirror_image(calibrator: str, symmetric: bool, count: int) -> None:
    state = calibration.start(Scheme(symmetric=symmetric, calibrator=calibrator))
    for batch in batches(count):
        state.update(batch)
    found = state.range()
    seen = np.concatenate(batches(count))
    assert found.lo.shape == found.hi.shape == (1, 1, 1)
    assert found.lo.dtype == found.hi.dtype == np.float32
    assert found.lo.item() < found.hi.item()
    if playground.calibrators()[calibrator].within_extremes:
        widest = np.abs(seen).max()
        assert -widest <= found.lo.item() < found.hi.item() <= widest
        if not symmetric:
            assert seen.min() <= found.lo.item() < found.hi.item() <= seen.max()


@each_calibrator
@both_symmetries
@pytest.mark.parametrize(("axis", "count"), [(0, 3), (1, 1), (-1, 3)])
def test_channels_do_not_touch_each_other(calibrator: str, symmetric: bool, axis: int, count: int) -> None:
    scheme = Scheme(granularity="channel", axis=axis, symmetric=symmetric, calibrator=calibrator)
    state = calibration.start(scheme)
    alone = [calibration.start(Scheme(symmetric=symmetric, calibrator=calibrator)) for _ in range(15)]
    for batch in batches(count):
        state.update(batch)
        for i in range(batch.shape[axis]):
            alone[i].update(batch.take(i, axis))
    found = state.range()
    assert found.lo.shape == scheme.qparams_shape(batches(1)[0].shape)
    for i, (lo, hi) in enumerate(zip(found.lo.reshape(-1), found.hi.reshape(-1), strict=True)):
        expected = alone[i].range()
        assert (lo, hi) == (expected.lo.item(), expected.hi.item())


@each_calibrator
@both_symmetries
@pytest.mark.parametrize("value", [0.0, 3.5, -2.0])
def test_a_constant_is_covered(calibrator: str, symmetric: bool, value: float) -> None:
    for count in (1, 2):
        state = calibration.start(Scheme(symmetric=symmetric, calibrator=calibrator))
        for _ in range(count):
            state.update(np.full((3, 4), value, np.float32))
        found = state.range()
        if value == 0 and not playground.calibrators()[calibrator].within_extremes:
            assert found.lo.item() <= 0 <= found.hi.item()
        else:
            bound = found.lo.item() if value < 0 else found.hi.item()
            assert bound == pytest.approx(value, rel=1e-3, abs=1e-3)


@each_calibrator
@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.zeros((0, 4), np.float32), r"batch: an array of shape \(0, 4\) has no values"),
        (np.array([1, np.nan]), r"batch: 1 of 2 values are NaN or infinite in float32, the first at \[1\]"),
        (np.array([[1.0, 2.0], [-np.inf, 3.0]]), r"batch: 1 of 4 values are NaN or infinite .* the first at \[1, 0\]"),
        (np.array(["a"]), "batch: values of type .* are not real numbers"),
    ],
)
def test_bad_batches_are_refused(calibrator: str, batch: np.ndarray, message: str) -> None:
    state = calibration.start(Scheme(calibrator=calibrator))
    with pytest.raises(InvalidInputError, match=message):
        state.update(batch)


@each_calibrator
def test_a_state_without_batches_or_with_unlike_ones_says_so(calibrator: str) -> None:
    state = calibration.start(Scheme(granularity="channel", axis=1, calibrator=calibrator))
    with pytest.raises(InvalidInputError, match="the calibrator has seen no batch"):
        state.range()
    state.update(np.ones((2, 3)))
    with pytest.raises(InvalidInputError, match=r"a batch of shape \(2, 4\) needs scales of shape \(1, 4\)"):
        state.update(np.ones((2, 4)))
    state.update(np.ones((9, 3)))  # only channels have to agree


@each_calibrator
def test_parameters_have_usable_defaults_and_bounds(calibrator: str) -> None:
    for parameter in playground.calibrators()[calibrator].parameters:
        assert parameter.minimum <= parameter.default <= parameter.maximum
        for value in (parameter.minimum - 1, parameter.maximum + 1, "many", True):
            with pytest.raises(InvalidInputError, match=f"{parameter.name}: .* is out of bounds"):
                calibration.start(Scheme(calibrator=calibrator, calibrator_args={parameter.name: value}))
    with pytest.raises(InvalidInputError, match="has no parameter 'nonsense'"):
        calibration.start(Scheme(calibrator=calibrator, calibrator_args={"nonsense": 1}))


def test_an_unknown_calibrator_lists_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match=r"calibrator: 'magic' is not a calibrator\. Use one of: .*minmax"):
        calibration.start(Scheme(calibrator="magic"))


HUGE = {"widest": [-3.4e38, 0, 3.4e38], "from denormal to huge": [1e-45, 3e38]}
EXTREMES = {
    "denormal": [0, 1e-45, 3e-42, -1e-44],
    "tiny": [1e-38, -2e-38, 3e-38],
    "scalar": 2.5,
    "zeros of both signs": [0.0, -0.0],
    "integers": np.arange(-3, 9),
}


def range_of(calibrator: str, symmetric: bool, batch: np.ndarray, count: int) -> playground.Range:
    state = calibration.start(Scheme("int8" if symmetric else "uint8", symmetric=symmetric, calibrator=calibrator))
    for _ in range(count):
        state.update(batch)
    return state.range()


@each_calibrator
@both_symmetries
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_extreme_values_give_a_range(calibrator: str, symmetric: bool, count: int) -> None:
    for name, values in EXTREMES.items():
        found = range_of(calibrator, symmetric, np.asarray(values), count)
        assert np.isfinite([found.lo, found.hi]).all(), name


@each_calibrator
@both_symmetries
@pytest.mark.parametrize("name", HUGE)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_huge_values_give_a_range_or_a_reason(calibrator: str, symmetric: bool, name: str) -> None:
    reasons = []
    for count in (1, 2):
        try:
            found = range_of(calibrator, symmetric, np.asarray(HUGE[name]), count)
        except InvalidInputError as error:
            reasons.append(str(error))
        else:
            assert np.isfinite([found.lo, found.hi]).all()
    assert all("too large for a histogram in float32" in reason for reason in reasons)
    assert not reasons or calibrator != "minmax"

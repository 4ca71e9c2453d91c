import itertools

import numpy as np
import pytest

from playground.ptq.adaround import Options, adaround_work
from playground.ptq.gptq import gptq_work
from playground.work import drain
from tests.ptq.layers import layer


def best_of_all_roundings(W: np.ndarray, H: np.ndarray, grid: object) -> np.ndarray:
    """The least error of each output over every way to round its weights up or down."""
    low, high = grid.scheme.limits  # type: ignore[attr-defined]
    steps = W / grid.scale + grid.zero  # type: ignore[attr-defined]
    least = np.full(W.shape[1], np.inf)
    for ups in itertools.product((0, 1), repeat=W.shape[2]):
        codes = np.clip(np.floor(steps) + np.array(ups), low, high)
        error = grid.values(codes) - W  # type: ignore[attr-defined]
        least = np.minimum(least, np.einsum("goi,gij,goj->o", error, H, error))
    return least


@pytest.mark.parametrize("fmt", ["int3", "int4"])
def test_small_layers_come_close_to_the_best_rounding_there_is(fmt: str) -> None:
    left = []
    for seed in range(5):
        made = layer(seed, 12, 8, fmt, 100)
        best = best_of_all_roundings(made.W, made.H, made.grid).sum()
        nearest, found = made.error(made.nearest), made.error(drain(adaround_work(made.W, made.H, made.grid)))
        assert best <= found * (1 + 1e-9)
        left.append((found - best) / (nearest - best))
    assert max(left) < 0.4
    assert np.mean(left) < 0.2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fmt", ["int3", "int4", "uint4"])
def test_outputs_err_much_less_than_with_round_to_nearest(seed: int, fmt: str) -> None:
    made = layer(seed, 24, 48, fmt, 500)
    codes = drain(adaround_work(made.W, made.H, made.grid))
    assert made.error(codes) < 0.6 * made.error(made.nearest)
    assert made.error(codes) < 1.4 * made.error(drain(gptq_work(made.W, made.H, made.grid)))


def test_every_code_is_a_neighbour_of_its_value_or_the_last_one() -> None:
    made = layer(7, fmt="int3")
    W = made.W * 1.5  # beyond the grid's ends
    codes = drain(adaround_work(W, made.H, made.grid))
    assert (np.abs(codes - np.clip(W / made.grid.scale, *made.grid.scheme.limits)) < 1).all()
    low, high = made.grid.scheme.limits
    assert low <= codes.min()
    assert codes.max() <= high


def test_no_output_is_worse_than_with_round_to_nearest_even_after_few_steps() -> None:
    made = layer(8)
    codes = drain(adaround_work(made.W, made.H, made.grid, Options(steps=3, rate=1.0)))

    def errors(codes: np.ndarray) -> np.ndarray:
        error = made.grid.values(codes) - made.W
        return np.einsum("goi,gij,goj->go", error, made.H, error)

    assert (errors(codes) <= errors(made.nearest)).all()


def test_no_single_weight_is_better_rounded_the_other_way() -> None:
    made = layer(10, 6, 20)
    codes = drain(adaround_work(made.W, made.H, made.grid))
    floor, error = np.floor(made.W / made.grid.scale), made.error(codes)
    low, high = np.clip(floor, -8, 7), np.clip(floor + 1, -8, 7)
    for at in np.ndindex(codes.shape):
        other = codes.copy()
        other[at] = low[at] + high[at] - codes[at]
        assert made.error(other) >= error * (1 - 1e-9)


def test_weights_that_are_codes_stay() -> None:
    made = layer(9)
    W = made.grid.values(made.nearest)
    np.testing.assert_array_equal(drain(adaround_work(W, made.H, made.grid, Options(steps=50))), made.nearest)

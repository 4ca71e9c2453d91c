import itertools

import numpy as np
import pytest

from playground.ptq.algorithms._grid import Grid
from playground.ptq.algorithms.adaround import Options, _push, adaround_task, annealed
from playground.ptq.algorithms.gptq import gptq_task
from playground.tasks import Progress, run_sync
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
        nearest, found = made.error(made.nearest), made.error(run_sync(adaround_task(made.W, made.H, made.grid)))
        assert best <= found * (1 + 1e-9)
        left.append((found - best) / (nearest - best))
    assert max(left) < 0.4
    assert np.mean(left) < 0.2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fmt", ["int3", "int4", "uint4"])
def test_outputs_err_much_less_than_with_round_to_nearest(seed: int, fmt: str) -> None:
    made = layer(seed, 24, 48, fmt, 500)
    codes = run_sync(adaround_task(made.W, made.H, made.grid))
    assert made.error(codes) < 0.6 * made.error(made.nearest)
    assert made.error(codes) < 1.4 * made.error(run_sync(gptq_task(made.W, made.H, made.grid)))


@pytest.mark.parametrize("seed", range(5))
def test_descent_adds_to_its_start_and_to_four_times_the_steps_from_the_weights(seed: int) -> None:
    made = layer(seed, 24, 96, "int4", 200)
    found = made.error(run_sync(adaround_task(made.W, made.H, made.grid)))
    start = made.error(run_sync(adaround_task(made.W, made.H, made.grid, Options(steps=0))))
    column_by_column = made.error(run_sync(gptq_task(made.W, made.H, made.grid.neighbours(made.W))))
    assert found < start < column_by_column
    assert found < 1.01 * made.error(long_descent(made.W, made.H, made.grid, 200))


def long_descent(W: np.ndarray, H: np.ndarray, grid: Grid, steps: int) -> np.ndarray:
    """AdaRound as its authors have it, written out plainly in float64: Adam from the weights themselves."""
    low, high = grid.scheme.limits
    floor = np.floor(W / grid.scale + grid.zero)
    rest = np.clip(W / grid.scale + grid.zero - floor, 1e-4, 1 - 1e-4)
    V = -np.log(1.2 / (rest + 0.1) - 1)
    first, second = np.zeros_like(V), np.zeros_like(V)
    nearest = grid.values(grid.codes(W)) - W
    unit = np.einsum("goi,gij,goj->go", nearest, H, nearest).mean() / W.shape[2]
    for step in range(steps):
        sigmoid = 1 / (1 + np.exp(-V))
        h = np.clip(1.2 * sigmoid - 0.1, 0, 1)
        error = grid.values(np.clip(floor, low, high)) + grid.scale * h - W
        gradient = 2 * (error @ H) * grid.scale / unit
        if step >= 0.2 * steps:
            done = (step - 0.2 * steps) / (0.8 * steps)
            beta = 2 + 9 * (1 + np.cos(np.pi * done))
            gradient -= 16 * beta * np.abs(2 * h - 1) ** (beta - 1) * np.sign(2 * h - 1)
        gradient *= np.where((h > 0) & (h < 1), 1.2 * sigmoid * (1 - sigmoid), 0)
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        V -= 0.3 * first / (1 - 0.9 ** (step + 1)) / (np.sqrt(second / (1 - 0.999 ** (step + 1))) + 1e-8)
    return np.clip(floor + (V >= 0), low, high)


def test_beta_falls_from_where_shares_are_free_to_where_all_are_pushed() -> None:
    """Nagel et al. 2020, section 3.3, as their code has it: from 20 to 2 by half a cosine."""
    schedule = [annealed(done) for done in np.linspace(0, 1, 21)]
    assert (schedule[0], schedule[-1]) == (20, 2)
    assert schedule[10] == pytest.approx(11)
    assert (np.diff(schedule) < 0).all()
    share = np.float32([0.3])
    early, late = (abs(_push(share.copy(), beta, 1.0)[0]) for beta in (schedule[0], schedule[-1]))
    assert early < 1e-3 < late


def test_a_wide_layer_reports_its_steps_and_can_be_given_up() -> None:
    made = layer(11, 100, 1200, "int4", 50)
    work = adaround_task(made.W, made.H, made.grid)
    messages = {progress.message for progress in itertools.islice(work, 120) if isinstance(progress, Progress)}
    work.close()  # as a Cancel does
    assert messages == {"Errors of outputs", "Factoring second moments", "GPTQ"}


def test_every_code_is_a_neighbour_of_its_value_or_the_last_one() -> None:
    made = layer(7, fmt="int3")
    W = made.W * 1.5  # beyond the grid's ends
    codes = run_sync(adaround_task(W, made.H, made.grid))
    assert (np.abs(codes - np.clip(W / made.grid.scale, *made.grid.scheme.limits)) < 1).all()
    low, high = made.grid.scheme.limits
    assert low <= codes.min()
    assert codes.max() <= high


def test_no_output_is_worse_than_with_round_to_nearest_even_after_few_steps() -> None:
    made = layer(8)
    codes = run_sync(adaround_task(made.W, made.H, made.grid, Options(steps=3, rate=1.0)))

    def errors(codes: np.ndarray) -> np.ndarray:
        error = made.grid.values(codes) - made.W
        return np.einsum("goi,gij,goj->go", error, made.H, error)

    assert (errors(codes) <= errors(made.nearest)).all()


def test_no_single_weight_is_better_rounded_the_other_way() -> None:
    made = layer(10, 6, 20)
    codes = run_sync(adaround_task(made.W, made.H, made.grid))
    floor, error = np.floor(made.W / made.grid.scale), made.error(codes)
    low, high = np.clip(floor, -8, 7), np.clip(floor + 1, -8, 7)
    for at in np.ndindex(codes.shape):
        other = codes.copy()
        other[at] = low[at] + high[at] - codes[at]
        assert made.error(other) >= error * (1 - 1e-9)


def test_weights_that_are_codes_stay() -> None:
    made = layer(9)
    W = made.grid.values(made.nearest)
    np.testing.assert_array_equal(run_sync(adaround_task(W, made.H, made.grid, Options(steps=50))), made.nearest)

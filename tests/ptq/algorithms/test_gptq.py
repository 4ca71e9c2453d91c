import numpy as np
import pytest

from playground import Scheme, quantize
from playground.ptq.algorithms._grid import Grid
from playground.ptq.algorithms.gptq import Options, gptq_task
from playground.tasks import Progress, run_sync
from tests.ptq.layers import Layer, layer


def by_the_paper(W: np.ndarray, H: np.ndarray, grid: Grid, damping: float, order: np.ndarray) -> np.ndarray:
    """Algorithm 1 of Frantar et al. 2022, a column at a time: no blocks, the inverse as such. One group."""
    W, H = W[0][:, order].copy(), H[0][np.ix_(order, order)].copy()
    grid = grid.columns(order)
    H += damping * np.diag(H).mean() * np.eye(len(H))
    U = np.linalg.cholesky(np.linalg.inv(H)).T
    codes = np.empty_like(W)
    for j in range(W.shape[1]):
        for row in range(W.shape[0]):
            one = Grid(grid.scale[:, row : row + 1, j : j + 1], grid.zero[:, row : row + 1, j : j + 1], grid.scheme)
            code = one.codes(W[np.newaxis, row : row + 1, j : j + 1])
            codes[row, j] = code.item()
            error = (W[row, j] - one.values(code).item()) / U[j, j]
            W[row, j:] -= error * U[j, j:]
    return codes[:, np.argsort(order)][np.newaxis]


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["int3", "int4", "uint4", "int8", "nf4"])
@pytest.mark.parametrize(("outputs", "inputs"), [(12, 24), (5, 150), (3, 1)])
@pytest.mark.parametrize("ordered", [False, True])
def test_codes_are_those_of_the_paper(fmt: str, outputs: int, inputs: int, ordered: bool) -> None:
    made: Layer = layer(inputs, outputs, inputs, "int4" if fmt == "nf4" else fmt)
    grid = made.grid
    if fmt == "nf4":
        grid = Grid.of(
            quantize(made.W[0].astype(np.float32), Scheme("nf4", granularity="channel", axis=0)), made.matrices
        )
    order = np.argsort(-np.diag(made.H[0]), kind="stable") if ordered else np.arange(inputs)
    codes = run_sync(gptq_task(made.W, made.H, grid, Options(0.01, ordered)))
    np.testing.assert_array_equal(codes, by_the_paper(made.W, made.H, grid, 0.01, order))


def test_scales_of_blocks_stay_with_their_columns() -> None:
    made = layer(1, 6, 64)
    weight = quantize(made.W[0].astype(np.float32), Scheme("int4", granularity="block", axis=1, block_size=16))
    grid = Grid.of(weight, made.matrices)
    order = np.argsort(-np.diag(made.H[0]), kind="stable")
    codes = run_sync(gptq_task(made.W, made.H, grid))
    np.testing.assert_array_equal(codes, by_the_paper(made.W, made.H, grid, 0.01, order))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fmt", ["int3", "int4"])
def test_outputs_err_much_less_than_with_round_to_nearest(seed: int, fmt: str) -> None:
    made = layer(seed, 32, 64, fmt, 600)
    assert made.error(run_sync(gptq_task(made.W, made.H, made.grid))) < 0.6 * made.error(made.nearest)


def test_without_correlations_nothing_can_be_made_up_for() -> None:
    made = layer(2)
    H = np.diag(np.arange(1.0, 25.0))[np.newaxis]
    np.testing.assert_array_equal(run_sync(gptq_task(made.W, H, made.grid)), made.nearest)


def test_inputs_that_are_always_zero_are_rounded_to_nearest() -> None:
    made = layer(3)
    H = made.H.copy()
    H[:, :5] = H[:, :, :5] = 0
    codes = run_sync(gptq_task(made.W, H, made.grid))
    np.testing.assert_array_equal(codes[:, :, :5], made.nearest[:, :, :5])
    everything = run_sync(gptq_task(made.W, np.zeros_like(H), made.grid))
    np.testing.assert_array_equal(everything, made.nearest)


def test_groups_are_independent() -> None:
    first, second = layer(4, 6, 9), layer(5, 6, 9)
    W, H = (np.concatenate(pair) for pair in ((first.W, second.W), (first.H, second.H)))
    scale, zero = (
        np.concatenate(p) for p in ((first.grid.scale, second.grid.scale), (first.grid.zero, second.grid.zero))
    )
    together = run_sync(gptq_task(W, H, Grid(scale, zero, first.grid.scheme), Options(ordered=False)))
    for part, made in zip(together, (first, second), strict=True):
        np.testing.assert_array_equal(
            part[None], run_sync(gptq_task(made.W, made.H, made.grid, Options(ordered=False)))
        )


def test_progress_is_told_and_work_can_be_given_up() -> None:
    made = layer(6, 8, 128)
    work = gptq_task(made.W, made.H, made.grid)
    steps = [next(work) for _ in range(3)]
    assert all(isinstance(step, Progress) for step in steps)
    work.close()

import numpy as np
import pytest

from playground.ptq.algorithms._cholesky import BLOCK, inverse_factor_task
from playground.tasks import run_sync


def spd(groups: int, n: int) -> np.ndarray:
    a = np.random.default_rng(n).normal(size=(groups, n, n + 5))
    return a @ a.swapaxes(1, 2) + 0.1 * np.eye(n)


@pytest.mark.parametrize("n", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7, 700])
def test_it_is_the_upper_factor_of_the_inverse(n: int) -> None:
    H = spd(1, n)
    U = run_sync(inverse_factor_task(H))
    np.testing.assert_allclose(U[0], np.linalg.cholesky(np.linalg.inv(H[0])).T, rtol=1e-6, atol=1e-8)
    assert np.array_equal(U[0], np.triu(U[0]))


def test_groups_are_factored_each_for_itself() -> None:
    H = spd(3, 9)
    U = run_sync(inverse_factor_task(H))
    np.testing.assert_allclose(U.swapaxes(1, 2) @ U, np.linalg.inv(H), rtol=1e-8, atol=1e-10)


def test_matrices_that_are_not_positive_definite_are_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        run_sync(inverse_factor_task(-spd(1, 4)))

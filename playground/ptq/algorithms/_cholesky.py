"""The upper triangular U with ``inv(H) = U.T @ U``, block by block, so that it can be shown and stopped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.tasks import Progress, Task

Float64 = NDArray[np.float64]

BLOCK = 64
STRIP = 512
"""Columns of the rest that are updated at once, so that a step stays short."""


def inverse_factor_task(H: Float64) -> Task[Float64]:
    """U of ``inv(H) = U.T @ U`` for symmetric positive definite matrices, ``[groups, n, n]``.

    With J the reversal of order and ``J H J = L L.T``, it is ``J inv(L) J``: one Cholesky decomposition, one triangular
    inverse, and no inverse of H.

    Raises:
        numpy.linalg.LinAlgError: H is not positive definite.
    """
    L = np.array(H[:, ::-1, ::-1], np.float64, order="C")
    n = L.shape[-1]
    for at in range(0, n, BLOCK):
        end = min(at + BLOCK, n)
        corner = np.linalg.cholesky(L[:, at:end, at:end])
        L[:, at:end, at:end] = corner
        L[:, :at, at:end] = 0.0
        if end < n:
            panel = np.linalg.solve(corner, L[:, end:, at:end].swapaxes(1, 2)).swapaxes(1, 2)
            L[:, end:, at:end] = panel
            for left in range(end, n, STRIP):
                right = min(left + STRIP, n)
                L[:, left:, left:right] -= panel[:, left - end :] @ panel[:, left - end : right - end].swapaxes(1, 2)
                yield Progress(end, 2 * n, "Factoring second moments")
    return np.ascontiguousarray((yield from _lower_inverse_task(L))[:, ::-1, ::-1])


def _lower_inverse_task(L: Float64) -> Task[Float64]:
    n = L.shape[-1]
    X = np.zeros_like(L)
    for at in range(0, n, BLOCK):
        end = min(at + BLOCK, n)
        corner = np.linalg.inv(L[:, at:end, at:end])
        X[:, at:end, at:end] = np.tril(corner)
        for left in range(0, at, STRIP):
            right = min(left + STRIP, at)
            X[:, at:end, left:right] = -corner @ (L[:, at:end, left:at] @ X[:, left:at, left:right])
            yield Progress(n + end, 2 * n, "Factoring second moments")
    return X

"""Layers with correlated inputs, made up: what rounding algorithms are tried on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playground import Scheme, quantize
from playground.model.graph import Node
from playground.ptq.algorithms._grid import Grid, output_error_task
from playground.ptq.algorithms._matrices import Matrices
from playground.quantization import QTensor
from playground.tasks import run_sync


@dataclass(frozen=True)
class Layer:
    """One fully connected layer: W is float64 (1, outputs, inputs), H the second moments of x (inputs, samples)."""

    W: np.ndarray
    H: np.ndarray
    x: np.ndarray
    grid: Grid
    weight: QTensor
    matrices: Matrices

    def error(self, codes: np.ndarray) -> float:
        return run_sync(output_error_task(self.grid.values(codes) - self.W, self.H))

    @property
    def nearest(self) -> np.ndarray:
        return self.grid.codes(self.W)


def gemm(shape: tuple[int, ...]) -> Matrices:
    """A Gemm with a weight of shape (outputs, inputs)."""
    return Matrices(Node("Gemm", "fc", ("x", "w"), ("y",), {"transB": 1}), "w", shape, 0, False, 1)


def layer(seed: int, outputs: int = 12, inputs: int = 24, fmt: str = "int4", samples: int = 300) -> Layer:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(inputs, inputs)) * np.exp(-np.arange(inputs) / (inputs / 4))
    x = np.maximum(mixing @ rng.normal(size=(inputs, samples)), 0) + 0.1 * rng.normal(size=(inputs, samples))
    w = rng.normal(size=(outputs, inputs)).astype(np.float32)
    matrices = gemm(w.shape)
    scheme = Scheme(fmt, granularity="channel", axis=0, symmetric=not fmt.startswith("u"))
    weight = quantize(w, scheme)
    H = (x @ x.T)[np.newaxis]
    return Layer(matrices.of(w).astype(np.float64), H, x, Grid.of(weight, matrices), weight, matrices)

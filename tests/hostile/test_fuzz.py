"""A few inputs of each format, the same every time; ``python -m tests.hostile.fuzz`` feeds any number."""

import os

import pytest

from tests.hostile.formats import FORMATS
from tests.hostile.fuzz import run

COUNT = int(os.environ.get("PLAYGROUND_FUZZ", "300"))
SEED = int(os.environ.get("PLAYGROUND_FUZZ_SEED", "13"))


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_mutated_inputs_are_taken_or_refused(name):
    report = run(name, COUNT, SEED)
    print(report)
    assert not report.failures, str(report)
    assert report.counts["refused"] or name == "queries"
    assert report.counts["accepted"] >= COUNT // 50, str(report)

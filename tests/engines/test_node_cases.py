"""ONNX's own node cases, by module: what native ONNX Runtime passes passes in the interpreter, but for exceptions."""

import pytest

from playground.errors import PlaygroundError
from tests.engines import node_cases
from tests.engines.node_case_exceptions import EXCEPTIONS

SLOW = {"averagepool", "lppool", "maxpool"}
"""Modules with large images, which take seconds."""

EVERY = pytest.mark.parametrize(
    "module", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in node_cases.MODULES]
)


def failures(cases):
    """Name -> why, of the cases that do not pass here. An error that is not ours, and no other result, is raised."""
    failed = {}
    for case in cases:
        try:
            node_cases.run_here(case)
        except (PlaygroundError, AssertionError) as error:
            failed[case.name] = " ".join(str(error).split())[:300]
    return failed


@EVERY
def test_what_onnxruntime_passes_passes_here(module):
    own = {case.name: case for case in node_cases.of(module)}
    failed = failures(own.values())
    assert own.keys() & EXCEPTIONS.keys() <= failed.keys(), "these pass: remove them from node_case_exceptions.py"
    refused = {name for name in failed if not node_cases.passes_in_onnxruntime(own[name])}
    assert not refused & EXCEPTIONS.keys(), "ONNX Runtime does not pass these: remove them from node_case_exceptions.py"
    assert {name: why for name, why in failed.items() if name not in refused | EXCEPTIONS.keys()} == {}


@pytest.mark.slow
def test_exceptions_are_cases_and_few():
    names = [case.name for module in node_cases.MODULES for case in node_cases.of(module)]
    assert len(set(names)) == len(names)
    assert EXCEPTIONS.keys() <= set(names)
    # ONNX Runtime 1.32 passes 1,652 of them, and at least 1,600 are to pass here
    assert len(EXCEPTIONS) <= 52

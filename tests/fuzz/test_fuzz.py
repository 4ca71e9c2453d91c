"""Generated graphs run in both integer engines and agree, whatever was done to them; the fuzzer finds real faults."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pytest

from playground import operators
from playground.host import kernel_checks
from playground.programs import shared_weights
from playground.programs.integer_ops import Box
from playground.programs.lowering import Lowering
from tests.fuzz.graphs import made
from tests.fuzz.guarded_memory import GuardedKernels
from tests.fuzz.run import KINDS, Report, batch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

GRAPHS = 1500
SEED = 3


@pytest.fixture(scope="module")
def kernels() -> GuardedKernels:
    return GuardedKernels()


@pytest.fixture(scope="module")
def report(kernels: GuardedKernels) -> Report:
    with np.errstate(all="ignore"):
        return batch(SEED, 0, GRAPHS, kernels)


def test_engines_agree_on_every_graph(report: Report) -> None:
    assert report.graphs == GRAPHS
    assert {kind: report.count(kind) for kind in KINDS} == dict.fromkeys(KINDS, 0), str(report)


def test_enough_of_them_execute(report: Report) -> None:
    assert report.executed >= 0.4 * GRAPHS, str(report)
    assert report.damaged >= 0.2 * GRAPHS


def test_every_operator_with_an_integer_form_stands_in_some(report: Report) -> None:
    assert len(report.least()) > 70
    assert report.least()[0][1] >= 10, str(report)


_PACKED = shared_weights.SharedWeights.packed


@pytest.fixture
def missing_bound() -> Iterator[None]:
    """Pieces may reach beyond the value that is split, and calls are not checked with their buffers."""
    with (
        patch.object(operators.split, "_check", lambda *given: None),
        patch.object(Box, "require_inside", lambda self, size: None),
        patch.object(kernel_checks, "_check_reach", lambda *given: None),
    ):
        yield


@pytest.fixture
def missing_bound_of_indices() -> Iterator[None]:
    """Indices are not looked at before a run, and what the kernel has found is not read."""
    with (
        patch.object(operators.gather.Gather, "check_feeds", lambda *given: None),
        patch.object(Lowering, "faults", lambda self, output, what, hint: self.buffer(4)),
    ):
        yield


@pytest.fixture
def wrong_stride() -> Iterator[None]:
    """Windows move down by as much as they should move to the right."""
    right = Lowering.images

    def turned(self, name, window):
        given = right(self, name, window)
        return {**given, "stride_h": given["stride_w"], "stride_w": given["stride_h"]}

    with patch.object(Lowering, "images", turned), patch.object(kernel_checks, "_check_reach", lambda *given: None):
        yield


@pytest.fixture
def stale_weight() -> Iterator[None]:
    """Packed weights are kept by their shapes, not by what is in them."""
    kept: dict[object, object] = {}

    def packed(self, make, of, *how):
        key = (id(self), *map(repr, how), *(array.shape for array in of))
        if key not in kept:
            kept[key] = _PACKED(self, make, of, *how)
        return kept[key]

    with patch.object(shared_weights.SharedWeights, "packed", packed):
        yield


@pytest.mark.parametrize(
    ("fault", "operator"),
    [
        ("missing_bound", "Split"),
        ("missing_bound_of_indices", "Gather"),
        ("wrong_stride", "Conv"),
        ("stale_weight", "MatMul"),
    ],
)
def test_a_seeded_fault_is_found(
    fault: str, operator: str, kernels: GuardedKernels, request: pytest.FixtureRequest
) -> None:
    """Among the very graphs of the test above, of which those are tried that have the operator."""
    request.getfixturevalue(fault)
    found = Report(SEED)
    for index in range(GRAPHS):
        if operator in made(SEED, index).operators:
            found.add(batch(SEED, index, 1, kernels))
        if found.faults:
            break
    assert found.count("difference") or found.count("canary"), str(found)


def test_an_octet_outside_is_found(kernels: GuardedKernels) -> None:
    array = kernels.empty(16, np.uint8)
    kernels._held[-1][127] ^= 1
    assert kernels.changed() == 1
    assert array.size == 16
    kernels.forget(7)
    assert kernels.changed() == 0

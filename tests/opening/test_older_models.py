"""Models of all operator sets from 7 on give what they gave in ONNX Runtime, after they were brought to today's."""

import numpy as np
import onnx
import pytest

from playground.engines.interpreter import run_graph, unsupported
from playground.model.writers.onnx import to_onnx
from playground.opening import load
from playground.opening.operator_sets import FLOOR, NEWEST_WRITTEN, in_set
from tests.opening import older_models as older

LISTED = list(older.listed())

IN_ONNXRUNTIME = {"RoiAlign": 21}
"""Operator -> the newest operator set in which ONNX Runtime has it, where that is older than what is written."""


@pytest.mark.parametrize(("case", "opset"), LISTED, ids=[f"{opset}-{case.id}" for case, opset in LISTED])
def test_outputs_stay_what_they_were(case: older.Older, opset: int) -> None:
    original = older.model(case, opset)
    fed = older.feeds(case)
    expected = older.by_onnxruntime(original.SerializeToString(), fed)
    graph = load(original.SerializeToString(), "older.onnx").required_graph()
    assert graph.opset >= FLOOR
    for number in (graph.opset, IN_ONNXRUNTIME.get(case.op, NEWEST_WRITTEN)):
        written = to_onnx(in_set(graph, number))
        if case.ranks:
            onnx.checker.check_model(onnx.load_from_string(written), full_check=True)
        for found, wanted in zip(older.by_onnxruntime(written, fed), expected, strict=True):
            assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
            np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
    if not unsupported(graph):
        for found, wanted in zip(run_graph(graph, fed).values(), expected, strict=True):
            assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)

"""Every operator with a plan that is no product, in all its forms on float32 values: steps with kernels.

Our kernels give what NumPy's form of the same steps gives, bit for bit, and what the operator's float function gives
but for the order in which floats are rounded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from playground.engines import interpreter
from playground.engines.mixed import MixedProgram
from playground.engines.planned import PlannedModel
from playground.operators import Operator, Scales
from playground.tasks import run_sync
from tests.contract.plan_forms import Activation, Form, Source, Weights, forms_of
from tests.contract.test_operator_plans import ALL, FLOATS_ONLY, PLANNED, outputs_of
from tests.engines.qdq_net import Net

WITH_KERNELS = {
    name: entry
    for name, entry in {**PLANNED, **{name: ALL[name] for name in sorted(FLOATS_ONLY)}}.items()
    if entry.scales not in (Scales.PRODUCT, Scales.CODES, Scales.RECURRENT)
    and not entry.expand
    and name != "com.microsoft.MatMulNBits"
}

LEFT = {
    "Cos": "no polynomial",
    "Sin": "no polynomial",
    "Pow": "powers that are no products",
    "Resize": "cubic",
    "AveragePool": "ceil_mode together with count_include_pad",
}
"""Operators of which NumPy computes some forms: which."""

TOLERANCE = {"rtol": 1e-5, "atol": 2e-6}


def float_net(entry: Operator, form: Form) -> Net:
    """A net of one node on float32 values."""
    random, net = np.random.default_rng(5), Net("uint8")
    names = [_source(net, source, f"i{place}", random) for place, source in enumerate(form.sources)]
    return net.op(entry.name, " ".join(names), " ".join(outputs_of(entry)), entry.domain, **form.attributes)


def _source(net: Net, source: Source, name: str, random: np.random.Generator) -> str:
    if isinstance(source, Activation):
        net.inputs[name] = random.uniform(source.low, 3, source.shape).astype(np.float32)
        return name
    if isinstance(source, Weights):
        return str(net.fixed(name, random.normal(size=source.shape).astype(np.float32)))
    return source if isinstance(source, str) else str(net.fixed(name, source)) if source is not None else ""


def left_to_numpy(net: Net, opset: int, names: Sequence[str]) -> int:
    """Check a net's outputs; how many of its nodes NumPy computes."""
    graph = net.graph(*names, opset=opset)
    ours, reference = PlannedModel(graph, "wasm"), PlannedModel(graph, "reference")
    made = run_sync(ours.prepare_task(net.inputs))
    expected, specified = interpreter.run_graph(graph, net.inputs), reference.run(net.inputs)
    for found in (ours.run(net.inputs), ours.run(net.inputs)):
        for name in names:
            np.testing.assert_array_equal(found[name], specified[name])
            assert (found[name].shape, found[name].dtype) == (expected[name].shape, expected[name].dtype)
            np.testing.assert_allclose(found[name], expected[name], **TOLERANCE)
    left = made.left if isinstance(made, MixedProgram) else 0
    ours.release()
    return left


@pytest.mark.parametrize("entry", WITH_KERNELS.values(), ids=WITH_KERNELS)
def test_every_form_has_kernels(entry: Operator) -> None:
    failed, left = [], 0
    for form in forms_of(entry):
        try:
            here = left_to_numpy(float_net(entry, form), form.opset, outputs_of(entry))
        except Exception as error:
            failed.append(f"{form}: {type(error).__name__} {str(error)[:500]}")
            continue
        left += here
        if here and entry.id not in LEFT:
            failed.append(f"{form}: left to NumPy")
    assert not failed, f"{len(failed)} forms, the first:\n" + "\n".join(failed[:3])
    assert bool(left) == (entry.id in LEFT)

"""Branches and bodies run as programs, as ONNX Runtime runs them, and as NumPy's steps do bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from playground import host, limits
from playground.engines.bodies import MOST_PLANS
from playground.engines.mixed import MixedProgram
from playground.engines.planned import PlannedModel
from playground.engines.wasm import WasmProgram
from playground.errors import UnsupportedError
from playground.opening import load
from tests.engines.test_control_flow import IF, LOOP, SCAN, X, endless

GROWING = """
<ir_version: 8, opset_import: ["" : 17]>
agraph (float[N,4] x, int64 trips) => (float[T,4] y)
{
  go = Constant <value = bool {1}> ()
  y = Loop (trips, go, x) <
    body = b (int64 i, bool cond_in, float[K,4] v) => (bool cond, float[L,4] w)
    { cond = Identity (cond_in)  t = Tanh (v)  w = Concat <axis = 0> (t, x) }
  >
}
"""

SHARED = """
<ir_version: 8, opset_import: ["" : 17]>
agraph (float[N,4] x, float[4,4] w, bool c) => (float[N,4] y)
{
  h = MatMul (x, w)
  y = If (c) <
    then_branch = t () => (float[N,4] o) { p = MatMul (h, w)  o = Add (p, x) },
    else_branch = e () => (float[N,4] o) { o = Sub (h, x) }
  >
}
"""


def in_both_engines(text: str, *feeds: dict[str, Any]) -> MixedProgram:
    """Run feeds one after another in both engines and in ONNX Runtime; what the last ones became in our kernels."""
    content = onnx.parser.parse_model(text).SerializeToString()
    graph = load(content, "net.onnx").required_graph()
    session = onnxruntime.InferenceSession(content)
    models = {engine: PlannedModel(graph, engine) for engine in ("wasm", "reference")}
    for fed in feeds:
        arrays = {name: np.asarray(value) for name, value in fed.items()}
        ours, steps = (models[engine].run(arrays) for engine in ("wasm", "reference"))
        for name, wanted in zip([o.name for o in session.get_outputs()], session.run(None, arrays), strict=True):
            np.testing.assert_array_equal(ours[name], steps[name])
            np.testing.assert_allclose(ours[name], wanted, rtol=1e-5, atol=1e-5)
    program = list(models["wasm"]._programs.values())[-1]
    assert isinstance(program, MixedProgram)
    return program


def programs_of(program: MixedProgram) -> list[MixedProgram]:
    """Those of all bodies, nested ones too."""
    inner = [made for body in program.bodies._held.values() for made in body.programs.values()]
    return [*inner, *(deeper for made in inner for deeper in programs_of(made))]


def kernels_in(program: MixedProgram) -> int:
    return sum(isinstance(part.program, WasmProgram) for part in program.parts)


@pytest.mark.parametrize("c", [True, False])
@pytest.mark.parametrize("d", [True, False])
def test_nested_branches(c: bool, d: bool) -> None:
    found = programs_of(in_both_engines(IF, *[{"x": X, "c": c, "d": d}] * 2))
    assert sum(map(kernels_in, found)) == (2 if c else 1)


def test_each_branch_is_planned_once() -> None:
    feeds = [{"x": X, "c": c, "d": d} for c in (True, False) for d in (True, False)]
    found = programs_of(in_both_engines(IF, *feeds, *feeds))
    assert [made.plans for made in found] == [1] * len(found)
    assert len(found) == 4  # two branches, and two inside the first


def test_a_loop() -> None:
    (body,) = programs_of(in_both_engines(LOOP, {"x": X, "trips": np.int64(9), "go": True}))
    assert body.plans == 1
    assert kernels_in(body) > 0


def test_scan() -> None:
    rng = np.random.default_rng(4)
    shapes = {"start": (4,), "x": (5, 4), "turned": (4, 5), "bias": ()}
    feeds = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    text = SCAN.replace("AXIS", "0").replace("DIR1", "0").replace("DIR2", "1")
    (body,) = programs_of(in_both_engines(text, feeds))
    assert body.plans == 1


def test_a_body_that_meets_new_shapes_all_the_time_is_left_to_numpy() -> None:
    found = programs_of(in_both_engines(GROWING, {"x": X, "trips": np.int64(3 * MOST_PLANS)}))
    assert sum(made.plans for made in found) == MOST_PLANS


def test_a_value_from_around_that_changes_is_no_constant() -> None:
    weights = [np.random.default_rng(i).normal(size=(4, 4)).astype(np.float32) for i in range(3)]
    in_both_engines(SHARED, *({"x": X, "w": w, "c": c} for w in weights for c in (True, False)))


def test_memory_is_counted_and_given_back() -> None:
    in_both_engines(IF, {"x": X, "c": True, "d": True}).release()
    before = host.kernels().used
    program = in_both_engines(IF, {"x": X, "c": True, "d": True})
    assert program.nbytes > 0
    assert host.kernels().used > before
    program.release()
    assert program.nbytes == 0


@pytest.mark.parametrize("engine", ["wasm", "reference"])
def test_nested_loops_share_the_limit(monkeypatch: pytest.MonkeyPatch, engine: Any) -> None:
    """Else each turn of an endless loop could run as many nodes as the whole model may."""
    monkeypatch.setattr(limits, "MOST_INNER_NODES", 1000)
    nested = """n = Constant <value = int64 {100}> ()
        u = Loop (n, "", v) <body = b2 (int64 i2, bool d2, float[4] v2) => (bool c2, float[4] w2)
          { c2 = Identity (d2)  w2 = Identity (v2) }>"""
    turns = 0
    with pytest.raises(UnsupportedError, match="more than 1000 nodes"):
        for _ in PlannedModel(endless(nested), engine).run_task({"x": X[0]}):
            turns += 1
    assert turns < 4000

"""Time by step: which nodes have the multiply-adds, and that all steps are there. Times themselves are not judged."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

import playground
from playground import gallery
from playground.engines.profile import (
    FLOATS,
    INTEGERS,
    KERNELS,
    NUMPY,
    Profile,
    StepTime,
    profile_task,
    typical,
    undisturbed,
)
from playground.model.graph import Graph
from playground.render.profile import rows, sentences
from playground.tasks import run_sync
from tests.engines.test_bodies import SHARED
from tests.engines.test_control_flow import LOOP
from tests.engines.test_mixed import file_of, quantized, weights

# conv1, depthwise1, pointwise1, depthwise2, pointwise2, fc: by hand from the weights' shapes and the images' sizes
WORK = {"conv1": 13824, "depthwise1": 13824, "pointwise1": 73728, "depthwise2": 6912, "pointwise2": 49152, "fc": 640}


def profile_of(graph: Graph, **feeds: np.ndarray) -> Profile:
    return run_sync(profile_task(graph, feeds, seconds=0.01))


def digits_convnet() -> tuple[Graph, np.ndarray]:
    (images,) = gallery.held_out("digits-convnet").feeds.values()
    model = gallery.open_model("digits-convnet")
    made = playground.quantize_model(model, None, {"image": images[:64]})
    return playground.load(made.onnx, "q.onnx").required_graph(), images


@pytest.mark.parametrize("batch", [1, 3])
def test_products_have_their_multiply_adds(batch: int) -> None:
    graph, images = digits_convnet()
    found = profile_of(graph, image=images[:batch])
    assert {step.node: step.operations for step in found.steps if step.operations} == {
        name: batch * count for name, count in WORK.items()
    }
    assert found.operations == batch * sum(WORK.values())
    assert found.share(*KERNELS) == (1.0, 1.0)
    assert found.share(INTEGERS)[1] == 1
    assert found.nbytes > 0
    assert found.runs >= 2


def test_what_is_fused_counts_with_its_product_and_each_node_is_there_once() -> None:
    graph, images = digits_convnet()
    found = profile_of(graph, image=images[:1])
    names = [step.node for step in found.steps]
    assert len(names) == len(set(names))
    assert "pool" in names
    assert not any("Relu" in step.op.split(" + ")[0] for step in found.steps)


def test_what_numpy_computes_is_a_row_with_its_multiply_adds() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="first"),
        helper.make_node("Einsum", ["h", "h"], ["e"], name="between", equation="ij,kj->ik"),
        helper.make_node("MatMul", ["h", "v"], ["y"], name="last"),
    ]
    held = {"w": weights(8, 12), "v": weights(12, 5)}
    content = file_of(nodes, {"x": ["n", 8]}, {"y": 1, "e": 1}, held)
    x = np.random.default_rng(2).normal(size=(6, 8)).astype(np.float32)
    graph = playground.load(quantized(content, x).onnx, "q.onnx").required_graph()
    found = profile_of(graph, x=x)
    by = {step.node: step.by for step in found.steps}
    assert by["between"] == NUMPY
    assert by["first"] == by["last"] == INTEGERS
    work = {step.node: step.operations for step in found.steps}
    assert (work["first"], work["last"]) == (6 * 8 * 12, 6 * 12 * 5)


def test_a_float_graph_is_profiled_too() -> None:
    content = file_of([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": ["n", 8]}, {"y": 1}, {"w": weights(8, 12)})
    found = profile_of(playground.load(content).required_graph(), x=np.ones((5, 8), np.float32))
    assert [(step.operations, step.by) for step in found.steps if step.operations] == [(5 * 8 * 12, FLOATS)]


def nested(text: str, **feeds: np.ndarray) -> dict[str, StepTime]:
    content = onnx.parser.parse_model(text).SerializeToString()
    found = profile_of(playground.load(content, "net.onnx").required_graph(), **feeds)
    names = [step.node for step in found.steps if step.node != "outputs"]
    assert len(set(names)) == len(names)
    return {step.node: step for step in found.steps}


def test_steps_of_the_branch_that_ran_are_rows_with_their_multiply_adds() -> None:
    x = np.ones((5, 4), np.float32)
    given = {"x": x, "w": np.ones((4, 4), np.float32)}
    then = nested(SHARED, **given, c=np.array(True))
    assert {name: (step.operations, step.by) for name, step in then.items() if step.operations} == {
        "MatMul_0": (5 * 4 * 4, FLOATS),
        "If_1/then_branch/MatMul_0": (5 * 4 * 4, FLOATS),
    }
    assert then["If_1"].by == NUMPY
    assert "If_1/then_branch/MatMul_0" not in nested(SHARED, **given, c=np.array(False))


def test_steps_of_a_loop_have_the_multiply_adds_of_all_iterations() -> None:
    once = nested(LOOP, x=np.zeros((5, 4), np.float32), trips=np.array(7), go=np.array(True))
    assert {name: step.operations for name, step in once.items() if step.operations} == {"MatMul_0": 7 * 5 * 4 * 4}


def test_the_typical_time_is_the_mean_of_the_middle_half() -> None:
    assert typical(np.array([100.0, 1, 3, 0])) == 2
    assert typical(np.array([7.0])) == 7
    assert typical(np.array([0.0, 0, 1, 1, 0, 1, 0, 1])) == 0.5  # a clock that ticks in ones


def told(*steps: tuple[str, float, int, str]) -> str:
    made = tuple(StepTime(op.lower(), op, seconds, work, by) for op, seconds, work, by in steps)
    profile = Profile(made, sum(step.seconds for step in made), 5, 1000)
    return " ".join(sentences(profile, quantized=0.002, original=0.0005))


def test_the_time_of_the_race_is_taken_where_there_is_one() -> None:
    profile = Profile((StepTime("c", "Conv", 1e-3, 10, INTEGERS),), 1e-3, 5, 1000)
    raced = " ".join(sentences(profile, quantized=0.002, ours=0.5e-3))
    assert "4.0 times as fast as ONNX Runtime with the same file" in raced


def test_sentences_name_what_takes_the_time() -> None:
    slow = told(("Einsum", 0.6e-3, 0, NUMPY), ("Conv", 0.4e-3, 1_000_000, INTEGERS))
    assert "60.0 % of the time is spent in NumPy, most of it on einsum (Einsum)" in slow
    assert "2.0 times as fast as ONNX Runtime with the same file" in slow
    assert "2.0 times as slow as ONNX Runtime with the float model" in slow
    assert "100.0 % of the 1.00 M multiply-adds (100.0 % as int8) and 40.0 % of the time" in slow
    assert "products take 90.0 % of the time, at 1.11 G" in told(
        ("Conv", 0.9e-3, 1_000_000, INTEGERS), ("Add", 0.1e-3, 0, INTEGERS)
    )
    assert "steps without multiply-adds" in told(("Conv", 0.1e-3, 10, INTEGERS), ("Add", 0.9e-3, 0, INTEGERS))
    assert "steps without multiply-adds" in told(("Add", 1e-3, 0, INTEGERS))


def test_a_table_lists_the_longest_steps_and_sums_up_the_others() -> None:
    made = tuple(StepTime(f"n{i}", "Add", 0.001 * (i + 1), 10**6, INTEGERS) for i in range(15))
    table = rows(Profile(made, 0.12, 5, 1000), most=12)
    assert [row[0] for row in table] == [*(f"n{i}" for i in range(14, 2, -1)), "3 others"]
    assert table[-1][1:] == ("6.00 ms", "5.0 %", "3.00 M", "0.500 G", "", INTEGERS)


def test_steps_that_are_too_short_have_no_rate() -> None:
    made = (StepTime("long", "Conv", 0.999, 10**9, INTEGERS), StepTime("short", "Conv", 0.001, 10**9, INTEGERS))
    assert [row[4] for row in rows(Profile(made, 1.0, 5, 1000))] == ["1.00 G", "—"]


def test_runs_that_were_disturbed_do_not_count() -> None:
    assert sorted(undisturbed(np.array([5.0, 1, 9, 2]))) == [0, 1, 3]
    assert list(undisturbed(np.array([3.0]))) == [0]

"""The fast path: what the page draws by itself is what Python then answers, to the last bit; and it comes first."""

import itertools
import random

import numpy as np
import pytest

BEFORE = ("card sqnr", "card max-error")
"""Cards whose remarks say what they were before the last change."""

SLOTS = [f"slot-tensor-{name}" for name in ("numbers", "histogram", "error", "transfer", "channels")]


def require_equal(seen):
    """What was on screen before Python answered, and after."""
    assert seen["before"].keys() == seen["after"].keys()
    wrong = {key: (seen["before"][key], value) for key, value in seen["after"].items() if seen["before"][key] != value}
    assert wrong == {}
    assert seen["unmarked"] == {"slots": [], "cards": []}


def now(screen):
    """What is on screen without what was before the last change."""
    return {key: value for key, value in screen.items() if "-before" not in key and key not in BEFORE}


def covered(seen):
    require_equal(seen)
    assert seen["marked"] == {"slots": [], "cards": ["accuracy", "cross-entropy"]}


GRID = list(
    itertools.product(
        range(2, 9),
        ("int", "uint"),
        (False, True),
        (("tensor", 0), ("channel", 0), ("channel", 1)),
        (False, True),
        ("onnxruntime", "pytorch", "pytorch_fake"),
        ((None, None), (-0.25, 0.3), (-0.1, None), (0.05, 0.4), (-2.5, 3)),
    )
)
"""Bits, sign, symmetry, granularity, narrow range, convention, range."""

TITLES = {"onnxruntime": "ONNX Runtime", "pytorch": "PyTorch", "pytorch_fake": "PyTorch, fake-quantize"}


def settings_of(bits, sign, symmetric, granularity, narrow, convention, ends):
    return {
        "format": f"{sign}{bits}", "symmetric": symmetric, "granularity": granularity[0], "axis": granularity[1],
        "narrow_range": narrow, "convention": convention, "lo": ends[0], "hi": ends[1], "zero_point": None,
    }  # fmt: skip


@pytest.mark.parametrize("convention", TITLES)
@pytest.mark.parametrize(("granularity", "axis"), [("tensor", 0), ("channel", 0), ("channel", 1)])
def test_equals_python_over_a_grid_of_settings(act, page, convention, granularity, axis):
    """Each setting is reached by the last of the moves that make it: the convention, the bits, or the symmetry."""
    cases = [case for case in GRID if case[5] == convention and case[3] == (granularity, axis)]
    chosen = random.Random(f"{convention} {granularity} {axis}").sample(cases, 2)
    for case in chosen:
        wanted = settings_of(*case)
        for start, moves in (
            ({"format": f"{case[1]}{case[0] % 7 + 2}"}, {"Bits": case[0]}),
            ({"symmetric": not case[2]}, {"Range": "Symmetric" if case[2] else "Asymmetric"}),
            (
                {"convention": "pytorch" if convention == "onnxruntime" else "onnxruntime"},
                {"As": TITLES[convention]},
            ),
        ):
            page.evaluate("(changes) => playground.setState(changes)", wanted | start)
            seen = act("step", moves)
            covered(seen)
            assert page.evaluate("() => playground.state") == page.evaluate(
                "(s) => ({...playground.state, ...s})", wanted
            )


@pytest.mark.parametrize("zero_point", [-8, 0, 7])
def test_zero_point(act, page, zero_point):
    page.evaluate("() => playground.setState({format: 'int4', lo: -0.5, hi: 0.3})")
    covered(act("step", {"Zero-point": zero_point}))
    assert page.evaluate("() => playground.state.zero_point") == zero_point


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("moves", [{"hi": 0.3}, {"lo": -0.123456789012}, {"lo": 0.5}, {"hi": 1.5}])
def test_handles(act, page, symmetric, moves):
    page.evaluate("(symmetric) => playground.setState({symmetric, lo: -0.6, hi: 0.6})", symmetric)
    covered(act("step", moves))


def test_both_ends_of_the_clip_slider_one_after_the_other(act, page):
    covered(act("step", {"Clip": [-0.5, 1.9726805686950684]}))
    covered(act("step", {"Clip": [-0.5, 0.7]}))
    assert page.evaluate("() => [playground.state.lo, playground.state.hi]") == [-0.5, 0.7]


@pytest.mark.parametrize("moves", [{"Bits": 5}, {"hi": 0.2}, {"Zoom in on the bulk": False}])
def test_zoomed_in(act, page, moves):
    page.evaluate("() => playground.setState({zoom: true})")
    covered(act("step", moves))


def test_the_other_tensors_too(act, page):
    """A vector, a kernel of four axes, and back."""
    for model, tensor in (
        ("digits-mlp", "fc2.bias"),
        ("digits-convnet", "pointwise2.weight"),
        ("digits-mlp", "fc2.weight"),
    ):
        page.evaluate("([model, tensor]) => playground.setState({model, tensor})", [model, tensor])
        act("idle")
        covered(act("step", {"Bits": 5}))
        covered(act("step", {"One scale for each": "Channel"}))
        covered(act("step", {"Range": "Symmetric"}))
        page.evaluate("() => playground.reset()")


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((3, 4)),
        np.full(7, 2.5),
        np.linspace(1e-35, 3e-35, 50),
        np.array([[1.0, -1.0]]),
        np.arange(12.0) * 0.125,
    ],
    ids=["zeros", "constant", "tiny", "two values", "ties"],
)
def test_odd_tensors(act, page, tmp_path, x):
    np.savez(tmp_path / "odd.npz", w=x.astype(np.float32))
    page.locator("#open").set_input_files(tmp_path / "odd.npz")
    page.wait_for_function("() => playground.state.model === 'upload' && playground.state.tensor === 'w'")
    page.wait_for_timeout(100)
    act("idle")
    for moves in ({"Bits": 4}, {"Range": "Symmetric"}, {"One scale for each": "Channel"}):
        require_equal(act("step", moves))


def test_what_is_not_covered_looks_out_of_date_until_python_answers(act, page):
    seen = act("step", {"Calibration": "Percentile"})
    assert seen["marked"]["slots"] == SLOTS
    assert seen["unmarked"] == {"slots": [], "cards": []}
    page.evaluate("() => playground.setState({calibrator: 'percentile', percentile: 99})")
    for moves in ({"Percentile": 97.5}, {"Bits": 5}):
        seen = act("step", moves)
        assert seen["marked"]["slots"] == SLOTS
        assert seen["before"]["picture"]["levels"] != seen["after"]["picture"]["levels"]
    covered(act("step", {"hi": 0.25}))  # both ends are given now


def test_another_tensor_is_out_of_date_until_python_answers(act, page):
    page.evaluate("() => playground.setState({lo: -0.5, hi: 0.5, format: 'int5'})")
    seen = act("step", {"Tensor": "digits-mlp / fc1.weight (512 × 64)"})
    assert seen["marked"]["slots"] == SLOTS
    assert page.evaluate("() => [playground.state.tensor, playground.state.lo]") == ["fc1.weight", None]
    act("idle")
    covered(act("step", {"Bits": 3}))


def test_settings_of_many_moves_are_what_python_comes_to(act, page):
    """The page's own idea of the settings, which is all that it tells Python."""
    moves = {
        "Zero-point": 2, "hi": 0.5, "Format": "Unsigned integer", "Bits": 6, "Range": "Symmetric",
        "lo": -0.123,
        "One scale for each": "Channel", "Channel axis": "1: 512 channels", "As": "PyTorch",
        "Calibration": "Percentile", "Percentile": 98.7, "Zoom in on the bulk": True,
        "Narrow range (no lowest code)": True,
    }  # fmt: skip
    again = {"Calibration": "Min-max", "lo": -0.5, "One scale for each": "Tensor", "Range": "Asymmetric"}
    again |= {"Zero-point": 9}
    for label, value in itertools.chain(moves.items(), again.items()):
        act("step", {label: value})
        assert act("settings") == page.evaluate("() => playground.state")


def test_after_a_picture_of_its_own_a_declined_change_leaves_nothing_of_it(act, page):
    """The range is Python's again, as if there had been no other."""
    seen = act("steps", [{"hi": 4.0}, {"Calibration": "Percentile"}])
    assert page.evaluate("() => playground.state.hi") is None
    page.evaluate("() => playground.reset()")
    page.evaluate("() => playground.setState({calibrator: 'percentile'})")
    fresh = act("screen")
    assert {key: value for key, value in now(seen["after"]).items() if fresh[key] != value} == {}


def test_there_and_back_again_before_python_answers(act, page):
    before = act("screen")
    seen = act("steps", [{"Bits": 7}, {"Bits": 3}])
    require_equal(seen)
    assert now(seen["after"]) == now(before)


def test_latest_wins(act, page):
    """However many moves, one picture a frame, and the last one is of the last move."""
    act("block")
    try:
        steps = act("burst", "hi", [1.0 - 0.01 * i for i in range(80)])
        assert 1 <= steps["drawn"] <= 2
        assert steps["messages"] == 0 or steps["messages"] == 1
        assert steps["hi"] == pytest.approx(0.21)
    finally:
        act("unblock")
    act("settled")
    assert page.evaluate("() => playground.state.hi") == pytest.approx(0.21)


@pytest.mark.parametrize(("label", "setting"), [("Clip", "hi"), ("Zero-point", "zero_point")])
def test_a_slider_dragged_with_the_mouse_counts_as_moved(act, page, label, setting):
    page.evaluate("() => document.activeElement.blur()")
    box = page.get_by_role("slider", name=label).last.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y, steps=5)
    page.mouse.up()
    page.wait_for_function("(name) => playground.state[name] !== null", arg=setting)
    act("settled")
    assert page.evaluate("(name) => playground.state[name]", setting) < 1.5


def test_nothing_jumps(act, page):
    """Nothing moves when a step is drawn, nor when Python answers."""
    quiet = act("shift", [{"Bits": 4}, {"hi": 0.3}, {"Clip": [-0.5, 0.3]}, {"Bits": 8}])
    assert quiet["drawn"] + quiet["answered"] <= 0.02
    # Other controls come and go with the granularity, at once; the answer adds nothing to that.
    assert act("shift", [{"One scale for each": "Channel"}, {"Range": "Symmetric"}])["answered"] <= 0.02


def test_a_step_is_drawn_once_and_without_python(act, page):
    """Python gets nothing before the picture is there, and one request at most; ``build.py bench`` times the step."""
    counts = act("alone", "hi", [0.3 + 0.01 * i for i in range(6)])
    assert [count["drawn"] for count in counts] == [1] * 6
    assert max(count["requests"] for count in counts) <= 1
    assert page.evaluate("() => playground.state.hi") == pytest.approx(0.35)

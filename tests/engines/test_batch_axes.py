"""Where samples lie in a graph's inputs, and how arrays of them are cut; native ONNX Runtime takes what comes of it."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground.engines.batch_axes import BatchAxes, batch_axes, joined, open_sizes
from playground.engines.fitting import fitted
from playground.errors import InvalidInputError
from playground.model.graph import Graph, ValueInfo

RNG = np.random.default_rng(0)


def graph(inputs: dict[str, Any], outputs: dict[str, Any]) -> Graph:
    def values(of: dict[str, Any]) -> tuple[ValueInfo, ...]:
        return tuple(ValueInfo(name, "float32", shape) for name, shape in of.items())

    return Graph("net", values(inputs), values(outputs), (), {}, 17)


AXES: list[tuple[dict[str, Any], dict[str, Any], dict[str, int | None], int | None]] = [
    ({"x": ("N", 3, 8, 8)}, {"y": ("N", 5)}, {"x": 0}, None),
    ({"x": (None, 3)}, {"y": (None, 5)}, {"x": 0}, None),
    ({"x": ("unk__6", 3), "z": ("unk__7", 3)}, {"y": ("unk__8", 5)}, {"x": 0, "z": 0}, None),
    ({"x": (5, "N", 6)}, {"y": ("N", 3)}, {"x": 1}, None),
    ({"x": (5, "N", 6), "h": (1, "N", 16)}, {"y": (5, "N", 3)}, {"x": 1, "h": 1}, None),
    ({"x": ("batch", "length"), "state": (2, "batch", 64)}, {"y": ("batch", 1)}, {"x": 0, "state": 1}, None),
    ({"x": ("batch_size", 512), "rate": ()}, {"y": ("batch_size", 1)}, {"x": 0, "rate": None}, None),
    ({"x": (5, None, 6)}, {"y": (None, 3)}, {"x": 1}, None),
    ({"x": ("batch", 3, 8, 8), "rois": ("K", 5)}, {"y": ("K", 2)}, {"x": 0, "rois": None}, None),
    ({"x": ("s0", 7), "past": (2, "s0", 4)}, {"y": ("s0", 7)}, {"x": 0, "past": 1}, None),
    ({"x": ("height", "width", 3)}, {"y": ("height", "width")}, {"x": None}, None),
    ({"x": ("points", 3)}, {"y": (1, 10)}, {"x": None}, None),
    ({"x": (1, "N", 80)}, {"y": (1, "N", 5)}, {"x": 0}, 1),
    ({"x": (1, 3, 8, 8), "size": (2,)}, {"y": (1, 2)}, {"x": 0, "size": None}, 1),
    ({"x": (8, 1, 6, 6)}, {"y": (8, 10)}, {"x": 0}, 8),
    ({"x": (8, 2, 6, 6)}, {"y": ("n", 10)}, {"x": 0}, 8),
    ({"x": (5, 1, 6), "h": (1, 1, 4)}, {"y": (5, 1, 4), "hn": (1, 1, 4)}, {"x": 1, "h": 0}, 1),
    ({"x": (3, 8, 8)}, {"y": (10,)}, {"x": None}, None),
    ({"x": None}, {"y": None}, {"x": 0}, None),
]


@pytest.mark.parametrize(("inputs", "outputs", "axes", "size"), AXES)
def test_axes(inputs: Any, outputs: Any, axes: Any, size: int | None) -> None:
    found = batch_axes(graph(inputs, outputs))
    assert (dict(found.axes), found.size) == (axes, size)


def test_open_sizes_besides_the_samples() -> None:
    found = open_sizes(graph({"x": ("N", 3, "h", None), "m": ("N", 4), "s": None}, {"y": ("N", 5)}))
    assert found == {"x": (2, 3), "s": ()}


FIXED = graph({"x": (1, 3, 4, 4), "size": (2,)}, {"y": (1, 2)})


def feeds_in(
    given: dict[str, Any], of: Graph = FIXED, at_once: int = 2
) -> tuple[int, list[dict[str, tuple[int, ...]]]]:
    held, axes = fitted(of, given)
    count, step = axes.count(held), axes.size or at_once
    feeds = [axes.feed(held, at, min(at + step, count)) for at in range(0, count, step)]
    return count, [{name: values.shape for name, values in feed.items()} for feed in feeds]


def test_what_has_no_samples_is_given_whole_to_each_feed() -> None:
    x, size = np.zeros((3, 3, 4, 4), np.float32), np.float32([640, 480])
    assert feeds_in({"x": x, "size": size}) == (3, [{"x": (1, 3, 4, 4), "size": (2,)}] * 3)


def test_one_entry_for_each_feed() -> None:
    x, size = RNG.normal(size=(3, 3, 4, 4)).astype(np.float32), RNG.normal(size=(3, 2)).astype(np.float32)
    assert feeds_in({"x": x, "size": size}) == (3, [{"x": (1, 3, 4, 4), "size": (2,)}] * 3)
    held, axes = fitted(FIXED, {"x": x, "size": size})
    second = axes.feed(held, 1, 2)
    assert np.array_equal(second["size"], size[1])
    assert np.array_equal(second["x"], x[1:2])
    left = axes.take(held, np.array([0, 2]))
    assert np.array_equal(left["size"], size[[0, 2]])
    assert axes.count(left) == 2


def test_one_sample_without_the_axis_for_samples() -> None:
    assert feeds_in({"x": np.zeros((3, 4, 4)), "size": np.zeros(2)}) == (1, [{"x": (1, 3, 4, 4), "size": (2,)}])
    ids = graph({"ids": ("batch", "length")}, {"y": ("batch", 5)})
    assert feeds_in({"ids": np.zeros(7)}, ids) == (1, [{"ids": (1, 7)}])


def test_the_axis_of_length_one_that_has_more_in_the_arrays_counts_samples() -> None:
    recurrent = graph({"x": (5, 1, 6), "h": (1, 1, 4)}, {"y": (5, 1, 4)})
    given = {"x": np.zeros((5, 3, 6)), "h": np.zeros((1, 3, 4))}
    assert feeds_in(given, recurrent) == (3, [{"x": (5, 1, 6), "h": (1, 1, 4)}] * 3)


def test_a_list_as_long_as_the_fixed_number_of_samples_is_no_list_of_samples() -> None:
    pair = graph({"x": (2, 3, 4, 4), "size": (2,)}, {"y": (2, 2)})
    given = {"x": np.zeros((6, 3, 4, 4)), "size": np.zeros(2)}
    assert feeds_in(given, pair) == (6, [{"x": (2, 3, 4, 4), "size": (2,)}] * 3)


REFUSED: list[tuple[Graph, dict[str, Any], str]] = [
    (FIXED, {"x": np.zeros((1, 3, 4, 5)), "size": np.zeros(2)}, r"shape \[1, 3, 4, 5\].*Give shape \[\?, 3, 4, 4\]"),
    (FIXED, {"x": np.zeros((1, 3, 4, 4)), "size": np.zeros(3)}, r"input 'size': shape \[3\].*Give shape \[2\]"),
    (FIXED, {"x": np.zeros((2, 3, 4, 4)), "size": np.zeros((3, 2))}, "different numbers of samples.*a list of feeds"),
    (FIXED, {"x": np.zeros((1, 3, 4, 4))}, "the input 'size' is missing"),
    (
        graph({"a": ("n", 2), "b": ("n",)}, {"y": ("n",)}),
        {"a": np.zeros((3, 2)), "b": np.zeros(4)},
        "different numbers",
    ),
]


@pytest.mark.parametrize(("of", "given", "words"), REFUSED)
def test_arrays_that_do_not_fit(of: Graph, given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        fitted(of, given)


def test_outputs_of_several_runs_are_joined_along_their_samples() -> None:
    of = graph({"x": (5, "N", 6)}, {"y": (5, "N", 3)})
    runs = [RNG.normal(size=(5, n, 3)) for n in (2, 1)]
    assert np.array_equal(joined(of, of.outputs[0], runs, 1), np.concatenate(runs, 1).transpose(1, 0, 2))
    scalar = graph({"x": (1, 6)}, {"y": ()})
    assert joined(scalar, scalar.outputs[0], [np.float32(1), np.float32(2)], 1).tolist() == [1, 2]


def test_rows_of_samples() -> None:
    values = np.arange(24).reshape(2, 3, 4)
    rows = BatchAxes({"x": 1}).by_sample("x", values, 3)
    assert np.array_equal(rows[1], values[:, 1].reshape(-1))
    assert BatchAxes({"x": None}).by_sample("x", values, 3).shape == (1, 24)


def products(inputs: dict[str, Any], with_size: bool = False) -> onnx.ModelProto:
    """Products over the last axis, scaled by an input of two sizes if there is one; several weights in a row."""
    names = list(inputs)
    width = inputs["x"][-1]
    weights = [(RNG.normal(size=shape) / 3).astype(np.float32) for shape in ((width, 8), (8, 2))]
    nodes = [helper.make_node("MatMul", ["x", "W"], ["h"]), helper.make_node("Relu", ["h"], ["r"])]
    nodes.append(helper.make_node("MatMul", ["r", "V"], ["v" if with_size else "y"]))
    if with_size:
        nodes.append(helper.make_node("Mul", ["v", "size"], ["y"]))
    kept = [numpy_helper.from_array(w, name) for w, name in zip(weights, "WV", strict=True)]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(inputs[name])) for name in names]
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [*inputs["x"][:-1], 2])
    made = helper.make_graph(nodes, "net", infos, [out], kept)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


RELATIVES: list[tuple[dict[str, Any], tuple[int, ...], bool]] = [
    ({"x": ("N", 6)}, (40, 6), False),
    ({"x": (5, "N", 6)}, (5, 40, 6), False),
    ({"x": (1, 6), "size": (2,)}, (40, 6), True),
    ({"x": (1, 5, 6), "size": (2,)}, (40, 5, 6), True),
    ({"x": ("N", 5, 6), "size": (2,)}, (40, 5, 6), True),
    ({"x": (4, 6)}, (40, 6), False),
    ({"x": (5, 6)}, (8, 5, 6), False),
    ({"x": (5, 1, 6)}, (5, 40, 6), False),
]


@pytest.mark.parametrize(("inputs", "shape", "with_size"), RELATIVES)
def test_models_of_all_kinds_of_axes_are_calibrated(inputs: Any, shape: Any, with_size: bool) -> None:
    """Judged by ONNX Runtime: the quantized model, fed as the graph wants it, is close to the float one."""
    content = products(inputs, with_size).SerializeToString()
    model = playground.load(content)
    data: dict[str, Any] = {"x": RNG.normal(size=shape).astype(np.float32)}
    if with_size:
        data["size"] = np.float32([640, 480])
    result = playground.quantize_model(model, None, data)
    assert result.report.calibration_samples >= 8
    held, axes = fitted(model.required_graph(), data)
    feed = axes.first(held, 8)
    floats, quantized = (
        onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, feed)[0]
        for file in (content, result.onnx)
    )
    assert 10 * np.log10((floats**2).mean() / ((floats - quantized) ** 2).mean()) > 33
    assert np.allclose(
        playground.run(result.onnx, feed, "reference")["y"], quantized, rtol=1e-3, atol=1e-2 * abs(floats).max()
    )


def test_a_list_of_feeds_may_differ_in_open_sizes() -> None:
    content = products({"x": ("N", "length", 6)}).SerializeToString()
    model = playground.load(content)
    feeds = [{"x": RNG.normal(size=(1, n, 6)).astype(np.float32)} for n in (3, 9, 5)]
    result = playground.quantize_model(model, None, feeds)
    alike = playground.quantize_model(model, None, {"x": np.concatenate([feed["x"] for feed in feeds], axis=1)})
    assert result.report.calibration_samples == 3
    assert {a.name: (a.lo, a.hi) for a in result.report.activations} == {
        a.name: (a.lo, a.hi) for a in alike.report.activations
    }


@pytest.mark.parametrize("partial", [False, True])
def test_faulty_samples_along_another_axis(partial: bool) -> None:
    model = playground.load(products({"x": (5, "N", 6)}).SerializeToString())
    x = RNG.normal(size=(5, 12, 6)).astype(np.float32)
    x[2, 7, 3] = np.nan
    if not partial:
        with pytest.raises(InvalidInputError, match="sample 7 has NaN or infinity, as 1 of 12 samples do"):
            playground.quantize_model(model, playground.Recipe(partial=False), {"x": x})
        return
    result = playground.quantize_model(model, playground.Recipe(partial=True), {"x": x})
    clean = playground.quantize_model(model, None, {"x": np.delete(x, 7, axis=1)})
    assert result.report.activations == clean.report.activations
    assert any("1 calibration samples were left out" in told for told in result.report.warnings)

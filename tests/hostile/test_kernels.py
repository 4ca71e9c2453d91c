"""Files that made kernels or views leave their buffers: each ends in a typed error, or in the right numbers."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground import host
from playground.engines import reference, wasm
from playground.engines.planned import PlannedModel
from playground.engines.run import refused
from playground.errors import InvalidInputError, PlaygroundError, UnsupportedError

FLOAT, INT8 = TensorProto.FLOAT, TensorProto.INT8
CANARY, CANARIES = 0xA5, 4


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def model(nodes, constants, inputs, outputs):
    """A model of operator set 13; ``constants`` are arrays by name, values are (name, shape)."""
    infos = [
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in some] for some in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "g", *infos, tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return playground.load(made.SerializeToString(), "hostile.onnx")


def quantized(name, scale="s"):
    return [
        node("QuantizeLinear", f"{name} {scale} z", f"{name}q"),
        node("DequantizeLinear", f"{name}q {scale} z", f"{name}d"),
    ]


GRID = {"s": np.float32(0.1), "z": np.int8(0), "wz": np.int8(0)}


def convolution(shape, weights, **attributes):
    nodes = [*quantized("x"), node("DequantizeLinear", "w s wz", "wd")]
    nodes += [node("Conv", "xd wd", "m", **attributes), *quantized("m")]
    constants = {**GRID, "w": np.ones(weights, np.int8)}
    return model(nodes, constants, [("x", FLOAT, ["b", *shape])], [("md", FLOAT, None)])


@pytest.fixture
def canaries():
    """Memory of the kernels beside whatever is taken later; it has to be as it was in the end."""
    kernels = host.kernels()
    held = [kernels.empty((1 << 20,), np.uint8) for _ in range(CANARIES)]
    for each in held:
        each[:] = CANARY
    yield
    assert all((each == CANARY).all() for each in held)


def run(of, feeds, engine):
    """The outputs, or the error; any other exception is the test's failure."""
    try:
        return playground.run(of, feeds, engine=engine)
    except PlaygroundError as error:
        return error


WINDOWS = {
    "negative dilation": ((1, 4096, 1), (8, 1, 3, 64), {"dilations": [-1, 1], "pads": [0, 32, 0, 31]}),
    "taller": ((1, 16384, 1), (8, 1, 3, 64), {"dilations": [-1, 1], "pads": [0, 32, 0, 31]}),
    "depthwise": ((8, 4096, 1), (8, 1, 3, 64), {"dilations": [-1, 1], "pads": [0, 32, 0, 31], "group": 8}),
    "depthwise, across": ((8, 1, 4096), (8, 1, 1, 8), {"dilations": [1, -100], "group": 8}),
    "no dilation": ((1, 9, 9), (8, 1, 3, 3), {"dilations": [0, 1]}),
    "negative stride": ((1, 9, 9), (8, 1, 3, 3), {"strides": [-1, 1]}),
    "no stride": ((1, 9, 9), (8, 1, 3, 3), {"strides": [1, 0]}),
    "negative padding": ((1, 9, 9), (8, 1, 3, 3), {"pads": [-2, 0, 0, 0]}),
    "huge padding": ((1, 9, 9), (8, 1, 3, 3), {"pads": [2**31, 2**31, 2**31, 2**31]}),
    "huge dilation": ((1, 9, 9), (8, 1, 1, 1), {"dilations": [2**31, 2**40]}),
    "a dilation that wraps to 1": ((1, 9, 9), (8, 1, 3, 3), {"dilations": [2**32 + 1, 1]}),
    "a window of nothing": ((1, 9, 9), (8, 1, 0, 3), {}),
    "no group": ((1, 9, 9), (8, 1, 3, 3), {"group": 0}),
    "negative groups": ((2, 9, 9), (8, 1, 3, 3), {"group": -2}),
}


@pytest.mark.parametrize("case", WINDOWS)
def test_windows_that_move_backwards(case, canaries):
    shape, weights, attributes = WINDOWS[case]
    hostile = convolution(shape, weights, **attributes)
    feeds = {"x": np.ones((1, *shape), np.float32)}
    with pytest.raises(UnsupportedError, match=r"\(Conv\)"):
        wasm.plan(hostile.graph, {"x": (1, *shape)})
    assert [found["op"] for found in refused(hostile.graph) or ()] == ["Conv"]
    assert isinstance(run(hostile, feeds, "wasm"), (UnsupportedError, InvalidInputError))
    assert isinstance(run(hostile, feeds, "reference"), PlaygroundError)


def test_the_same_window_that_moves_forwards_runs(canaries):
    fine = convolution((1, 4096, 1), (8, 1, 3, 64), dilations=[1, 1], pads=[0, 32, 0, 31])
    feeds = {"x": np.ones((1, 1, 4096, 1), np.float32)}
    np.testing.assert_array_equal(run(fine, feeds, "wasm")["md"], run(fine, feeds, "reference")["md"])


@pytest.mark.parametrize("dilations", [[-1, 1], [1, 0], [2**33, 1]])
def test_a_float_convolution_is_refused_before_and_after_it_is_quantized(dilations, canaries):
    weights = np.ones((8, 1, 3, 64), np.float32)
    nodes = [node("Conv", "x w", "y", dilations=dilations, pads=[0, 32, 0, 31])]
    hostile = model(nodes, {"w": weights}, [("x", FLOAT, ["b", 1, 4096, 1])], [("y", FLOAT, None)])
    feeds = {"x": np.ones((1, 1, 4096, 1), np.float32)}
    assert isinstance(run(hostile, feeds, "reference"), PlaygroundError)
    for activations in ("dynamic", "static"):
        recipe = playground.Recipe(activations=activations) if activations == "dynamic" else playground.Recipe()
        try:
            made = playground.quantize_model(hostile, recipe, None if activations == "dynamic" else feeds)
        except PlaygroundError:
            continue
        assert isinstance(run(made.model, feeds, "wasm"), PlaygroundError)


def constant_moved(op, **attributes):
    """A table of 64 sevens that an operator takes a part of, beside a quantized input."""
    outputs = "leak rest" if op == "Split" else "leak"
    inputs = "t sizes" if op == "Split" else "t"
    nodes = [*quantized("x"), node(op, inputs, outputs, **{k: v for k, v in attributes.items() if k != "sizes"})]
    constants = {**GRID, "t": np.full(attributes.pop("shape", 64), 7, np.float32)}
    if op == "Split":
        constants["sizes"] = np.array(attributes["sizes"], np.int64)
    return model(nodes, constants, [("x", FLOAT, ["n", 4])], [("leak", FLOAT, None), ("xd", FLOAT, ["n", 4])])


@pytest.mark.parametrize("sizes", [[4096, 1], [2**40, 1], [63, -(2**40)], [-1, 65], [-4096, 4160]])
def test_parts_beyond_a_table_are_not_read(sizes):
    hostile = constant_moved("Split", sizes=sizes, axis=0)
    assert [found["op"] for found in refused(hostile.graph) or ()] == ["Split"]
    for engine in ("wasm", "reference"):
        found = run(hostile, {"x": np.zeros((1, 4), np.float32)}, engine)
        assert isinstance(found, PlaygroundError) or (found["leak"] == 7).all()
    assert isinstance(run(hostile, {"x": np.zeros((1, 4), np.float32)}, "wasm"), (UnsupportedError, InvalidInputError))


@pytest.mark.parametrize("perm", [[0, 0], [1, 1], [0], [0, 1, 1], [0, -1], [0, 2], [0] * 9])
def test_axes_that_are_turned_twice_are_refused(perm):
    nodes = [*quantized("x"), node("Transpose", "t", "leak", perm=perm)]
    constants = {**GRID, "t": np.full((1000, 1), 7, np.float32)}
    hostile = model(nodes, constants, [("x", FLOAT, ["n", 4])], [("leak", FLOAT, None), ("xd", FLOAT, ["n", 4])])
    for engine in ("wasm", "reference"):
        assert isinstance(run(hostile, {"x": np.zeros((1, 4), np.float32)}, engine), PlaygroundError)


def weights_by_width():
    """A product with as many rows of weights as its input has columns: Shape -> Slice."""
    nodes = [*quantized("x", "one_scale"), node("Shape", "x", "shape"), node("Slice", "shape one two", "end")]
    nodes += [node("DequantizeLinear", "w one_scale z", "wd"), node("Slice", "wd zero end", "part")]
    nodes += [node("MatMul", "xd part", "m"), *quantized("m", "large_scale")]
    constants = {"one_scale": np.float32(1), "large_scale": np.float32(64), "z": np.int8(0), "zero": np.array([0])}
    rows = np.arange(1 << 14) % 7 - 3
    constants |= {"one": np.array([1]), "two": np.array([2]), "w": np.repeat(rows[:, None], 8, 1).astype(np.int8)}
    return model(nodes, constants, [("x", FLOAT, ["b", "n"])], [("md", FLOAT, ["b", 8])])


@pytest.mark.parametrize("widths", [(16, 4096), (4096, 16), (16, 1 << 14, 17)])
def test_weights_that_depend_on_a_shape_are_packed_for_each(widths, canaries):
    graph = weights_by_width().graph
    ours, theirs = PlannedModel(graph, "wasm"), PlannedModel(graph, "reference")
    found = []
    for n in (*widths, widths[0]):
        x = np.ones((1, n), np.float32)
        x[0, : n // 2] = 3
        found.append(ours.run({"x": x})["md"])
        np.testing.assert_array_equal(found[-1], theirs.run({"x": x})["md"])
    np.testing.assert_array_equal(found[0], found[-1])
    ours.release()


def computed_indices(rows):
    """Rows of a table by indices that the program works out itself: the input's, less one."""
    nodes = [*quantized("x"), node("DequantizeLinear", "t s z", "td"), node("Gather", "td i", "y", axis=0)]
    nodes += [*quantized("y")]
    constants = {**GRID, "t": np.arange(rows * 4).reshape(rows, 4).astype(np.int8)}
    inputs = [("x", FLOAT, ["n", 4]), ("i", TensorProto.INT64, ["k"])]
    return model(nodes, constants, inputs, [("yd", FLOAT, None), ("xd", FLOAT, ["n", 4])])


@pytest.mark.parametrize("index", [8, -9, 2**31, 2**32, -(2**63)])
def test_indices_out_of_range_are_errors_in_both_engines(index, canaries):
    table = computed_indices(8)
    fed = {"x": np.zeros((1, 4), np.float32), "i": np.array([0, index], np.int64)}
    errors = [run(table, fed, engine) for engine in ("wasm", "reference")]
    assert all(isinstance(error, InvalidInputError) for error in errors)
    assert str(errors[0]) == str(errors[1])


def test_what_a_program_works_out_itself_is_checked_while_it_runs(canaries, monkeypatch):
    """As if the feeds had not been looked at: the kernel counts what is out of range, and the run is an error."""
    table = computed_indices(8)
    fed = {"x": np.zeros((1, 4), np.float32), "i": np.array([0, 9], np.int64)}
    shapes = {name: array.shape for name, array in fed.items()}
    program = wasm.plan(table.graph, shapes)
    monkeypatch.setattr(type(program.program), "checked_feeds", lambda _, feeds: dict(feeds))
    with pytest.raises(InvalidInputError, match=r"y: an index is outside of 8 rows\. Use indices from -8 to 7"):
        program.run(fed)
    with pytest.raises(InvalidInputError, match=r"y: an index is outside of 8 rows\. Use indices from -8 to 7"):
        reference.run(program.program, fed)
    fed["i"] = np.array([-8, 7], np.int64)
    assert program.run(fed)["yd"].shape == (2, 4)


CASES = Path(__file__).parent / "cases"


def test_the_file_whose_split_reads_beyond_its_table():
    hostile = playground.load(CASES / "split_segv.onnx")
    assert [found["op"] for found in refused(hostile.graph) or ()] == ["Split"]
    feeds = {info.name: np.zeros([n if isinstance(n, int) else 1 for n in info.shape]) for info in hostile.graph.inputs}
    feeds = {name: values.astype(np.float32) for name, values in feeds.items()}
    assert isinstance(run(hostile, feeds, "wasm"), (UnsupportedError, InvalidInputError))
    found = run(hostile, feeds, "reference")
    assert isinstance(found, PlaygroundError) or found["leak"].shape == (64,)


@pytest.mark.parametrize("activations", ["static", "dynamic"])
def test_the_file_whose_convolution_wrote_over_foreign_memory(activations, canaries):
    hostile = playground.load(CASES / "conv_float.onnx")
    with np.load(CASES / "conv_float.npz") as samples:
        feeds = dict(samples)
    assert isinstance(run(hostile, feeds, "reference"), PlaygroundError)
    try:
        recipe = playground.Recipe(activations=activations)
        made = playground.quantize_model(hostile, recipe, feeds if activations == "static" else None)
    except PlaygroundError:
        return
    assert isinstance(run(made.model, feeds, "wasm"), PlaygroundError)

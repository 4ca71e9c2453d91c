"""What moves codes: shapes, orders of axes, slices, lookups, padding, resizing. See :mod:`tests.engines.qdq_net`."""

from dataclasses import replace

import numpy as np
import pytest

from playground.engines import wasm
from playground.errors import InvalidInputError, UnsupportedError
from tests.engines.qdq_net import RANDOM, Net, compared, floats


def resized(net, names, **attributes):
    return net.op("Resize", names, mode="nearest", **attributes)


FLOOR = {"nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}


CONSTANTS = {
    "from": [1, -2],
    "to": [99, -9],
    "axes": [1, 3],
    "by": [2, -1],
    "last": [2, -1],
    "far": [2**62, -(2**62)],
    "one": [1],
    "wide": [2, 3, 1, 4, 1],
    "rows": [2, 0, -1, 2],
    "row": 1,
    "around": [0, 1, 2, 0, 0, 0, 1, 3],
    "fill": np.float32(0.5),
    "scales": np.array([1, 1, 2, 1.5], np.float32),
    "sizes": [3, 3, 9, 2],
}


MOVES = {
    "transpose": (lambda n: n.op("Transpose", "x:r", perm=[0, 3, 1, 2]), "View"),
    "transpose-heads": (lambda n: n.op("Transpose", "x:r", perm=[0, 2, 1, 3]), "View"),
    "reverse": (lambda n: n.op("Transpose", "x:r"), "View"),
    "squeeze": (lambda n: n.op("Unsqueeze", "x:r one", "u").op("Squeeze", "u one"), "Reshape Reshape"),
    "slice": (lambda n: n.op("Slice", "x:r from to axes by"), "View"),
    "slice-one-place": (lambda n: n.op("Slice", "x:r last to axes far"), "View"),
    "expand": (lambda n: n.op("Expand", "x:r wide"), "View"),
    "gather": (lambda n: n.op("Gather", "x:r rows", axis=1), "Gather"),
    "gather-one": (lambda n: n.op("Gather", "x:r row", axis=2), "Gather"),
    "pad": (lambda n: n.op("Pad", "x:r around fill"), "Pad"),
    "resize": (lambda n: resized(n, "x:r  scales"), "Resize"),
    "resize-floor": (lambda n: resized(n, "x:r   sizes", **FLOOR), "Resize"),
    "flatten": (lambda n: n.op("Flatten", "x:r", axis=2), "Reshape"),
}


def moving(net):
    for name, value in CONSTANTS.items():
        net.fixed(name, value)
    return net


@pytest.mark.parametrize("name", MOVES)
def test_moves_keep_codes(dtype, name):
    change, steps = MOVES[name]
    net = change(moving(Net(dtype, x=floats(3, 3, 4, 5)).pair("x")))
    compared(net.pair("y", like="x"), steps=f"{steps} Lookup")


@pytest.mark.parametrize("name", ["slice", "pad", "gather", "transpose", "resize"])
def test_moves_after_a_convolution_work_on_its_layout(dtype, name):
    net = Net(dtype, a=floats(3, 2, 4, 5)).pair("a").codes("w", floats(3, 2, 1, 1), axis=0)
    net.op("Conv", "a:r w:r", "x").pair("x", -8, 8)
    compared(MOVES[name][0](moving(net)).pair("y", like="x"))


def test_squares_of_the_image_become_channels(dtype):
    net = Net(dtype, a=floats(2, 3, 4, 6)).pair("a").op("SpaceToDepth", "a:r", "x", blocksize=2).pair("x", like="a")
    net.codes("w", floats(5, 12, 1, 1), axis=0).op("Conv", "x:r w:r")
    compared(net.pair("y", -9, 9), steps="Reshape View Reshape Conv Lookup")


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
@pytest.mark.parametrize("between", ["pair", "Relu", "none"])
def test_channels_become_blocks_of_the_image(dtype, mode, between):
    net = Net(dtype, a=floats(2, 3, 4, 5)).pair("a").codes("w", floats(8, 3, 1, 1), axis=0)
    net.op("Conv", "a:r w:r", "x")
    name = "x"
    if between == "Relu":
        net.op("Relu", "x", "r")
        name = "r"
    if between == "pair":
        net.pair("x", -8, 8)
        name = "x:r"
    net.op("DepthToSpace", name, blocksize=2, mode=mode)
    compared(net.pair("y", -8, 8), steps="Conv Reshape View Reshape Lookup")


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_concat_brings_every_part_to_its_scale(dtype, axis):
    net = Net(dtype, a=floats(2, 3, 4, 5), b=floats(2, 3, 4, 5)).pair("a").pair("b", -1, 2)
    net.op("Relu", "b:r", "r").op("Concat", "a:r r", axis=axis)
    compared(net.pair("y", like="a"), steps="Lookup Concat Lookup")


def test_concat_of_images_along_channels(dtype):
    net = Net(dtype, x=floats(2, 3, 6, 5)).pair("x")
    for name in "ab":
        net.codes(f"w{name}", floats(4, 3, 3, 3), axis=0).op("Conv", f"x:r w{name}:r", name).pair(name, -9, 9)
    net.op("Concat", "a:r b:r", axis=1)
    compared(net.pair("y", like="a"), steps="Conv Conv Concat Lookup")


@pytest.mark.parametrize("after", ["Relu", "Clip"])
@pytest.mark.parametrize("limited", ["Relu", "none"])
def test_limits_around_concat_hold_for_parts_that_have_the_scale_already(dtype, limited, after):
    """A part with the output's own scale is copied as it is only if nothing limits it; limits of a part are its own."""
    net = (
        Net(dtype, a=floats(2, 3, 4), b=floats(2, 4, 4))
        .pair("a")
        .pair("b")
        .codes("w", np.eye(4, dtype=np.float32), axis=1)
    )
    net.op("MatMul", "b:r w:r", "b0").op("Relu", "b0", "b1")
    net.op("Concat", f"a:r {'b1' if limited == 'Relu' else 'b0'}", "c", axis=1)
    net.fixed("low", np.float32(-0.75))
    net.fixed("high", np.float32(0.5))
    net.op(after, "c" if after == "Relu" else "c low high")
    compared(net.pair("y", like="a"))


@pytest.mark.parametrize("nearest", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("mode", ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"])
@pytest.mark.parametrize("target", [" scales", "  sizes"])
def test_resize_in_every_mode(mode, nearest, target):
    net = moving(Net("int8", x=floats(3, 3, 4, 5)).pair("x"))
    net.op("Resize", f"x:r {target}", mode="nearest", nearest_mode=nearest, coordinate_transformation_mode=mode)
    compared(net.pair("y", like="x"), opset=18)


@pytest.mark.parametrize("axes", [[2, 3], [3, 2], [-1]])
@pytest.mark.parametrize("by_size", [False, True])
def test_resize_of_named_axes(axes, by_size):
    net = Net("int8", x=floats(3, 3, 4, 5)).pair("x")
    net.fixed("target", [7, 9][: len(axes)] if by_size else np.array([2, 1.5][: len(axes)], np.float32))
    resized(net, "x:r   target" if by_size else "x:r  target", axes=axes)
    compared(net.pair("y", like="x"), steps="Resize Lookup", opset=18)


@pytest.mark.parametrize("policy", ["stretch", "not_larger"])
def test_resize_that_keeps_the_aspect_ratio_is_left_to_numpy(policy):
    net = moving(Net("int8", x=floats(3, 3, 4, 5)).pair("x"))
    resized(net, "x:r   sizes", keep_aspect_ratio_policy=policy)
    if policy == "stretch":
        compared(net.pair("y", like="x"), steps="Resize Lookup", opset=18)
        return
    with pytest.raises(UnsupportedError, match="kept aspect ratios"):
        wasm.plan(net.pair("y", like="x").graph("y:r", opset=18), {"x": (3, 3, 4, 5)})


def test_what_resize_was_before_operator_set_11():
    """ONNX Runtime quantizes from operator set 10 on, so that Upsample is compared with Resize."""
    net = moving(Net("uint8", x=floats(3, 3, 4, 5)).pair("x")).op("Resize", "x:r scales", mode="nearest")
    resized = compared(net.pair("y", like="x"), opset=10).run(net.inputs)
    net.nodes = [replace(node, op=node.op.replace("Resize", "Upsample")) for node in net.nodes]
    upsampled = wasm.plan(net.graph("y:r", opset=9), {"x": (3, 3, 4, 5)}).run(net.inputs)
    np.testing.assert_array_equal(upsampled["y:r"], resized["y:r"])


@pytest.mark.parametrize("sizes", [None, [1, 4, 2]])
def test_split(dtype, sizes):
    net = Net(dtype, x=floats(2, 7, 3)).pair("x")
    inputs = "x:r" if sizes is None else f"x:r {net.fixed('sizes', sizes)}"
    net.op("Split", inputs, "y u v", axis=1, **({"num_outputs": 3} if sizes is None else {}))
    for name in "yuv":
        net.pair(name, like="x")
    compared(net, "y:r", "u:r", "v:r", opset=18)


def test_embedding(dtype):
    net = Net(dtype, x=RANDOM.integers(-20, 20, (2, 6))).codes("table", floats(20, 8)).op("Gather", "table:r x", axis=0)
    compared(net.pair("y"), steps="Gather Lookup Lookup")


def test_indices_out_of_range_are_refused_before_the_kernels_run():
    net = Net("uint8", x=np.array([[1, 20]])).codes("table", floats(20, 8)).op("Gather", "table:r x", axis=0).pair("y")
    compiled = wasm.plan(net.graph("y:r"), {"x": (1, 2)})
    with pytest.raises(InvalidInputError, match="outside of 20 rows"):
        compiled.run(net.inputs)


SIGNAL_POOLS = {
    "MaxPool": {"kernel_shape": [3], "strides": [2], "pads": [1, 1]},
    "AveragePool": {"kernel_shape": [3], "strides": [2], "pads": [1, 0], "count_include_pad": 1},
    "GlobalAveragePool": {},
}


@pytest.mark.parametrize("op", SIGNAL_POOLS)
@pytest.mark.parametrize("between", ["pair", "none"])
def test_pools_of_signals_work_on_images_of_height_one(dtype, op, between):
    net = Net(dtype, a=floats(2, 3, 12)).pair("a").codes("w", floats(5, 3, 3), axis=0).op("Conv", "a:r w:r", "c")
    net.pair("c", -8, 8)
    if between == "none":
        net.op("Relu", "c:r", "r").pair("r", like="c")
    net.op(op, "c:r" if between == "pair" else "r:r", "p", **SIGNAL_POOLS[op])
    compared(net.pair("p", like="c") if op == "MaxPool" else net.pair("p", -4, 4), "p:r")

"""Products of two activations, and what a constant does to a product. See :mod:`tests.engines.qdq_net`."""

import numpy as np
import pytest

from playground.engines import wasm
from playground.errors import UnsupportedError
from tests.engines.qdq_net import Net, compared, floats

PAIRS = [
    ((2, 5, 7), (2, 7, 4)),
    ((3, 2, 4, 9), (3, 2, 9, 5)),
    ((1, 2, 16, 32), (1, 2, 32, 16)),
    ((4, 3, 6), (1, 6, 8)),
    ((2, 3, 5, 6), (3, 6, 2)),
    ((1, 1, 1, 1), (1, 1, 1, 3)),
]


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=str)
def test_product_of_two_activations(dtype, left, right):
    net = Net(dtype, a=floats(*left), b=floats(*right)).pair("a").pair("b", -4, 2).op("MatMul", "a:r b:r")
    compared(net.pair("y", -9, 9), steps="ActivationMatMul Lookup")


def test_a_constant_scales_a_product_and_needs_no_step(dtype):
    net = Net(dtype, a=floats(2, 5, 8), b=floats(2, 8, 5)).pair("a").pair("b")
    net.fixed("root", np.float32(np.sqrt(8)))
    net.op("MatMul", "a:r b:r", "p").op("Div", "p root", "d").pair("d").op("Softmax", "d:r", axis=-1)
    compared(net.pair("y", 0, 1), steps="ActivationMatMul Softmax Lookup")


def test_a_constant_added_to_a_product_is_its_bias(dtype):
    net = Net(dtype, x=floats(3, 4, 6)).pair("x").codes("w", floats(6, 9), axis=1)
    net.fixed("b", floats(9))
    net.op("MatMul", "x:r w:r", "p").op("Add", "b p", "s").op("Relu", "s")
    # The bias is rounded to steps of the sums, which are much smaller than those of the output
    compared(net.pair("y", 0, 6), steps="Product Lookup", near=0.02)


def rounded_product(dtype, shape=(3, 4, 6), row=(9,)):
    """A product whose result is quantized before constant codes are added."""
    net = Net(dtype, x=floats(*shape)).pair("x").codes("w", floats(6, 9), axis=1).codes("b", floats(*row))
    return net.op("MatMul", "x:r w:r", "p").pair("p", -5, 5)


@pytest.mark.parametrize("names", ["p:r b:r", "b:r p:r"])
@pytest.mark.parametrize("row", [(9,), (1, 9), (1, 1, 9)], ids=str)
def test_a_row_added_to_the_codes_of_a_product_needs_no_step(dtype, row, names):
    compared(rounded_product(dtype, row=row).op("Add", names).pair("y", -7, 7), steps="Product Lookup")


def test_a_row_less_the_codes_of_a_product_needs_no_step(dtype):
    compared(rounded_product(dtype).op("Sub", "b:r p:r").pair("y", -7, 7), steps="Product Lookup")


def test_a_limit_behind_the_row_needs_no_step(dtype):
    net = rounded_product(dtype).op("Add", "p:r b:r", "s").op("Relu", "s")
    compared(net.pair("y", 0, 7), steps="Product Lookup")


def test_what_is_no_row_or_is_read_twice_stays_an_addition(dtype):
    columns = rounded_product(dtype, row=(4, 1)).op("Add", "p:r b:r").pair("y", -7, 7)
    compared(columns, steps="Product Add Lookup")
    more = rounded_product(dtype, shape=(4, 6), row=(2, 1, 9)).op("Add", "p:r b:r").pair("y", -7, 7)
    compared(more, steps="Product Add Lookup")
    twice = rounded_product(dtype).op("Add", "p:r b:r", "s").pair("s").op("Mul", "s:r p:r").pair("y", -9, 9)
    compared(twice, steps="Product Add Mul Lookup")


def test_weights_that_follow_no_channel_axis_are_refused():
    net = Net("uint8", x=floats(2, 6)).pair("x").codes("w", floats(6, 4), axis=0).op("MatMul", "x:r w:r").pair("y")
    with pytest.raises(UnsupportedError, match="not along the output channels"):
        wasm.plan(net.graph("y:r"), {"x": (2, 6)})


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("steps", [2**31 - 200, 2**31 + 200])
def test_a_bias_is_refused_beyond_either_end_of_int32(sign, steps):
    """In steps of input scale times weight scale, rounded to what float32 can say near 2^31."""
    net = Net("uint8", x=floats(3, 4)).pair("x").codes("w", np.eye(4, dtype=np.float32), axis=1)
    step = np.float64(net.constants["x:s"] * net.constants["w:s"][0])
    bias = net.fixed("b", np.float32([0, sign * steps * step, 1, -1]))
    net.op("MatMul", "x:r w:r", "p").op("Add", f"p {bias}", "s")
    if steps < 2**31:
        (product,) = (
            s for s in wasm.plan(net.graph("s"), {"x": (3, 4)}).program.steps if type(s).__name__ == "Product"
        )
        assert abs(product.bias[1] - sign * steps) < 200
    else:
        with pytest.raises(UnsupportedError, match="does not fit into 32 bits"):
            wasm.plan(net.graph("s"), {"x": (3, 4)})

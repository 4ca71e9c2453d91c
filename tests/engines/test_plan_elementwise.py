"""Functions of one value, sums and products of two, in QDQ graphs. See :mod:`tests.engines.qdq_net`."""

import numpy as np
import pytest

from tests.engines.qdq_net import Net, compared, floats

FUNCTIONS = {
    "erf-gelu": "Div x:r root2 d; Erf d e; Add e one p; Mul x:r p m; Mul m half y",
    "tanh-gelu": "Pow x:r three c; Mul c k d; Add x:r d e; Mul e r s; Tanh s t; Add t one p; Mul x:r p m; Mul half m y",
    "silu": "Sigmoid x:r s; Mul x:r s y",
    "hard-swish": "Add x:r three a; Clip a zero six c; Mul x:r c m; Div m six y",
    "mish": "Softplus x:r s; Tanh s t; Mul x:r t y",
    "reflected": "Sub one x:r m; Abs m a; Neg a y",
}


NUMBERS = {"root2": 2**0.5, "one": 1, "half": 0.5, "three": 3, "zero": 0, "six": 6, "k": 0.044715, "r": 0.7978846}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_one_tensor_are_one_table(dtype, name):
    net = Net(dtype, x=floats(3, 50)).pair("x")
    for constant, value in NUMBERS.items():
        net.fixed(constant, np.float32(value))
    for operator in FUNCTIONS[name].split("; "):
        op, *inputs, output = operator.split(" ")
        net.op(op, " ".join(inputs), output)
    compared(net.pair("y", -4, 4), steps="Lookup Lookup")


@pytest.mark.parametrize(
    "op", ["Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Elu", "LeakyRelu", "Erf", "Exp", "Softplus", "Sqrt"]
)
def test_unary(dtype, op):
    net = Net(dtype, x=floats(2, 77)).pair("x", 0 if op == "Sqrt" else -3, 3).op(op, "x:r")
    compared(net.pair("y", -3, 5), steps="Lookup Lookup")


SHAPES = [
    ((2, 3, 4, 5), (2, 3, 4, 5)),
    ((2, 6, 9), (9,)),
    ((2, 8, 3, 3), (1, 8, 1, 1)),
    ((2, 4, 8), (2, 4, 1)),
    ((3, 1, 7), (1, 5, 1)),
]


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize(("left", "right"), SHAPES, ids=str)
def test_two_values_that_broadcast(dtype, op, left, right):
    net = Net(dtype, a=floats(*left), b=floats(*right)).pair("a").pair("b", -2, 4).op(op, "a:r b:r")
    compared(net.pair("y", -7, 7), steps=f"{'Mul' if op == 'Mul' else 'Add'} Lookup")


@pytest.mark.parametrize("op", ["Add", "Mul"])
@pytest.mark.parametrize("constant", [(8,), (1, 5, 8), (5, 1)], ids=str)
def test_a_value_and_constant_codes(dtype, op, constant):
    net = Net(dtype, a=floats(2, 5, 8)).pair("a").codes("c", floats(*constant)).op(op, "a:r c:r")
    compared(net.pair("y", -6, 6), steps=f"{op} Lookup")


def test_a_channel_gate_on_images(dtype):
    """Squeeze and excite: a convolution's result times a number for each channel, both kept as NHWC."""
    net = Net(dtype, x=floats(2, 8, 6, 5)).pair("x").codes("w", floats(12, 8, 1, 1), axis=0)
    net.op("Conv", "x:r w:r", "c").pair("c", -8, 8).op("GlobalAveragePool", "c:r", "g").pair("g", -1, 1)
    net.op("Sigmoid", "g:r", "s").pair("s", 0, 1).op("Mul", "c:r s:r")
    compared(net.pair("y", -5, 5), steps="Conv AveragePool Lookup Mul Lookup")

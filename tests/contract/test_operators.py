"""Every operator: what its fields say holds for its own float function, and it is found without the others."""

import subprocess
import sys

import numpy as np
import pytest

from playground import operators
from playground.errors import InvalidInputError
from playground.model.graph import Graph, Node
from playground.operators import Form, Operator, Scales, Trait
from playground.operators._attributes import Attribute

ALL = operators.all_operators()
EVERY = pytest.mark.parametrize("entry", ALL.values(), ids=ALL)
STATIC = Form.DEFAULT | Form.FURTHER | Form.NAMED
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 3, 4, 6)).astype(np.float32)

EXAMPLES = {
    "AveragePool": {"kernel_shape": [2, 3]},
    "MaxPool": {"kernel_shape": [2, 3]},
    "DepthToSpace": {"blocksize": 1},
    "Gather": {"axis": 1},
    "SpaceToDepth": {"blocksize": 2},
}
"""Attributes without which an operator says nothing."""

INPUTS = {
    "Expand": (np.array([2, 2, 3, 4, 6]),),
    "CenterCropPad": (np.array([2, 2, 6, 6]),),
    "Compress": (np.array([True, False, True]),),
    "Gather": (np.array([2, 0]),),
    "GatherElements": (np.array([1, 0, -1, 1]).reshape(1, 1, 1, 4),),
    "GatherND": (np.array([[0, 2], [-1, 1]]),),
    "Pad": (np.array([0, 1, 0, 0, 0, 0, 2, 0]),),
    "PRelu": (np.float32([[[0.5]], [[2]], [[-1]]]),),
    "Pow": (np.float32(2),),
    "Reshape": (np.array([6, -1]),),
    "Resize": (None, np.float32([1, 1, 2, 1.5])),
    "Slice": (np.array([1]), np.array([3]), np.array([2])),
    "Squeeze": (),
    "Unsqueeze": (np.array([1]),),
}
"""What it takes besides its first input."""


def made_of(entry: Operator, x: np.ndarray) -> np.ndarray:
    call = entry.call(Node(entry.name, "n", (), ("y",), EXAMPLES.get(entry.name, {})))
    made = entry.run(call, x, *INPUTS.get(entry.name, ()))
    return made[0] if isinstance(made, tuple) else made


def having(trait: Trait) -> pytest.MarkDecorator:
    found = {name: entry for name, entry in ALL.items() if trait in entry.traits and entry.run is not None}
    return pytest.mark.parametrize("entry", found.values(), ids=found)


@EVERY
def test_something_is_known_of_it(entry: Operator) -> None:
    functions = entry.run, entry.run_graphs, entry.plan, entry.expand, entry.upgrade
    assert any(functions) or entry.scales is not Scales.FLOAT
    first, last = entry.versions
    assert 1 <= first <= (last or first)


@EVERY
def test_attributes_have_valid_defaults_and_limits(entry: Operator) -> None:
    node = Node(entry.name, "n", (), ("y",), {}, entry.domain)
    assert len({attribute.name for attribute in entry.attributes}) == len(entry.attributes)
    for attribute in entry.attributes:
        assert not (attribute.required and attribute.default is not None)
        assert entry.get(node, attribute.name) == attribute.default
        if attribute.default is not None:
            attribute.check(attribute.default, node)
        if attribute.low is not None and attribute.high is not None:
            assert attribute.low <= attribute.high


@EVERY
def test_what_its_attributes_may_not_be_is_refused(entry: Operator) -> None:
    stated = {attribute.name: _valid(attribute) for attribute in entry.attributes}
    inputs = ("x",) * int(entry.arity[0])
    entry.validate(Node(entry.name, "n", inputs, ("y",), stated, entry.domain))
    for attribute in entry.attributes:
        for wrong in _invalid(attribute):
            with pytest.raises(InvalidInputError, match=f"is not a valid {attribute.name} of {entry.name}") as caught:
                entry.validate(Node(entry.name, "n", inputs, ("y",), stated | {attribute.name: wrong}, entry.domain))
            assert caught.value.where == "node 'n'"
            assert caught.value.hint
        if attribute.required:
            rest = {name: value for name, value in stated.items() if name != attribute.name}
            with pytest.raises(InvalidInputError, match=f"has no attribute '{attribute.name}'"):
                entry.validate(Node(entry.name, "n", inputs, ("y",), rest, entry.domain))


@EVERY
def test_too_few_or_too_many_inputs_are_refused(entry: Operator) -> None:
    stated = {attribute.name: _valid(attribute) for attribute in entry.attributes}
    least, most = entry.arity
    wrong = [("x",) * (int(most) + 1)] if most < np.inf else []
    wrong += [("x",) * (int(least) - 1), (*("x",) * (int(least) - 1), "")] if least else []
    for inputs in wrong:
        with pytest.raises(InvalidInputError, match=rf"{entry.name} has \d+ inputs?. Give it {least}"):
            entry.validate(Node(entry.name, "n", inputs, ("y",), stated, entry.domain))


def _valid(attribute: Attribute) -> object:
    if attribute.default is not None:
        return attribute.default
    if attribute.choices:
        return attribute.choices[0]
    number = 1 if attribute.low is None else max(1, int(attribute.low))
    values = {"int": number, "ints": [number], "float": 1.0, "floats": [1.0], "string": "x", "strings": ["x"]}
    others = {"tensor": np.zeros(1), "graph": Graph("inside", (), (), (), {}, 18)}
    return (values | others)[attribute.kind]


def _invalid(attribute: Attribute) -> list[object]:
    if attribute.kind in ("string", "strings", "tensor", "graph"):
        return [3] + ["no such choice"] * bool(attribute.choices)
    numbers: list[object] = [] if attribute.low is None else [attribute.low - 1]
    numbers += [] if attribute.high is None else [attribute.high + 1]
    lists = attribute.kind.endswith("s")
    return ["x", None, 1 if lists else [1], *([number] if lists else number for number in numbers)]


@EVERY
def test_forms_weights_and_scales_fit_each_other(entry: Operator) -> None:
    if entry.scales is Scales.PRODUCT:
        assert entry.weights
        assert Form.WEIGHT_ONLY in entry.forms
    if entry.forms & STATIC:
        assert entry.scales not in (Scales.FLOAT, Scales.CODES)
    if Trait.MOVES in entry.traits:
        assert entry.scales in (Scales.PASSES, Scales.LOOKUP)
    for weight in entry.weights:
        axis = weight.channel_axis(Node(entry.name, "n", ("x", "w"), ("y",)), 2)
        assert axis in (None, 0, 1)
        assert entry.weight_place([place == weight.place for place in range(4)]) == weight.place
    assert entry.weight_place([False] * 4) is None


@EVERY
def test_it_costs_what_its_products_need(entry: Operator) -> None:
    shapes = {"x": (2, 4, 8, 8), "w": (6, 4, 3, 3), "y": (2, 6, 6, 6)}
    if entry.name in ("LSTM", "GRU", "RNN"):
        shapes = {"x": (2, 4, 6), "w": (1, 8, 6)}
    if entry.name == "DynamicQuantizeLSTM":  # its weights have the columns last
        shapes = {"x": (2, 4, 6), "w": (1, 6, 8)}
    if entry.name in ("Gemm", "MatMul", "MatMulInteger", "MatMulNBits", "QLinearMatMul", "QGemm"):
        shapes = {"x": (2, 4), "w": (4, 6), "y": (2, 6)}
    cost = entry.cost(Node(entry.name, "n", ("x", "w", "w", "w"), ("y",), {}, entry.domain), shapes)
    expected = {
        "Conv": 2 * 6 * 6 * 6 * 4 * 3 * 3,
        "ConvInteger": 2 * 6 * 6 * 6 * 4 * 3 * 3,
        "QLinearConv": 2 * 6 * 6 * 6 * 4 * 3 * 3,
        "ConvTranspose": 2 * 4 * 8 * 8 * 4 * 3 * 3,
        **dict.fromkeys(("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"), 2 * 4 * 8 * (6 + 6)),
    }
    assert cost == expected.get(entry.name, 2 * 4 * 6 if len(shapes["x"]) == 2 else 0)
    assert entry.scales is not Scales.PRODUCT or cost > 0


FUNCTIONS = {i: e for i, e in ALL.items() if e.scales in (Scales.FUNCTION, Scales.CLIPS) and e.name != "PRelu"}


@pytest.mark.parametrize("entry", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_of_single_values_does_not_see_the_others(entry: Operator) -> None:
    x = np.abs(IMAGES)
    assert entry.run is not None
    order = RNG.permutation(x.size)
    shuffled = made_of(entry, x.reshape(-1)[order])
    np.testing.assert_array_equal(shuffled, made_of(entry, x).reshape(-1)[order])


@having(Trait.MONOTONIC)
def test_a_larger_input_never_gives_a_smaller_output(entry: Operator) -> None:
    x = np.abs(IMAGES) if entry.name in ("Log", "Sqrt") else IMAGES
    with np.errstate(invalid="ignore"):
        assert (made_of(entry, x + np.float32(0.3)) >= made_of(entry, x)).all()


@having(Trait.HOMOGENEOUS)
def test_positive_factors_pass(entry: Operator) -> None:
    factors = np.float32([0.25, 2, 8]).reshape(1, 3, 1, 1)
    ours = made_of(entry, IMAGES * factors)
    if entry.name == "Flatten":
        factors = np.repeat(factors.reshape(1, 3), 24, axis=1)
    np.testing.assert_allclose(ours, made_of(entry, IMAGES) * factors, 1e-5, 1e-6)


@having(Trait.BY_CHANNEL)
def test_a_channel_does_not_see_the_others(entry: Operator) -> None:
    other = IMAGES.copy()
    other[:, 1] += 1
    changed = (made_of(entry, other) != made_of(entry, IMAGES)).reshape(2, 3, -1).any(axis=(0, 2))
    assert not changed[0]
    assert changed[1]
    assert not changed[2]


@having(Trait.MOVES)
def test_values_come_out_as_they_went_in(entry: Operator) -> None:
    x = IMAGES[:, :, :1, :1] if entry.name == "Squeeze" else IMAGES
    assert set(made_of(entry, x).reshape(-1)) <= {*x.reshape(-1), np.float32(0)}


@having(Trait.REMOVABLE)
def test_what_is_removable_gives_its_input(entry: Operator) -> None:
    np.testing.assert_array_equal(made_of(entry, IMAGES), IMAGES)


RANGED = {i: e for i, e in ALL.items() if e.output_range is not None}


@pytest.mark.parametrize("entry", RANGED.values(), ids=RANGED)
def test_outputs_stay_in_their_range(entry: Operator) -> None:
    low, high = entry.output_range
    made = made_of(entry, 20 * IMAGES)
    assert low <= made.min() < made.max() <= high
    assert made.min() - low < 1e-3
    assert high == np.inf or high - made.max() < 1e-3


def test_an_operator_is_found_without_the_others() -> None:
    program = (
        "import sys\n"
        "from playground import operators\n"
        "def files(): return {n.split('.')[2] for n in sys.modules if n.startswith('playground.operators.')}\n"
        "shared = files()\n"
        "assert all(n.startswith('_') for n in shared), shared\n"
        "assert operators.operator('Erf').id == 'Erf'\n"
        "assert {n for n in files() if n[0] != '_'} == {'erf'}, files()\n"
        "assert operators.operator('GreaterOrEqual').id == 'GreaterOrEqual'\n"
        "others = {n for n in files() if n[0] != '_'}\n"
        "assert 'comparison_family' in others and 'conv' not in others, others\n"
        "assert operators.operator('com.microsoft.Gelu').domain == 'com.microsoft'\n"
        "for odd in ('', '.', 'no.such', 'Nope', '../x', '__init__', 'Öl', 'a' * 10**6, 'operator', 'import'):\n"
        "    assert operators.operator(odd) is None, odd\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("module", ["playground", "playground.cli", "playground.app.start", "playground.engines.run"])
def test_no_start_waits_for_operators(module: str) -> None:
    program = (
        f"import sys, {module}\n"
        "found = [n for n in sys.modules if n.startswith('playground.operators.') and n.split('.')[2][0] != '_']\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)

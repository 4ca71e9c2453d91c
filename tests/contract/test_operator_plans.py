"""Every operator with a plan: in all its forms, its integer program gives what its float function gives.

Programs are compared with the interpreter, which runs the same QDQ graph by the operators' float functions. The two
differ in the order of float operations before the last rounding only: that decides where a value lies halfway between
two codes, and nowhere else.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from playground import operators
from playground.engines import interpreter, reference, wasm
from playground.errors import UnsupportedError
from playground.operators import Operator
from tests.contract.plan_forms import Activation, Form, Source, Weights, forms_of
from tests.engines.qdq_net import NEAR, Net, assert_equal_but_for_ties

ALL = operators.all_operators()
FLOATS_ONLY = {
    *("BatchNormalization", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization", "Mean", "RMSNormalization"),
    *("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not"),
    *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceSumSquare"),
    *("Selu", "Softsign", "Sum", "ThresholdedRelu"),
    *("ConvTranspose", "GRU", "LSTM", "com.microsoft.DynamicQuantizeLSTM"),
}
"""Have steps of floats and no integer form: see ``test_float_plans.py``, and ``tests/engines`` of the products."""

PLANNED = {i: e for i, e in ALL.items() if (e.plan or e.expand) and e.run and i not in FLOATS_ONLY}

NO_FLOAT_FUNCTION = {"Constant"}
"""Has a plan, and is compared with ONNX Runtime in ``tests/engines/test_plan_moves.py``."""

NOT_QUANTIZED = "neither quantized nor a quantized constant|the input is not quantized"

REFUSED = {
    **dict.fromkeys(("Add", "Mul", "Sub", "MatMul"), NOT_QUANTIZED),
    "AveragePool": "ceil_mode together with count_include_pad",
    "Gemm": "transA, alpha and beta",
    "Pad": "only padding with a constant",
    "Resize": "only nearest neighbours",
    "com.microsoft.MatMulNBits": "the input is float32",
}
"""Forms of an operator that have no integer form though others have: why."""

NEVER = {"com.microsoft.MatMulNBits", "DynamicQuantizeLinear"}
"""Has no integer form of these inputs: see ``tests/engines/test_plan_dynamic.py``."""

ROUNDED_BIAS = 0.02
"""How near to a tie a product may be: its float bias is rounded to steps of the sums."""

LOWEST = -50.0
"""Masks write numbers that no code is for."""


def grown(entry: Operator, form: Form, before: Callable[[Net, str], str] = lambda net, name: name) -> Net:
    """A net of one node whose first output is ``y``, fed as the form says; ``before`` makes the first value."""
    random = np.random.default_rng(5)
    net = Net("uint8")
    names = [_source(net, source, f"i{place}", random) for place, source in enumerate(form.sources)]
    for place, source in enumerate(form.sources):
        if isinstance(source, Activation) and not source.plain:
            names[place] = before(net, names[place])
            break
    return net.op(entry.name, " ".join(names), " ".join(outputs_of(entry)), entry.domain, **form.attributes)


def outputs_of(entry: Operator) -> Sequence[str]:
    return ("y", "u") if entry.name == "Split" else ("y",)


def _source(net: Net, source: Source, name: str, random: np.random.Generator) -> str:
    if isinstance(source, Activation):
        net.inputs[name] = random.uniform(source.low, 3, source.shape).astype(np.float32)
        net.pair(name, min(source.low, 0), 3)
        return f"{name}:q" if source.plain else f"{name}:r"
    if isinstance(source, Weights):
        net.codes(name, random.normal(size=source.shape).astype(np.float32), source.axis)
        return f"{name}:r"
    return source if isinstance(source, str) else net.fixed(name, source) if source is not None else ""


def assert_planned_as_run(net: Net, opset: int, names: Sequence[str], near: float = NEAR) -> None:
    """The program of a net, each of whose outputs is quantized if it is real, against the interpreter.

    Raises:
        UnsupportedError: it has no integer form.
    """
    floats = interpreter.run_graph(net.graph(*names, opset=opset), net.inputs)
    ends = []
    for name in names:
        rounded = floats[name].dtype == np.float32
        if rounded:
            y = np.clip(floats[name][np.isfinite(floats[name])], LOWEST, -LOWEST)
            net.pair(name, min(float(y.min()), 0) - 0.1, max(float(y.max()), 0) + 0.1)
        ends.append(f"{name}:r" if rounded else name)
    graph = net.graph(*ends, opset=opset)
    program = reference.plan(graph, {name: x.shape for name, x in net.inputs.items()})
    try:
        planned = wasm.WasmProgram(program)
    except UnsupportedError as error:
        raise AssertionError("the kernels cannot run what was planned") from error
    ours, specified = planned.run(net.inputs), reference.run(program, net.inputs)
    planned.release()
    expected = interpreter.run_graph(graph, net.inputs)
    for name, end in zip(names, ends, strict=True):
        np.testing.assert_array_equal(ours[end], specified[end])
        assert ours[end].shape == expected[end].shape
        assert ours[end].dtype == expected[end].dtype
        if end == name:
            np.testing.assert_array_equal(ours[end], expected[end])
        else:
            real = np.clip(floats[name], -1e6, 1e6)
            assert_equal_but_for_ties(ours[end], expected[end], real, net.constants[f"{name}:s"], near)


def failures(entry: Operator, forms: list[Form]) -> tuple[int, list[str]]:
    """How many forms are planned, and what is wrong with others."""
    planned, failed = 0, []
    near = NEAR if entry.bias is None else ROUNDED_BIAS
    for form in forms:
        try:
            assert_planned_as_run(grown(entry, form), form.opset, outputs_of(entry), near)
            planned += 1
        except UnsupportedError as error:
            if not re.search(REFUSED.get(entry.id, "^$"), error.what):
                failed.append(f"{form}: refused: {error.what}")
        except Exception as error:
            failed.append(f"{form}: {type(error).__name__} {str(error)[:500]}")
    return planned, failed


@pytest.mark.parametrize("entry", PLANNED.values(), ids=PLANNED)
def test_every_form_is_planned_as_it_is_run(entry: Operator) -> None:
    planned, failed = failures(entry, list(forms_of(entry)))
    assert not failed, f"{len(failed)} forms, the first:\n" + "\n".join(failed[:3])
    assert planned or entry.id in NEVER


def test_what_has_no_float_function_is_known() -> None:
    assert {i for i, e in ALL.items() if e.plan and not e.run} == NO_FLOAT_FUNCTION


def _product(net: Net, name: str) -> str:
    columns = _shape(net, name)[-1]
    net.codes("w", np.roll(np.eye(columns), 1, axis=0) - 0.375)
    net.op("MatMul", f"{name} w:r", "product")
    return "product"


def _shape(net: Net, name: str) -> tuple[int, ...]:
    return net.inputs[name.removesuffix(":r")].shape


def _function(net: Net, name: str) -> str:
    net.op("Exp", name, "function")
    return "function"


def _limited(net: Net, name: str) -> str:
    net.fixed("low", np.float32(-0.5))
    net.fixed("high", np.float32(0.75))
    net.op("Clip", f"{_product(net, name)} low high", "limited")
    return "limited"


def _image(net: Net, name: str) -> str:
    """Codes of a convolution, which kernels keep as NHWC; of other values than images the codes of a product."""
    if len(_shape(net, name)) != 4:
        _product(net, name)
        net.pair("product", -4, 4)
        return "product:r"
    channels = _shape(net, name)[1]
    net.codes("filters", np.eye(channels)[:, :, None, None] + 0.25, axis=0)
    net.op("Conv", f"{name} filters:r", "image").pair("image", -4, 4)
    return "image:r"


BEFORE = {"product": _product, "function": _function, "limited": _limited, "image": _image}
"""What the first value can be besides codes."""


def _clips(net: Net, limits: Sequence[tuple[float, float]]) -> str:
    name = "y"
    for i, (low, high) in enumerate(limits):
        net.fixed(f"low{i}", np.float32(low))
        net.fixed(f"high{i}", np.float32(high))
        net.op("Clip", f"{name} low{i} high{i}", f"clip{i}")
        name = f"clip{i}"
    return name


def _with(op: str, number: object) -> Callable[[Net], str]:
    def then(net: Net) -> str:
        net.op(op, f"y {net.fixed('number', np.asarray(number, np.float32))}", "z")
        return "z"

    return then


def _flat(net: Net) -> str:
    net.op("Clip", f"y {net.fixed('low', np.float32(0.25))}", "c").op("Flatten", "c", "flat", axis=1)
    return "flat"


def _shuffled(net: Net) -> str:
    """Parts of what is limited, one behind the other."""
    net.op("Relu", "y", "r").op("Concat", "y r", "both", axis=-1).op("Transpose", "both", "t")
    return "t"


AFTER: dict[str, Callable[[Net], str]] = {
    "limits above each other": lambda net: _clips(net, [(-1, -0.5), (0.25, 0.5)]),
    "limits below each other": lambda net: _clips(net, [(0.25, 0.5), (-1, -0.5)]),
    "limits around zero": lambda net: _clips(net, [(-0.3, 9), (-9, 0.3)]),
    "times": _with("Mul", 1.75),
    "times a negative number": _with("Mul", -1.5),
    "times zero": _with("Mul", 0),
    "over": _with("Div", [0.75]),
    "over a negative number": _with("Div", -2),
    "plus": _with("Add", 0.5),
    "minus": _with("Sub", 0.5),
    "flat": _flat,
    "shuffled": _shuffled,
}
"""What comes before the values are rounded to codes."""


def some_forms(entry: Operator) -> list[Form]:
    """Of each kind of inputs a few of the newest forms, an odd number apart so that flags are both set and not."""
    kinds: dict[str, list[Form]] = {}
    for form in forms_of(entry):
        if any(isinstance(source, Activation) and not source.plain for source in form.sources):
            kinds.setdefault(str(form.sources), []).append(form)
    newest = [[form for form in kind if form.opset == kind[-1].opset] for kind in kinds.values()]
    return [form for kind in newest for form in kind[:: len(kind) // 4 | 1]]


FLOATS = {i: e for i, e in PLANNED.items() if not e.domain and e.name != "Shape"}


@pytest.mark.parametrize("entry", FLOATS.values(), ids=FLOATS)
def test_whatever_the_first_value_is(entry: Operator) -> None:
    for form, before in itertools.product(some_forms(entry), BEFORE):
        assert_planned_or_refused(grown(entry, form, BEFORE[before]), form, outputs_of(entry), before)


@pytest.mark.parametrize("entry", FLOATS.values(), ids=FLOATS)
def test_whatever_follows_before_values_are_rounded(entry: Operator) -> None:
    """Everything after the first form, one thing after each of the others."""
    forms = some_forms(entry)
    for form, after in [*itertools.product(forms[:1], AFTER), *zip(forms[1:], itertools.cycle(AFTER), strict=False)]:
        net = grown(entry, form)
        assert_planned_or_refused(net, form, (AFTER[after](net),), after)


def assert_planned_or_refused(net: Net, form: Form, outputs: Sequence[str], link: str) -> None:
    try:
        assert_planned_as_run(net, form.opset, outputs, ROUNDED_BIAS)
    except UnsupportedError:
        pass
    except Exception as error:
        error.add_note(f"{form} and {link}")
        raise


def test_relu_takes_every_link() -> None:
    form = Form(13, {}, (Activation(),))
    for before in BEFORE.values():
        assert_planned_as_run(grown(ALL["Relu"], form, before), 13, "y", ROUNDED_BIAS)
    for after in AFTER.values():
        net = grown(ALL["Relu"], form)
        assert_planned_as_run(net, 13, (after(net),), ROUNDED_BIAS)

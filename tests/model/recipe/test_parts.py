import json
from typing import Any

import pytest

from playground.errors import InvalidInputError
from playground.model.recipe import AlgorithmCall, CalibrationSettings, Override, Recipe, Rule
from playground.quantization import Scheme

WHOLE = Recipe(
    rules=(
        Rule("*", Scheme("int4", granularity="channel"), op="Conv", shape=(None, 1, 3, 3)),
        Rule("*", None, op="Gemm"),
        Rule("fc*", Scheme("uint8", symmetric=False)),
    ),
    overrides=(
        Override("conv1.weight", Scheme("int8")),
        Override("head", skip=True),
        Override("x", range=(-1, 2.5)),
        Override("w", scale=(0.5, 0.25), zero_point=(0, 3)),
    ),
    calibration=CalibrationSettings(samples=100, batch=4),
    algorithms=(AlgorithmCall("smoothquant", {"alpha": 0.5}), AlgorithmCall("gptq")),
    runtime="onnxruntime-web",
    operators=("Conv", "Gemm"),
    biases="float",
    representation="qoperator",
    partial=True,
)


def test_json_comes_back_whole() -> None:
    assert Recipe.from_json(WHOLE.to_json()) == WHOLE
    assert Recipe.from_dict(json.loads(WHOLE.to_json())) == WHOLE


def test_version_1_is_still_read() -> None:
    old = {"version": 1, "rules": [{"pattern": "fc*", "scheme": None}], "weights": {"format": "int4"}}
    assert Recipe.from_dict(old) == Recipe((Rule("fc*"),), Scheme("int4"))
    with pytest.raises(InvalidInputError, match="version 1: there is no field overrides"):
        Recipe.from_dict({**old, "overrides": []})


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        (("c", "Conv", (8, 1, 3, 3)), 0),
        (("c", "Conv", (8, 2, 3, 3)), None),
        (("c", "Conv", (8, 1, 3)), None),
        (("c", "Conv", None), None),
        (("fc1", "Gemm", (3, 4)), 1),
        (("fc1", "MatMul", (3, 4)), 2),
        (("FC1", "MatMul", (3, 4)), None),
    ],
)
def test_rules_match_on_name_operator_and_shape(asked: Any, rule: int | None) -> None:
    name, op, shape = asked
    found = WHOLE.rule_for(name, op=op, shape=shape)
    assert found == (None if rule is None else WHOLE.rules[rule])


def test_overrides_stick_whatever_the_rules_say() -> None:
    assert WHOLE.scheme_for("conv1.weight", op="Conv", shape=(8, 1, 3, 3)) == Scheme("int8")
    assert WHOLE.scheme_for("head", op="Gemm") is None
    assert WHOLE.scheme_for("w", op="Gemm") is None, "only its scale is fixed"
    assert WHOLE.activation_scheme_for("x") == WHOLE.activation_scheme
    assert WHOLE.override_for("other") is None


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    (
        {"rules": (Rule("a", Scheme("int8")), Rule("b"), Rule("a", Scheme("int4")))},
        "rules 1 and 3 give different schemes",
    ),
    ({"overrides": (Override("a", skip=True), Override("a", skip=True))}, "'a' has two overrides"),
    ({"activations": "dynamic", "activation_scheme": Scheme("int8")}, "dynamic activations need asymmetric uint8"),
    ({"runtime": "abacus"}, "runtime: 'abacus' is not a runtime. Use one of: bitsandbytes, gguf"),
    ({"operators": ("",)}, "operators"),
    ({"operators": "Conv"}, "operators"),
    ({"representation": "pairs"}, "representation: 'pairs' is not a valid representation. Use one of: qdq, qoperator"),
    ({"representation": None}, "representation: None is not a valid representation. Use one of: qdq, qoperator"),
    ({"biases": "int8"}, "biases: 'int8' is not a valid type of biases"),
    ({"partial": 1}, "partial: 1 is neither true nor false"),
    ({"calibration": 7}, "calibration: a value of type int has no fields"),
    ({"algorithms": ("gptq:damping",)}, "'damping' is not NAME=VALUE"),
]


@pytest.mark.parametrize(("fields", "words"), CONTRADICTIONS)
def test_recipes_that_contradict_themselves(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        Recipe(**fields)
    assert words in str(error.value)


PARTS: list[tuple[Any, str]] = [
    (lambda: Override("w"), "the override has no effect"),
    (lambda: Override("", skip=True), "is not the name of a tensor"),
    (lambda: Override("w", skip=True, range=(0, 1)), "skip and range cannot be given together"),
    (lambda: Override("w", range=(0, 1), scale=(1,), zero_point=(0,)), "range and scale cannot be given together"),
    (lambda: Override("w", scale=(1,)), "must be given together"),
    (lambda: Override("w", scale=(1, 2), zero_point=(0,)), "2 scales and 1 zero-point do not match"),
    (lambda: Override("w", scale=(0,), zero_point=(0,)), "is not a valid scale. Use positive numbers"),
    (lambda: Override("w", range=(2, 1)), "is not a valid range"),
    (lambda: Override("w", range=(0, float("nan"))), "finite numbers"),
    (lambda: Override("w", scale=(1,), zero_point=(0.5,)), "Use integers"),  # type: ignore[arg-type]
    (lambda: Override("w", skip="yes"), "true or false"),  # type: ignore[arg-type]
    (lambda: Rule("w", shape=(1, -2)), "is not a shape"),
    (lambda: Rule("w", op=3), "is not the name of an operator"),  # type: ignore[arg-type]
    (lambda: CalibrationSettings(samples=0), "Use a positive integer"),
    (lambda: CalibrationSettings(batch=True), "Use a positive integer"),
    (lambda: AlgorithmCall(""), "is not an algorithm"),
    (lambda: AlgorithmCall("a", {"alpha": "half"}), "alpha: 'half' is not a finite number"),  # type: ignore[arg-type]
    (lambda: AlgorithmCall("a", 3), "{name: number}"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("make", "words"), PARTS)
def test_parts_are_checked(make: Any, words: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        make()
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"overrides": [{"skip": True}]}, "override 1: the field tensor is missing"),
        ({"overrides": [{"tensor": "w", "scheme": {"format": "int99"}}]}, "override 1: format: 'int99'"),
        ({"algorithms": [{"parameters": {}}]}, "algorithm 1: the field id is missing"),
        ({"algorithms": {}}, "the algorithms are not a list"),
        ({"calibration": {"samples": -1}}, "calibration: samples: -1"),
        ({"calibration": {"sample": 1}}, "there is no field sample"),
        ({"rules": [{"pattern": "*", "shape": "3x3"}]}, "is not a shape"),
        ({"version": True}, "version True is unknown"),
    ],
)
def test_json_says_where(data: Any, words: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        Recipe.from_dict(data)
    assert words in str(error.value)

import json
from typing import Any

import pytest

import playground
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.recipe import Recipe, Rule
from playground.quantization import Scheme

RECIPE = Recipe(
    rules=(
        Rule("conv?.weight", Scheme("int4", granularity="channel", axis=0)),
        Rule("fc*", None),
        Rule("*", Scheme("uint8", symmetric=False, calibrator="percentile", calibrator_args=(("percentile", 99.0),))),
    ),
    weights=Scheme("int3"),
    activations="weight_only",
    activation_scheme=Scheme("int8"),
)


def test_first_match_decides() -> None:
    assert RECIPE.scheme_for("conv1.weight") == RECIPE.rules[0].scheme
    assert RECIPE.scheme_for("conv12.weight") == RECIPE.rules[2].scheme
    assert RECIPE.scheme_for("fc1.weight") is None
    assert RECIPE.scheme_for("head", "fc_node") is None
    assert RECIPE.scheme_for("FC1") == RECIPE.rules[2].scheme, "case matters"
    assert Recipe().scheme_for("anything") == Scheme("int8", granularity="channel")
    assert playground.Recipe is Recipe


def test_json_comes_back() -> None:
    assert Recipe.from_json(RECIPE.to_json()) == RECIPE
    assert Recipe.from_json(Recipe().to_json()) == Recipe()
    assert Recipe.from_json("{}") == Recipe()
    assert json.loads(RECIPE.to_json())["version"] == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("nonsense", "not valid JSON"),
        ("[1]", "a value of type list has no fields"),
        ('{"version": 3}', "version 3 is unknown"),
        ('{"weight": {}}', "there is no field weight"),
        ('{"rules": {}}', "the rules are not a list"),
        ('{"rules": [{"scheme": null}]}', "rule 1: the field pattern is missing"),
        (
            '{"rules": [{"pattern": "*", "scheme": {"format": "int99"}}]}',
            "rule 1: format: 'int99' is not a valid format",
        ),
        ('{"rules": [{"pattern": "*", "schema": null}]}', "there is no field schema"),
        ('{"rules": [{"pattern": ""}]}', "is not a pattern"),
        ('{"rules": [{"pattern": 3}]}', "is not a pattern"),
        ('{"weights": {"bits": 4}}', "there is no field bits"),
        ('{"weights": 8}', "weights: 8 is not a scheme"),
        ('{"activations": "dynamical"}', "'dynamical' is not a valid kind of activations"),
        ('{"activation_scheme": {"format": "int4"}}', "QuantizeLinear has 8-bit codes"),
        ('{"activation_scheme": {"rounding": "toward_zero"}}', "rounds half to even"),
    ],
)
def test_refuses(data: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        Recipe.from_json(data)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"weights": Scheme(granularity="block", block_size=32)},
        {"activation_scheme": Scheme(granularity="channel")},
    ],
)
def test_what_is_not_available_yet(fields: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedError):
        Recipe(**fields)


def test_wrong_types() -> None:
    for fields in ({"weights": "int33"}, {"activation_scheme": None}, {"rules": ("*",)}):
        with pytest.raises(InvalidInputError):
            Recipe(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scheme", "message"),
    [
        (Scheme("nf4"), r"^weights: integer operators of ONNX take no weights of format 'nf4'\. Use one of: int8, "),
        (Scheme("int16"), "^weights: integer operators of ONNX take no weights of format 'int16'"),
        (Scheme("q4_0"), "^weights: integer operators of ONNX take no weights of format 'q4_0'"),
        (Scheme("int4", "channel", scale_scheme=Scheme("fp16")), "^weights: DequantizeLinear needs float32 scales"),
        (Scheme("int4", symmetric=False, zero_point_type="float"), "^weights: DequantizeLinear needs float32 scales"),
    ],
)
def test_formats_that_a_file_cannot_hold_are_refused(scheme: Scheme, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        Recipe(weights=scheme)

"""Whatever single value of a recipe is replaced or left out, what comes is a recipe or one of our errors."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from playground.errors import InvalidInputError, PlaygroundError
from playground.model.recipe import AlgorithmCall, CalibrationSettings, Override, Recipe, Rule
from playground.model.recipe.imports import import_recipe, importers

EXAMPLES: dict[str, Any] = {
    "ours": Recipe(
        rules=(Rule("a*", Recipe().weights, "Conv", (None, 1, 3, 3)),),
        overrides=(Override("t", scale=(0.1,), zero_point=(0,)), Override("u", range=(0, 1)), Override("v", skip=True)),
        calibration=CalibrationSettings(3, 2),
        algorithms=(AlgorithmCall("gptq", (("damping", 0.1),)),),
        operators=("Conv",),
    ).as_dict(),
    "onnxruntime": {
        "w": [{"quant_type": "QInt8", "symmetric": True, "axis": 0, "scale": 0.1, "zero_point": 0}],
        "x": [{"rmin": -1.0, "rmax": 1.0}],
    },
    "ai-edge-quantizer": [
        {
            "regex": "a|b",
            "operation": "CONV_2D",
            "algorithm_key": "min_max_uniform_quantize",
            "op_config": {
                "weight_tensor_config": {"num_bits": 8, "symmetric": True, "granularity": "CHANNELWISE"},
                "activation_tensor_config": {"num_bits": 8, "symmetric": False},
            },
        },
        {"regex": ".*", "operation": "*", "algorithm_key": "no_quantize", "op_config": {}},
    ],
}
VALUES = (None, True, -1, 3.5, float("nan"), 10**400, "", "(", [], {}, [None], [[1]], ["a"], [{}], {"a": 1})


def places(data: Any) -> Iterator[tuple[Any, ...]]:
    keys = data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for key in keys:
        yield (key,)
        yield from ((key, *rest) for rest in places(data[key]))


def changed(data: Any, place: tuple[Any, ...]) -> Iterator[Any]:
    *way, last = place
    for value in (..., *VALUES):
        made = copy.deepcopy(data)
        inside = made
        for key in way:
            inside = inside[key]
        if value is ...:
            del inside[last]
        else:
            inside[last] = value
        yield made


def test_every_importer_has_an_example() -> None:
    assert EXAMPLES.keys() == {"ours", *importers()}
    for name, importer in importers().items():
        assert [key for key, data in EXAMPLES.items() if importer.matches(data)] == [name]


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_recipe_or_one_of_our_errors(name: str) -> None:
    assert isinstance(import_recipe(json.dumps(EXAMPLES[name])), Recipe)
    refused = 0
    for place in places(EXAMPLES[name]):
        for data in changed(EXAMPLES[name], place):
            try:
                import_recipe(data)
            except PlaygroundError:
                refused += 1
    assert refused


def test_a_damaged_form_is_named() -> None:
    with pytest.raises(
        InvalidInputError, match=r"wrong type for a recipe of ONNX Runtime's TensorQuantOverrides .*'abc'"
    ):
        import_recipe({"w": [{"scale": "abc", "zero_point": 0}]})


@pytest.mark.parametrize("operators", [5, True, "Conv", {"Conv": 1}, [""], [3]])
def test_operators_are_a_list_of_names(operators: Any) -> None:
    with pytest.raises(InvalidInputError, match="operators"):
        Recipe(operators=operators)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, True, "3"])
def test_numbers_are_finite(value: Any) -> None:
    with pytest.raises(InvalidInputError):
        AlgorithmCall("gptq", (("damping", value),))
    with pytest.raises(InvalidInputError):
        Override("t", scale=(value,), zero_point=(0,))

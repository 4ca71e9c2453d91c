"""Recipes as the tool's own functions write them (copied from it), and its rule that the last match decides."""

import re
from typing import Any

import pytest

from playground.errors import PlaygroundError
from playground.model.recipe import Recipe
from playground.model.recipe.imports import import_recipe
from playground.model.recipe.imports.ai_edge_quantizer import shell_patterns
from playground.model.recipe.parts import Rule
from playground.quantization import Scheme

INT8 = Scheme("int8", granularity="channel", convention="tflite")
INT4 = Scheme("int4", granularity="channel", convention="tflite")


def entry(
    operation: str = "*", regex: str = ".*", bits: int = 8, key: str = "min_max_uniform_quantize", **more: Any
) -> Any:
    weights = {"num_bits": bits, "symmetric": True, "granularity": "CHANNELWISE", "dtype": "INT"}
    config = {"weight_tensor_config": weights, "compute_precision": "INTEGER", "explicit_dequantize": False, **more}
    return {"regex": regex, "operation": operation, "algorithm_key": key, "op_config": config}


NO = {"regex": ".*", "operation": "CONV_2D", "algorithm_key": "no_quantize"}
ACTIVATIONS = {"num_bits": 8, "symmetric": False, "granularity": "TENSORWISE", "dtype": "INT"}


def test_dynamic_wi8_afp32() -> None:
    found = import_recipe([entry()])
    assert (found.activations, found.rules) == ("dynamic", (Rule("*", INT8),))


def test_static_wi8_ai8() -> None:
    found = import_recipe([entry(activation_tensor_config=ACTIVATIONS)])
    assert found.activations == "static"
    assert found.activation_scheme == Scheme("int8", symmetric=False, convention="tflite")


def test_weight_only_wi4_afp32() -> None:
    found = import_recipe([entry(bits=4, compute_precision="FLOAT", explicit_dequantize=True)])
    assert (found.activations, found.scheme_for("w", "n", op="Gemm", shape=(3, 4))) == ("weight_only", INT4)


def test_the_last_match_decides_and_conv_2d_is_not_depthwise() -> None:
    found = import_recipe([entry(), entry("FULLY_CONNECTED", bits=4), NO, entry("*", "head/.*"), entry("MUL", "x$")])
    asked = {
        ("w", "Gemm", (3, 4)): INT4,
        ("w", "MatMul", (3, 4)): INT4,
        ("w", "Conv", (8, 3, 3, 3)): None,
        ("w", "Conv", (8, 1, 3, 3)): INT8,
        ("head/w", "Gemm", (3, 4)): INT8,
        ("w", "ConvTranspose", (3, 4, 2, 2)): INT8,
    }
    for (name, op, shape), scheme in asked.items():
        assert found.scheme_for(name, op=op, shape=shape) == scheme, (name, op, shape)
    assert Recipe.from_json(found.to_json()) == found


def test_what_no_entry_names_stays_in_float() -> None:
    found = import_recipe([entry("FULLY_CONNECTED")])
    assert found.scheme_for("w", op="Conv", shape=(8, 3, 3, 3)) is None


def test_calibrators_and_gptq() -> None:
    assert import_recipe([entry(key="OCTAV")]).rules[0].scheme == Scheme(**{**INT8.as_dict(), "calibrator": "octav"})
    assert [call.id for call in import_recipe([entry(key="GPTQ")]).algorithms] == ["gptq"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([entry("CUSTOM_OP")], "CUSTOM_OP"),
        ([entry(key="OSCAR")], "OSCAR"),
        ([entry(activation_tensor_config={**ACTIVATIONS, "num_bits": 16})], "16 bits"),
        ([entry(), entry(compute_precision="FLOAT")], "different ways: dynamic, weight_only"),
        ([entry(regex="(a|b)+")], "no shell-style form"),
        ([entry(weight_tensor_config={"num_bits": 8, "granularity": "BLOCKWISE_32"})], "BLOCKWISE_32"),
        ([entry(weight_tensor_config=None)], "no configuration of weights"),
        ([entry(weight_tensor_config={"num_bits": 16, "dtype": "FLOAT"})], "FLOAT"),
    ],
)
def test_what_has_no_counterpart(data: Any, words: str) -> None:
    with pytest.raises(PlaygroundError, match=re.escape(words)):
        import_recipe(data)


@pytest.mark.parametrize(
    "expression", [".*", "conv", "^conv", "conv$", "^a.b$", r"a\.b", "x|^y", "c[12]", "a.*b", r"a\*"]
)
def test_patterns_match_where_the_expression_does(expression: str) -> None:
    names = ["", "conv", "conv1", "my_conv", "a.b", "aXb", "xa.bx", "x", "y", "zy", "c1", "c3", "a--b", "a*", "ab"]
    for name in names:
        ours = any(Rule(pattern).matches(name) for pattern in shell_patterns(expression))
        assert ours == bool(re.search(expression, name)), (expression, name)

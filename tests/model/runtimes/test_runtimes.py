"""Each runtime takes a recipe made for it, and says why it does not take another's."""

from dataclasses import replace

import numpy as np
import pytest

from playground.errors import InvalidInputError
from playground.model.graph import Graph, Node
from playground.model.recipe import Override, Recipe, Rule
from playground.model.runtimes import runtime, runtimes
from playground.quantization import Scheme
from tests.ptq.conftest import constants

INT8 = Scheme("int8", granularity="channel")
NF4 = Scheme("nf4", granularity="block", axis=-1, block_size=64)
SYMMETRIC_INT8 = Scheme("int8", symmetric=False)

TAKEN = {
    "onnxruntime": Recipe(),
    "onnxruntime-web": Recipe(runtime="onnxruntime-web"),
    "tflite": Recipe(weights=INT8, activation_scheme=SYMMETRIC_INT8, runtime="tflite"),
    "bitsandbytes": Recipe(weights=NF4, activations="weight_only", runtime="bitsandbytes"),
    "gguf": Recipe(weights=Scheme("q4_k"), activations="weight_only", runtime="gguf"),
    "npz": Recipe(weights=Scheme("nvfp4"), activations="weight_only", runtime="npz"),
}


def test_there_are_these() -> None:
    assert set(runtimes()) == set(TAKEN)
    assert all(made.summary and made.source for made in runtimes().values())
    with pytest.raises(InvalidInputError, match="'tensorrt' is not a runtime"):
        runtime("tensorrt")


@pytest.mark.parametrize("runtime_id", TAKEN)
def test_a_recipe_made_for_it_is_taken(runtime_id: str) -> None:
    assert runtime(runtime_id).restrictions(TAKEN[runtime_id]) == ()


IN_OPERATORS = {"representation": "qoperator"}
ALONE = {**IN_OPERATORS, "activations": "weight_only"}
NO_FORM = "operators on codes (QOperator) are a form of ONNX files, and {} reads none"

REFUSED = [
    ("tflite", replace(TAKEN["tflite"], **IN_OPERATORS), "representation", NO_FORM.format("TensorFlow Lite")),
    ("bitsandbytes", replace(TAKEN["bitsandbytes"], **IN_OPERATORS), "representation", NO_FORM.format("bitsandbytes")),
    ("gguf", replace(TAKEN["gguf"], **IN_OPERATORS), "representation", NO_FORM.format("GGUF")),
    ("onnxruntime", Recipe(weights="int4", **IN_OPERATORS), "weights", "a byte a weight, and int4 has two in it"),
    ("onnxruntime", Recipe((Rule("fc*", Scheme("uint4")),), **IN_OPERATORS), "rule 'fc*'", "uint4 has two in it"),
    ("onnxruntime-web", Recipe(weights="nf4", **ALONE), "weights", "takes no such nf4 weights"),
    ("onnxruntime", Recipe(weights="fp8_e4m3", **ALONE), "weights", "takes no such fp8_e4m3 weights"),
    ("onnxruntime", Recipe(weights=Scheme("int4"), **ALONE), "weights", "has a scale for each block or channel"),
    (
        "onnxruntime",
        Recipe(weights=Scheme("int4", granularity="block", block_size=48), **ALONE),
        "weights",
        "MatMulNBits has no blocks of 48",
    ),
    (
        "onnxruntime",
        Recipe(weights=Scheme("int4", "channel", scale_scheme=Scheme("fp16")), **ALONE),
        "weights",
        "takes no such int4 weights",
    ),
    ("tflite", Recipe(), "activation_scheme", "takes no uint8 activations (unsigned ones belong to its old"),
    ("tflite", Recipe(weights=Scheme("uint8", symmetric=False)), "weights", "reads no uint8 weights"),
    ("tflite", Recipe(weights=SYMMETRIC_INT8), "weights", "needs weights whose zero-point is 0"),
    ("tflite", Recipe((Rule("fc*", Scheme("int3")),)), "rule 'fc*'", "reads no int3 weights"),
    ("bitsandbytes", Recipe(), "activations", "has no 'static' activations (it computes in float)"),
    ("bitsandbytes", Recipe(weights=Scheme("int8")), "weights", "has no scales a tensor"),
    ("gguf", Recipe(overrides=(Override("w", Scheme("int4")),)), "override of 'w'", "reads no int4 weights"),
]


@pytest.mark.parametrize(("runtime_id", "recipe", "where", "words"), REFUSED)
def test_reasons(runtime_id: str, recipe: Recipe, where: str, words: str) -> None:
    found = runtime(runtime_id).restrictions(recipe)
    assert any(item.where == where and words in item.what and item.hint for item in found), found


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(weights="int3", **IN_OPERATORS),
        Recipe(activations="dynamic", **IN_OPERATORS),
        Recipe(weights="int8", **ALONE),
        Recipe(weights=Scheme("uint4", granularity="block", block_size=16, symmetric=False), **ALONE),
    ],
)
def test_operators_on_codes_that_onnxruntime_has(recipe: Recipe) -> None:
    assert runtime("onnxruntime").restrictions(recipe) == ()


def test_blocks_that_its_kernels_lack() -> None:
    odd = Recipe(
        weights=Scheme("nf4", granularity="block", axis=-1, block_size=48),
        activations="weight_only",
        runtime="bitsandbytes",
    )
    assert "no blocks of 48" in runtime("bitsandbytes").restrictions(odd)[0].what


def graph(opset: int = 17) -> Graph:
    held = constants(w=np.zeros((4, 2, 3, 3), np.float32))
    return Graph("net", (), (), (Node("Conv", "conv", ("x", "w"), ("y",)),), held, opset)


def test_graphs() -> None:
    web = runtime("onnxruntime-web")
    assert web.restrictions(Recipe(), graph()) == ()
    (found,) = web.restrictions(Recipe(), graph(27))
    assert "takes operator sets 7 to 26, and this is 27" in found.what
    recipe = Recipe(weights=Scheme("int4"), activations="dynamic")
    (found,) = runtime("onnxruntime").restrictions(recipe, graph())
    assert (found.where, "with int4 weights in Conv" in found.what) == ("node 'conv'", True)
    assert runtime("onnxruntime").restrictions(replace(recipe, operators=("MatMul",)), graph()) == ()


def test_single_weights() -> None:
    assert "rank 2 only" in runtime("bitsandbytes").takes_weight((4, 2, 3, 3), NF4, 0)
    assert "no whole blocks of 64" in runtime("bitsandbytes").takes_weight((4, 100), NF4, 0)
    assert runtime("bitsandbytes").takes_weight((4, 128), NF4, 0) == ""
    other_axis = Scheme("int8", granularity="channel", axis=1)
    assert "output channels only" in runtime("tflite").takes_weight((4, 2, 3, 3), other_axis, 0)
    assert runtime("tflite").takes_weight((4, 2, 3, 3), other_axis, 1) == ""

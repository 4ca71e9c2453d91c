"""Weights that bitsandbytes puts into .safetensors files, read as one tensor each, against what it dequantizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import playground
from playground import QTensor, Recipe, Scheme
from playground.ptq.without_graph import quantize_tensors

torch = pytest.importorskip("torch")
bnb = pytest.importorskip("bitsandbytes")
ops = pytest.importorskip("bitsandbytes.backends.default.ops")
from safetensors.torch import load_file, save_file  # noqa: E402

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def layer(kind: str, block: int, nested: bool, dtype: Any, shape: tuple[int, int]) -> Any:
    """A layer whose weight is quantized as Transformers does it."""
    made = bnb.nn.Linear4bit(
        shape[1], shape[0], bias=True, compute_dtype=dtype, compress_statistics=nested, quant_type=kind
    )
    values = (
        torch.randn(shape, generator=torch.Generator().manual_seed(3))
        * 10.0 ** torch.linspace(-3, 2, shape[0])[:, None]
    )
    weight = bnb.nn.Params4bit(
        values.to(dtype), requires_grad=False, blocksize=block, compress_statistics=nested, quant_type=kind
    )
    made.weight = weight
    return made.to("cpu")


def dequantized(weight: Any) -> Any:
    """By the tool's kernel, or by its plain form where rows are not whole blocks: there the kernel mixes up scales."""
    state = weight.quant_state
    if state.shape[-1] % state.blocksize == 0:
        return bnb.functional.dequantize_4bit(weight.data, state)
    absmax = state.absmax
    if state.nested:
        absmax = bnb.functional.dequantize_blockwise(absmax, state.state2) + state.offset
    return ops._dequantize_4bit_compute(
        weight.data.reshape(-1), absmax, state.code, state.blocksize, tuple(state.shape), state.dtype
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(("block", "width"), [(64, 320), (256, 512), (256, 320)])
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_four_bits(kind: str, block: int, width: int, nested: bool, dtype: str, tmp_path: Path) -> None:
    made = layer(kind, block, nested, DTYPES[dtype], (37, width))
    state = made.state_dict(prefix="model.fc.")
    save_file({name: values.contiguous() for name, values in state.items()}, tmp_path / "w.safetensors")
    model = playground.load(tmp_path / "w.safetensors")
    assert sorted(model.tensors) == ["model.fc.bias", "model.fc.weight"]
    weight = model.tensors["model.fc.weight"]
    assert (weight.dtype, weight.shape) == ({"nf4": "nf4", "fp4": "bnb_fp4"}[kind], (37, width))
    assert weight.nbytes == sum(
        values.numel() * values.element_size() for name, values in state.items() if "weight" in name
    )
    np.testing.assert_array_equal(weight.numpy(), dequantized(made.weight).float().numpy())
    table = weight.parts["quant_map"].numpy()
    np.testing.assert_array_equal(table, made.weight.quant_state.code.numpy())


def test_eight_bits(tmp_path: Path) -> None:
    values = torch.randn((33, 64), generator=torch.Generator().manual_seed(4))
    made = bnb.nn.Linear8bitLt(64, 33, has_fp16_weights=False)
    codes, scales, _ = bnb.functional.int8_vectorwise_quant(values.half())
    made.weight = bnb.nn.Int8Params(codes, requires_grad=False, has_fp16_weights=False, CB=codes, SCB=scales)
    state = made.state_dict(prefix="fc.")
    assert {"fc.weight", "fc.SCB"} <= set(state)
    save_file(state, tmp_path / "w.safetensors")
    weight = playground.load(tmp_path / "w.safetensors").tensors["fc.weight"]
    assert (weight.dtype, weight.shape) == ("bnb_int8", (33, 64))
    expected = bnb.functional.int8_vectorwise_dequant(codes, scales)
    np.testing.assert_array_equal(weight.numpy(), expected.numpy())


FC = "model.fc.weight"


def our_file(values: Any, weights: Scheme, path: Path) -> tuple[QTensor, dict[str, Any]]:
    """A weight as our file has it, and what the file's own tool reads."""
    save_file({FC: values}, path.with_name("m.safetensors"))
    recipe = Recipe(weights=weights, runtime="bitsandbytes", activations="weight_only")
    made = quantize_tensors(playground.load(path.with_name("m.safetensors")), recipe)
    made.save(path)
    return made.quantized[FC], load_file(path)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("kind", ["nf4", "fp4"])
def test_our_four_bits_are_the_state_that_the_tool_saves(kind: str, nested: bool, dtype: str, tmp_path: Path) -> None:
    """All of it: names, types, shapes, bytes; and the tool decodes it to what our reader does."""
    values = torch.randn((37, 320), generator=torch.Generator().manual_seed(5)).to(DTYPES[dtype])
    expected = {name: part for name, part in layer_of(values, kind, nested).items() if "bias" not in name}
    scales = Scheme("bnb_dynamic8", "block", axis=-1, block_size=256, convention="bitsandbytes", centre=True)
    name = {"nf4": "nf4", "fp4": "bnb_fp4"}[kind]
    weights = Scheme(*(name, "block", -1, 64), convention="bitsandbytes", scale_scheme=scales if nested else None)
    _, found = our_file(values, weights, tmp_path / "q.safetensors")
    assert set(found) == set(expected)
    for part, theirs in expected.items():
        assert found[part].dtype == theirs.dtype
        if part.endswith(f"bitsandbytes__{kind}"):
            ours, told = (json.loads(bytes(state.numpy())) for state in (found[part], theirs))
            # PyTorch adds up the mean in parts of its own
            assert ours.pop("nested_offset", 0) == pytest.approx(told.pop("nested_offset", 0), rel=1e-6)
            assert list(ours.items()) == list(told.items())
        elif not (nested and part.endswith("absmax")):
            assert found[part].shape == theirs.shape
            np.testing.assert_array_equal(found[part].float().numpy(), theirs.float().numpy())
    stats = {part.removeprefix(f"{FC}."): values for part, values in found.items() if part != FC}
    back = bnb.nn.Params4bit.from_prequantized(found[FC], stats, device="cpu")
    weight = playground.load(tmp_path / "q.safetensors").tensors[FC]
    np.testing.assert_array_equal(weight.numpy(), dequantized(back).float().numpy())


def layer_of(values: Any, kind: str, nested: bool) -> dict[str, Any]:
    """The state of a layer with these weights, saved by the tool."""
    weight = bnb.nn.Params4bit(values, requires_grad=False, blocksize=64, compress_statistics=nested, quant_type=kind)
    made = bnb.nn.Linear4bit(values.shape[1], values.shape[0], compress_statistics=nested, quant_type=kind)
    made.weight = weight
    state: dict[str, Any] = made.to("cpu").state_dict(prefix="model.fc.")
    return state


def test_our_eight_bits_are_what_the_tool_makes(tmp_path: Path) -> None:
    values = torch.randn((33, 64), generator=torch.Generator().manual_seed(4)).half()
    codes, scales, _ = bnb.functional.int8_vectorwise_quant(values)
    _, found = our_file(
        values, Scheme("int8", "channel", axis=0, convention="bitsandbytes"), tmp_path / "q.safetensors"
    )
    assert set(found) == {FC, "model.fc.SCB", "model.fc.weight_format"}
    assert torch.equal(found[FC], codes)
    assert torch.equal(found["model.fc.SCB"], scales)
    weight = playground.load(tmp_path / "q.safetensors").tensors[FC]
    np.testing.assert_array_equal(weight.numpy(), bnb.functional.int8_vectorwise_dequant(codes, scales).numpy())


LAYERS = {
    "nf4": Scheme("nf4", "block", -1, 64, convention="bitsandbytes"),
    "nf4 twice": Scheme(
        *("nf4", "block", -1, 64),
        convention="bitsandbytes",
        scale_scheme=Scheme("bnb_dynamic8", "block", -1, 256, convention="bitsandbytes", centre=True),
    ),
    "fp4": Scheme("bnb_fp4", "block", -1, 64, convention="bitsandbytes"),
    "int8": Scheme("int8", "channel", 0, convention="bitsandbytes"),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_transformers_loads_it(kind: str, tmp_path: Path) -> None:
    """A tiny Llama: its layers have our codes, and it answers as the float model does with what they stand for."""
    transformers = pytest.importorskip("transformers")
    transformers = pytest.importorskip("transformers")
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 2, "vocab_size": 32}
    config = transformers.LlamaConfig(num_hidden_layers=1, tie_word_embeddings=False, **shape)
    torch.manual_seed(0)
    original = transformers.LlamaForCausalLM(config).eval()
    original.save_pretrained(tmp_path)
    recipe = Recipe(weights=LAYERS[kind], runtime="bitsandbytes", activations="weight_only")
    made = quantize_tensors(playground.load(tmp_path / "model.safetensors"), recipe)
    made.save(tmp_path / "model.safetensors")
    told = json.loads((tmp_path / "config.json").read_text())
    told["quantization_config"] = json.loads(
        playground.load(tmp_path / "model.safetensors").metadata["quantization_config"]
    )
    (tmp_path / "config.json").write_text(json.dumps(told))
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, device_map="cpu", dtype=torch.float32)
    assert len(made.quantized) == 8
    read = playground.load(tmp_path / "model.safetensors").tensors
    with torch.no_grad():
        for name, held in made.quantized.items():
            layer, values = name.removesuffix(".weight"), torch.from_numpy(read[name].numpy())
            loaded = model.get_submodule(layer).weight
            if kind == "int8":
                np.testing.assert_array_equal(loaded.data.numpy(), held.codes)
            else:
                np.testing.assert_array_equal(dequantized(loaded).float().numpy(), values.numpy())
            original.get_submodule(layer).weight.copy_(values)
        ids = torch.arange(8)[None]
        # its products are made of bfloat16, or of int8 activations
        np.testing.assert_allclose(model(ids).logits.float().numpy(), original(ids).logits.numpy(), atol=2e-2)

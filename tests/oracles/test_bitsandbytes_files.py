"""Weights that bitsandbytes puts into .safetensors files, read as one tensor each, against what it dequantizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import playground

torch = pytest.importorskip("torch")
bnb = pytest.importorskip("bitsandbytes")
ops = pytest.importorskip("bitsandbytes.backends.default.ops")
from safetensors.torch import save_file  # noqa: E402

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

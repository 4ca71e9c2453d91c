"""PyTorch: ``torch.ao.quantization``'s observers, torchao's MX and NVFP4, and bitsandbytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from playground.ptq.scripts._script import Origin, Script
from playground.quantization import Scheme

if TYPE_CHECKING:
    from playground.ptq.without_graph import QuantizedTensors

_INTEGERS = {"int8": "torch.qint8", "uint8": "torch.quint8"}
_MX = {
    **{"mxfp8_e4m3": "torch.float8_e4m3fn", "mxfp8_e5m2": "torch.float8_e5m2", "mxfp4": "torch.float4_e2m1fn_x2"},
}
_FOUR_BITS = {"nf4": "nf4", "bnb_fp4": "fp4"}
_NESTED = Scheme("bnb_dynamic8", "block", -1, 256, convention="bitsandbytes", centre=True)
"""How bitsandbytes quantizes scales once more."""

_FILES = (".safetensors", ".npz", ".pt", ".pth", ".ckpt")


def why_not(origin: Origin) -> str:
    """Why it cannot make the same codes; empty if it can."""
    from playground.ptq.without_graph import QuantizedTensors

    if not isinstance(origin.result, QuantizedTensors):
        return "PyTorch does not read a graph from an ONNX or TFLite file"
    if not origin.file.endswith(_FILES):
        return f"the script opens {', '.join(_FILES)}"
    if any(tensor.quantized for tensor in origin.model.tensors.values()):
        return "the file has codes already"
    if any(override.range is not None for override in origin.recipe.overrides):
        return "the recipe sets ranges of single tensors"
    for name, held in origin.result.quantized.items():
        shape = origin.model.tensors[name].shape
        if reason := _about(held.scheme, shape, origin.result.ending):
            return f"{reason} ({name[:80]})"
    return ""


def _about(scheme: Scheme, shape: tuple[int, ...], ending: str) -> str:
    """Why it makes no codes as a scheme has them."""
    if ending == ".gguf":
        return "PyTorch has none of ggml's blocks"
    if ending == ".safetensors":
        return "" if scheme == _of_bitsandbytes(scheme) else "bitsandbytes' own codes need its convention and ranges"
    if scheme.format in _INTEGERS:
        own = Scheme(*_fields(scheme), symmetric=scheme.symmetric, convention="pytorch")
        if scheme.granularity in ("tensor", "channel") and scheme == own:
            return ""
        return "the same codes as torch.ao's need the convention 'pytorch', the calibrator minmax and no other option"
    if scheme.format in (*_MX, "nvfp4"):
        own = Scheme(scheme.format, axis=scheme.axis, convention="torchao_mx")
        if scheme == own and scheme.axis in (-1, len(shape) - 1) and len(shape) == 2:
            return "" if not shape[-1] % 32 else "torchao has no blocks that are not full"
        return "the same codes as torchao's need the convention 'torchao_mx' and blocks in the rows of a matrix"
    return f"torch.ao and torchao have no {scheme.format}"


def _fields(scheme: Scheme) -> tuple[str, str, int | None]:
    return scheme.format, scheme.granularity, scheme.axis


def _of_bitsandbytes(scheme: Scheme) -> Scheme | None:
    """The tool's own scheme of this kind."""
    if scheme.format not in _FOUR_BITS:
        return Scheme(*_fields(scheme), convention="bitsandbytes")
    nested = _NESTED if scheme.scale_scheme is not None else None
    return Scheme(*_fields(scheme), scheme.block_size, convention="bitsandbytes", scale_scheme=nested)


def text(origin: Origin) -> str:
    """A script that writes the file."""
    from playground.ptq.without_graph import QuantizedTensors

    result = origin.result
    if not isinstance(result, QuantizedTensors):
        raise TypeError("a model with a graph has no such script")
    groups = _groups(result)
    lines = [*_imports(origin, list(groups)), "", *_opened(origin.file), "made = {}"]
    for scheme, names in groups.items():
        lines += [f"for name in {names!r}:", *(f"    {line}" for line in _body(scheme))]
    return "\n".join([*lines, *_saved(origin, result)])


def _groups(result: QuantizedTensors) -> Mapping[Scheme, list[str]]:
    groups: dict[Scheme, list[str]] = {}
    for name, held in result.quantized.items():
        groups.setdefault(held.scheme, []).append(name)
    return groups


def _imports(origin: Origin, schemes: list[Scheme]) -> list[str]:
    used = {"import torch"}
    of_safetensors = [("load_file", origin.file), ("save_file", origin.output)]
    names = [name for name, file in of_safetensors if file.endswith(".safetensors")]
    used |= {f"from safetensors.torch import {', '.join(names)}"} if names else set()
    used |= {"import bitsandbytes"} if origin.output.endswith(".safetensors") else {"import numpy as np"}
    used |= {"import numpy as np"} if origin.file.endswith(".npz") else set()
    if not origin.output.endswith(".safetensors"):
        used |= {line for scheme in schemes for line in _needed(scheme)}
    return sorted(used)


def _needed(scheme: Scheme) -> list[str]:
    if scheme.format in _INTEGERS:
        kind = "PerChannelMinMaxObserver" if scheme.granularity == "channel" else "MinMaxObserver"
        return [f"from torch.ao.quantization import {kind}"]
    if scheme.format == "nvfp4":
        return [
            "from torchao.prototype.mx_formats.nvfp4_tensor import nvfp4_quantize, per_tensor_amax_to_scale",
        ]
    return ["from torchao.prototype.mx_formats.mx_tensor import to_mx"]


_FLAT = """def flat(held, path=""):
    \"\"\"The tensors of a checkpoint by their paths.\"\"\"
    for key, value in held.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{key}.")
        elif isinstance(value, torch.Tensor):
            yield f"{path}{key}", value.detach()


"""


def _opened(file: str) -> list[str]:
    if file.endswith(".safetensors"):
        return [f"tensors = load_file({file!r})"]
    if file.endswith(".npz"):
        return [f"tensors = {{name: torch.from_numpy(x) for name, x in np.load({file!r}).items()}}"]
    loaded = f"torch.load({file!r}, map_location='cpu', weights_only=True)"
    return ["", *_FLAT.rstrip("\n").split("\n"), "", "", f"tensors = dict(flat({loaded}))"]


def _body(scheme: Scheme) -> list[str]:
    if scheme.convention == "bitsandbytes":
        return _four_bits(scheme) if scheme.format in _FOUR_BITS else _ROWS
    lines = ["x = tensors.pop(name).float()"]
    if scheme.format in _INTEGERS:
        return [*lines, *_observed(scheme)]
    return [*lines, *(_NVFP4 if scheme.format == "nvfp4" else _mx(scheme))]


def _observed(scheme: Scheme) -> list[str]:
    dtype, channel = _INTEGERS[scheme.format], scheme.granularity == "channel"
    axis = f"{scheme.axis} % x.ndim" if scheme.axis is not None and scheme.axis < 0 else str(scheme.axis)
    kind = "channel" if channel else "tensor"
    qscheme = f"torch.per_{kind}_{'symmetric' if scheme.symmetric else 'affine'}"
    options = f"{f'ch_axis={axis}, ' if channel else ''}dtype={dtype}, qscheme={qscheme}"
    shape = f"[-1 if axis == {axis} else 1 for axis in range(x.ndim)]" if channel else "[1] * x.ndim"
    arguments = f"scale, zero_point, {axis}" if channel else "scale.item(), zero_point.item()"
    return [
        f"observer = {'PerChannel' if channel else ''}MinMaxObserver({options})",
        "observer(x)",
        "scale, zero_point = observer.calculate_qparams()",
        f"made[f'{{name}}.codes'] = torch.quantize_per_{kind}(x, {arguments}, {dtype}).int_repr()",
        f"shape = {shape}",
        "made[f'{name}.scale'] = scale.float().reshape(shape)",
        "if zero_point.any():",
        "    made[f'{name}.zero_point'] = zero_point.int().reshape(shape)",
    ]


_UNPACKED = "torch.stack([codes & 15, codes >> 4], -1).reshape(x.shape)"


def _mx(scheme: Scheme) -> list[str]:
    codes = _UNPACKED if scheme.format == "mxfp4" else "codes.reshape(x.shape)"
    return [
        f"scale, data = to_mx(x, {_MX[scheme.format]}, 32)",
        "codes = data.view(torch.uint8)",
        f"made[f'{{name}}.codes'] = {codes}",
        "made[f'{name}.scale'] = scale.float().reshape(len(x), -1)",
    ]


_NVFP4 = [
    "outer = per_tensor_amax_to_scale(x.abs().max())",
    "scale, data = nvfp4_quantize(x, 16, outer)",
    "codes = data.view(torch.uint8)",
    f"made[f'{{name}}.codes'] = {_UNPACKED}",
    "made[f'{name}.scale'] = scale.float().reshape(len(x), -1) * outer",
]

_ROWS = [
    "codes, largest, _ = bitsandbytes.functional.int8_vectorwise_quant(tensors.pop(name))",
    "base = name.removesuffix('.weight')",
    "made |= {name: codes, f'{base}.SCB': largest, f'{base}.weight_format': torch.tensor(0, dtype=torch.uint8)}",
]


def _four_bits(scheme: Scheme) -> list[str]:
    options = f"blocksize={scheme.block_size}, quant_type={_FOUR_BITS[scheme.format]!r}"
    options += f", compress_statistics={scheme.scale_scheme is not None}"
    return [
        f"codes, state = bitsandbytes.functional.quantize_4bit(tensors.pop(name), {options})",
        "made |= {name: codes, **{f'{name}.{part}': x for part, x in state.as_dict(packed=True).items()}}",
    ]


def _saved(origin: Origin, result: QuantizedTensors) -> list[str]:
    if result.ending == ".safetensors":
        return [f"save_file(tensors | made, {origin.output!r}, metadata={{'format': 'pt'}})"]
    half = any(tensor.dtype == "bfloat16" for tensor in origin.model.tensors.values())
    plain = "(x.float() if x.dtype == torch.bfloat16 else x).numpy()" if half else "x.numpy()"
    return [f"np.savez({origin.output!r}, **{{name: {plain} for name, x in (tensors | made).items()}})"]


SCRIPT = Script("torch", "PyTorch", why_not, text)

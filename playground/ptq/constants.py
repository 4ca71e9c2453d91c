"""Constants of a QDQ graph: quantized weights, and biases as int32."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.model.graph import Tensor
from playground.quantization import QParams, QTensor, Scheme, encode

MARGIN = 1.0001
"""How much larger than necessary a scale is made that a bias needs: ONNX Runtime's own margin."""

_INT32_LEVELS = 2.0 * np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class Int32Bias:
    """A bias: ``real = scale * codes``. The scale is a number, or one a channel."""

    codes: NDArray[np.int32]
    scale: Float32


def why_not(tensor: Tensor, scheme: Scheme | None = None) -> str:
    """Why a constant cannot be quantized; empty if it can."""
    if tensor.dtype != "float32":
        return f"its type is {tensor.dtype}, and only float32 is quantized"
    if tensor.size == 0:
        return f"its shape {list(tensor.shape)} has no elements"
    axis = scheme.axis if scheme is not None else None
    if axis is not None and not -len(tensor.shape) <= axis < len(tensor.shape):
        return f"its shape {list(tensor.shape)} has no axis {axis}"
    finite = np.isfinite(tensor.numpy())
    return "" if finite.all() else f"{tensor.size - int(finite.sum())} of its {tensor.size} values are NaN or infinite"


def widen_for_bias(weight: QTensor, values: Float32, bias: Float32, input_scale: np.float32) -> QTensor:
    """The weight with scales so large that its bias fits into int32 with scale ``input_scale * weight scale``.

    As ONNX Runtime does it (``_adjust_weight_scale_for_int32_bias``), for symmetric weights with a scale a tensor, or
    one for each element of the bias.
    """
    scale = weight.qparams.scale_values.astype(np.float64)
    if weight.qparams.zero_point.any() or scale.size not in (1, bias.size):
        return weight
    absmax = np.abs(bias.astype(np.float64).reshape(-1))
    smallest = MARGIN * 2 * (absmax.max() if scale.size == 1 else absmax.reshape(scale.shape)) / _INT32_LEVELS
    product = np.float64(input_scale) * scale
    wider = np.where((product < smallest) & (product > 0), scale * (smallest / product), scale).astype(np.float32)
    if np.array_equal(wider, weight.qparams.scale_values):
        return weight
    qparams = QParams(wider, weight.qparams.zero_point)
    return replace(weight, codes=encode(values, qparams, weight.scheme), qparams=qparams)


def quantize_bias(bias: Float32, input_scale: np.float32, weight: QTensor) -> Int32Bias | None:
    """The bias as int32 with scale ``input_scale * weight scale`` (float32, in that order), rounded half to even.

    None if the weight has a scale a channel and the bias is not one value a channel.
    """
    scale = weight.qparams.scale_values.reshape(-1) * input_scale
    if bias.shape == (1, scale.size):  # Gemm allows it
        bias = bias.reshape(-1)
    if scale.size == 1:
        scale = scale.reshape(())
    elif bias.shape != scale.shape:
        return None
    limits = np.iinfo(np.int32)
    codes = np.rint(bias.astype(np.float64) / scale.astype(np.float64))
    return Int32Bias(np.clip(codes, limits.min, limits.max).astype(np.int32), np.asarray(scale, np.float32))


def flat_parameters(qtensor: QTensor) -> tuple[Float32, NDArray[Any]]:
    """Scale and zero-point (in the codes' type) as DequantizeLinear takes them: numbers, or one-dimensional."""
    scale, zero_point = qtensor.qparams.scale_values, qtensor.qparams.zero_point.astype(qtensor.codes.dtype)
    if qtensor.scheme.granularity == "tensor":
        return scale.reshape(()), zero_point.reshape(())
    return scale.reshape(-1), zero_point.reshape(-1)

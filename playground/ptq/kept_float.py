"""Products that stay in float between codes, written so that ONNX Runtime leaves them in float, too.

Its optimizations (``WeightBiasQuantization``) quantize float weights of a Conv, ConvTranspose or Gemm, with one scale
for all, where the input is dequantized and the output is quantized, whatever the file says. They pass by a product
whose bias is not a constant of one axis. So a Gemm gets its bias as a row, and a convolution gets it from
DequantizeLinear, which ONNX Runtime does not compute beforehand; a product without a bias gets one of zeros.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.model.graph import Graph, Node
from playground.operators import Scales, conv, conv_transpose, find, gemm
from playground.ptq.constants import Int32Bias
from playground.ptq.placement import Placement

_BITS = 30
"""Bits of the largest code of a bias."""

_LEAST_EXPONENT = -126
"""Of the smallest float32 that no machine flushes to zero."""


class KeptFloat:
    """Which products in float ONNX Runtime would quantize, and the biases that keep it from that."""

    def __init__(self, graph: Graph, placement: Placement) -> None:
        """Note who reads what."""
        self._graph, self._placement = graph, placement
        self._readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for name in node.reads:
                self._readers.setdefault(name, []).append(node)

    def bias(self, node: Node, weight: str) -> Float32 | None:
        """The bias of such a product, for a Gemm as a row; None if ONNX Runtime leaves the product alone.

        Args:
            node: of the float graph.
            weight: what it reads as weights when it is written.
        """
        operator = find(node)
        if operator not in (conv.OPERATOR, conv_transpose.OPERATOR, gemm.OPERATOR):
            return None
        held = self._graph.initializers
        if weight not in held or held[weight].dtype != "float32" or node.inputs[0] not in self._placement.activations:
            return None
        name = node.inputs[2] if len(node.inputs) > 2 else ""
        if (name and (name not in held or len(held[name].shape) != 1)) or not self._leads_to_codes(node.outputs[0]):
            return None
        if operator is gemm.OPERATOR:
            return held[name].numpy().reshape(1, -1) if name else np.zeros((1, 1), np.float32)
        if name:
            return held[name].numpy()
        shape = held[weight].shape
        channels = shape[0] if operator is conv.OPERATOR else shape[1] * conv_transpose.OPERATOR.get(node, "group")
        return np.zeros(channels, np.float32)

    def _leads_to_codes(self, name: str) -> bool:
        """Whether a value is quantized, or what a Relu or Clip makes of it."""
        clips = (node for node in self._readers.get(name, ()) if _clips(node))
        return name in self._placement.activations or any(self._leads_to_codes(node.outputs[0]) for node in clips)


def _clips(node: Node) -> bool:
    operator = find(node)
    return operator is not None and operator.scales is Scales.CLIPS


def fine_codes(bias: Float32) -> Int32Bias:
    """A bias as int32 codes with a power of two as scale: off by no more than 2^-31 of its largest value."""
    largest = float(np.abs(bias).max(initial=0))
    exponent = max(int(np.frexp(largest)[1]) - _BITS, _LEAST_EXPONENT) if largest else 0
    codes: NDArray[np.int32] = np.rint(np.ldexp(bias.astype(np.float64), -exponent)).astype(np.int32)
    return Int32Bias(codes, np.asarray(np.ldexp(1.0, exponent), np.float32))

"""What there is to say about an operator in one word: what it does to scales, what else holds, what inputs are."""

from __future__ import annotations

import enum


class Scales(enum.Enum):
    """What an operator does to the scales of quantized values."""

    PRODUCT = "sums of products with weights: inputs, weights, bias and output have scales of their own"
    ELEMENTWISE = "inputs and output have scales of their own; constants are quantized as the activations they meet"
    FUNCTION = "a function of single values: input and output have scales of their own"
    ROWS = "a function of rows or regions: input and output have scales of their own"
    CHOICE = "values or a constant, by a condition"
    RECURRENT = "weights are quantized, activations stay in float"
    LOOKUP = "slices of a table, whose scale they keep"
    PASSES = "the first input's scale is that of the outputs"
    CLIPS = "limits values: its limits can become the range of what comes before"
    NORMALIZATION = "scaled and shifted by constants, which are quantized as a product's weights and bias are"
    CODES = "takes or gives codes: it occurs in quantized graphs only"
    FLOAT = "stays in float"


class Trait(enum.Flag):
    """What else holds for an operator."""

    NONE = 0
    MONOTONIC = enum.auto()
    """A larger input never gives a smaller output."""
    HOMOGENEOUS = enum.auto()
    """``f(s x) = s f(x)`` for positive s, channel by channel."""
    BY_CHANNEL = enum.auto()
    """Every channel is treated alike and by itself."""
    FUNCTION_WITH_CONSTANT = enum.auto()
    """A function of single values if all inputs but one are single constants."""
    MOVES = enum.auto()
    """Values come out as they went in, at other places: quantized ones lose nothing."""
    CONVOLUTION = enum.auto()
    """A product under a window that moves over images; channels are on axis 1."""
    MASKS = enum.auto()
    """May put a very low number in the place of scores that Softmax is to ignore."""
    REMOVABLE = enum.auto()
    """At inference it gives its first input as it is."""
    STORED_TYPES = enum.auto()
    """Its codes may be of a type that NumPy has not, so that only the file can say which."""
    QUANTIZED = enum.auto()
    """It stands only where activations are quantized."""
    TAKES_DYNAMIC = enum.auto()
    """It may follow a DynamicQuantizeLinear when it is planned."""


class Takes(enum.Enum):
    """What an input of an operator is."""

    VALUES = "values, real or codes"
    PARAMETER = "one number for each channel or column"
    NUMBER = "a single number"
    CONDITION = "yes or no for each value"
    SIZES = "sizes of axes, or of pieces"
    AXES = "places of axes"
    INDICES = "places along an axis"
    BOUNDS = "where along axes something begins or ends"
    STEPS = "from one place to the next"
    WIDTHS = "how many places before and after each axis"
    FACTORS = "by how much axes grow"


class Form(enum.Flag):
    """In which forms an operator can be quantized, and when it is in the static one."""

    NONE = 0
    DEFAULT = enum.auto()
    """Static, by default: ONNX Runtime's rules have it so too."""
    FURTHER = enum.auto()
    """Static, by default: ONNX Runtime's rules leave it in float unless it is named."""
    NAMED = enum.auto()
    """Static, by ONNX Runtime's rules, if the recipe names operators and this is one of them."""
    DYNAMIC = enum.auto()
    """With activations quantized while the model runs."""
    WEIGHT_ONLY = enum.auto()
    """With activations in float."""

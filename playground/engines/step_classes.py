"""The steps that have kernels, under one name, for lowering."""

from playground.operators._dynamic import DynamicQuantize, DynamicRange, ScaleSums
from playground.operators._floats import FloatAdd, FloatPool
from playground.operators._products import Product
from playground.operators.add import Add
from playground.operators.average_pool import AveragePool
from playground.operators.concat import Concat
from playground.operators.conv import Conv
from playground.operators.gather import Gather
from playground.operators.layer_normalization import LayerNorm
from playground.operators.mat_mul import ActivationMatMul
from playground.operators.max_pool import MaxPool
from playground.operators.mul import Mul
from playground.operators.pad import Pad
from playground.operators.resize import Resize
from playground.operators.softmax import Softmax
from playground.programs.program import Program, Step
from playground.programs.steps import Lookup, Quantize, Reshape, View

__all__ = [
    "ActivationMatMul", "Add", "AveragePool", "Concat", "Conv", "DynamicQuantize", "DynamicRange", "FloatAdd",
    "FloatPool", "Gather", "LayerNorm", "Lookup", "MaxPool", "Mul", "Pad", "Product", "Program", "Quantize", "Reshape",
    "Resize", "ScaleSums", "Softmax", "Step", "View",
]  # fmt: skip

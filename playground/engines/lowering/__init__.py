"""Turns the steps of an integer program into kernel calls: one function a step, beside the kernels that it calls."""

from playground.engines.lowering import elementwise, floats, moves, pools, products, rows
from playground.engines.lowering.state import Lowering

__all__ = ["Lowering", "elementwise", "floats", "moves", "pools", "products", "rows"]

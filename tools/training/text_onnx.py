"""The character model as an ONNX file, from its parameters by name. Needs onnx; ``text.py`` calls it."""

from __future__ import annotations

import math

import numpy as np

from tools.training.onnx_files import Parameters, Writer


def to_onnx(name: str, parameters: Parameters, heads: int, time: int) -> bytes:
    """Input ``tokens`` int64 (batch, time), output ``logits`` float32 (batch, time, characters)."""
    writer = Writer(parameters)
    characters, width = parameters["tokens.weight"].shape
    # Where, not Add: a sum with large negative numbers would need a range in which quantized scores vanish
    writer.constant("attention.past", np.tril(np.ones((time, time), np.bool_)))
    writer.constant("attention.never", np.full((), -1e4, np.float32))
    writer.constant("attention.scale", np.full((), 1 / math.sqrt(width // heads), np.float32))
    writer.constant("attention.split", np.array([0, 0, heads, width // heads], np.int64))
    writer.constant("attention.join", np.array([0, 0, width], np.int64))
    x = writer.add("Gather", "embed", writer.parameter("tokens.weight"), "tokens")
    x = writer.add("Add", "place", x, writer.parameter("positions.weight"))
    for index in range(sum(key.endswith("norm1.weight") for key in parameters)):
        x = _block(writer, f"blocks.{index}", x)
    writer.linear("head", writer.norm("norm", x))
    return writer.file(name, {"tokens": (np.int64, ["batch", time])}, {"logits": ["batch", time, characters]})


def _block(writer: Writer, name: str, x: str) -> str:
    mixed = writer.linear(f"{name}.out", _attention(writer, name, writer.norm(f"{name}.norm1", x)))
    x = writer.add("Add", f"{name}.residual1", x, mixed)
    up = writer.linear(f"{name}.up", writer.norm(f"{name}.norm2", x))
    down = writer.linear(f"{name}.down", writer.add("Gelu", f"{name}.gelu", up))
    return writer.add("Add", f"{name}.residual2", x, down)


def _attention(writer: Writer, name: str, x: str) -> str:
    def heads(which: str, order: list[int]) -> str:
        y = writer.add("Reshape", f"{name}.{which}.split", writer.linear(f"{name}.{which}", x), "attention.split")
        return writer.add("Transpose", f"{name}.{which}.heads", y, perm=order)

    query, key, value = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
    scores = writer.add("MatMul", f"{name}.scores", query, key)
    scaled = writer.add("Mul", f"{name}.scaled", scores, "attention.scale")
    masked = writer.add("Where", f"{name}.masked", "attention.past", scaled, "attention.never")
    mixed = writer.add("MatMul", f"{name}.mix", writer.add("Softmax", f"{name}.softmax", masked, axis=-1), value)
    joined = writer.add("Transpose", f"{name}.mix.heads", mixed, perm=[0, 2, 1, 3])
    return writer.add("Reshape", f"{name}.mix.join", joined, "attention.join")

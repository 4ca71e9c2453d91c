"""Writes the one-operator ONNX models that the bench page runs in ONNX Runtime Web beside our kernels.

Usage: python tests/benchmarks/operator_models.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.writers.onnx import to_onnx

SHAPES = ((512, 512, 512), (384, 1024, 1024))
CONV_CHANNELS, CONV_SIZE = 64, 56
FOUR_BIT_SIZE = 2048
SEED = 20260101


def weights(depth: int, columns: int) -> np.ndarray:
    """Int8 weights (depth, columns), the same at every build."""
    return np.random.default_rng(SEED).integers(-127, 128, (depth, columns)).astype(np.int8)


def _graph(name: str, node: Node, x: str, y: str, rows: int, w: dict[str, np.ndarray]) -> Graph:
    depth, columns = w["w"].shape
    return Graph(
        name=name,
        inputs=(ValueInfo("x", x, (rows, depth)),),
        outputs=(ValueInfo("y", y, (rows, columns)),),
        nodes=(node,),
        initializers={key: Tensor.of(key, values) for key, values in w.items()},
        opset=17,
    )


def models(rows: int, depth: int, columns: int) -> dict[str, Graph]:
    """Operator id -> graph: MatMulInteger, QLinearMatMul and float MatMul on the same weights."""
    w = weights(depth, columns)
    quantized = {
        "x_scale": np.float32(0.02), "x_zero": np.uint8(128), "w": w, "w_scale": np.float32(0.01), "w_zero": np.int8(0),
        "y_scale": np.float32(0.5), "y_zero": np.uint8(128),
    }  # fmt: skip
    signed = {"w": w, "x_zero": np.asarray(np.int8(0)), "w_zero": np.asarray(np.int8(0))}
    integer = Node("MatMulInteger", "product", ("x", "w", "x_zero", "w_zero"), ("y",))
    linear = Node(
        "QLinearMatMul", "product", ("x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero"), ("y",)
    )
    floats = Node("MatMul", "product", ("x", "w"), ("y",))
    as_arrays = {name: np.asarray(values) for name, values in quantized.items()}
    zeros = {name: as_arrays[name] for name in ("w", "x_zero", "w_zero")}
    return {
        "matmulinteger": _graph("matmulinteger", integer, "uint8", "int32", rows, zeros),
        "matmulinteger-s8": _graph("matmulinteger-s8", integer, "int8", "int32", rows, signed),
        "qlinearmatmul": _graph("qlinearmatmul", linear, "uint8", "uint8", rows, as_arrays),
        "matmul": _graph("matmul", floats, "float32", "float32", rows, {"w": w.astype(np.float32)}),
    }


def conv() -> tuple[Graph, np.ndarray]:
    """QLinearConv 3 x 3, padded, and its weights as our kernels take them: (kernel_h, kernel_w, channels, outputs)."""
    matrix = weights(9 * CONV_CHANNELS, CONV_CHANNELS)
    filters = matrix.reshape(3, 3, CONV_CHANNELS, CONV_CHANNELS).transpose(3, 2, 0, 1)
    constants = {
        "x_scale": np.float32(0.02), "x_zero": np.uint8(128), "w": np.ascontiguousarray(filters),
        "w_scale": np.float32(0.01), "w_zero": np.int8(0), "y_scale": np.float32(0.5), "y_zero": np.uint8(128),
    }  # fmt: skip
    shape = (1, CONV_CHANNELS, CONV_SIZE, CONV_SIZE)
    inputs = ("x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero")
    graph = Graph(
        name="qlinearconv",
        inputs=(ValueInfo("x", "uint8", shape),),
        outputs=(ValueInfo("y", "uint8", shape),),
        nodes=(Node("QLinearConv", "conv", inputs, ("y",), {"pads": (1, 1, 1, 1)}),),
        initializers={key: Tensor.of(key, np.asarray(values)) for key, values in constants.items()},
        opset=17,
    )
    return graph, matrix


def four_bit(accuracy_level: int = 0) -> tuple[Graph, np.ndarray, np.ndarray]:
    """MatMulNBits, and its codes and scales as our kernels take them (see k_gemv_4bit)."""
    rng = np.random.default_rng(SEED)
    codes = rng.integers(0, 16, (FOUR_BIT_SIZE, FOUR_BIT_SIZE // 32, 32)).astype(np.uint8)
    scales = rng.uniform(0.01, 0.1, codes.shape[:2]).astype(np.float32)
    neighbours = codes[..., 0::2] | codes[..., 1::2] << 4  # as ONNX Runtime has them: even ones in the low halves
    attributes = {"K": FOUR_BIT_SIZE, "N": FOUR_BIT_SIZE, "bits": 4, "block_size": 32}
    attributes |= {"accuracy_level": accuracy_level}
    graph = Graph(
        name="matmulnbits",
        inputs=(ValueInfo("x", "float32", (1, FOUR_BIT_SIZE)),),
        outputs=(ValueInfo("y", "float32", (1, FOUR_BIT_SIZE)),),
        nodes=(Node("MatMulNBits", "product", ("x", "w", "scales"), ("y",), attributes, domain="com.microsoft"),),
        initializers={"w": Tensor.of("w", neighbours), "scales": Tensor.of("scales", scales.reshape(-1))},
        opset=17,
        other_opsets={"com.microsoft": 1},
    )
    return graph, codes[..., :16] | codes[..., 16:] << 4, scales


def main(folder: Path) -> None:
    """Write every model, and the weights as raw int8 for our kernels."""
    folder.mkdir(parents=True, exist_ok=True)
    for rows, depth, columns in SHAPES:
        stem = f"{rows}x{depth}x{columns}"
        (folder / f"weights-{stem}.bin").write_bytes(weights(depth, columns).tobytes())
        for name, graph in models(rows, depth, columns).items():
            (folder / f"{name}-{stem}.onnx").write_bytes(to_onnx(graph))
    graph, matrix = conv()
    (folder / "weights-conv.bin").write_bytes(matrix.tobytes())
    (folder / "qlinearconv.onnx").write_bytes(to_onnx(graph))
    graph, codes, scales = four_bit()
    (folder / "codes-4bit.bin").write_bytes(codes.tobytes())
    (folder / "scales-4bit.bin").write_bytes(scales.tobytes())
    (folder / "matmulnbits.onnx").write_bytes(to_onnx(graph))
    (folder / "matmulnbits-int8.onnx").write_bytes(to_onnx(four_bit(accuracy_level=4)[0]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

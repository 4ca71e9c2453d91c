"""``quantize_model`` against onnxruntime's ``quantize_static`` and ``quantize_dynamic`` on models of about 90 MB.

Usage: python tests/benchmarks/quantize_static.py [--json] [--rounds 3] [--samples 8] [--only encoder]

From file to file, both calibrated on the same samples, taking turns after one untimed round each (of imports); the
ratio is that of the medians, ours over theirs: below 1 ours is faster. Both quantize the same operators, and the
answers of the files are compared.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

# As a script it stands beside formats.py, as a module in tests.benchmarks
try:
    from tests.benchmarks import formats
except ImportError:
    import formats  # type: ignore[no-redef]

import playground
from playground.model.recipe import CalibrationSettings, Recipe
from playground.operators import Form, all_operators
from playground.quantization import Scheme

RNG = np.random.default_rng(20260101)
OPERATORS = tuple(name for name, known in all_operators().items() if Form.DEFAULT in known.forms)
TOKENS, WIDTH, HIDDEN, LAYERS = 32, 512, 2048, 7


class Net:
    """Collects nodes and weights of a graph that is made here."""

    def __init__(self) -> None:
        """Start empty."""
        self.nodes: list[Any] = []
        self.weights: dict[str, np.ndarray] = {}

    def weight(self, name: str, *shape: int) -> str:
        """A normal constant, scaled so that activations keep their size."""
        fan_in = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0]
        values = RNG.standard_normal(shape, np.float32) / np.float32(np.sqrt(fan_in))
        self.weights[name] = values if len(shape) > 1 else np.zeros(shape, np.float32)
        return name

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """A node; its output's name."""
        self.nodes.append(helper.make_node(op, inputs, [output], output, **attributes))
        return output

    def model(self, x: list[Any], y: str) -> onnx.ModelProto:
        """The ONNX model."""
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(values, name) for name, values in self.weights.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def encoder(layers: int = LAYERS) -> onnx.ModelProto:
    """A transformer encoder of 3.1 million parameters a layer: attention with one head, layer normalization, ReLU."""
    net, h = Net(), "x"
    net.weights |= {"root": np.array(WIDTH**0.5, np.float32)}
    for k in range(layers):

        def linear(source: str, name: str, size: int, out: int) -> str:
            product = net.add("MatMul", [source, net.weight(f"{name}.weight", size, out)], f"{name}.product")
            return net.add("Add", [product, net.weight(f"{name}.bias", out)], name)

        def norm(source: str, name: str) -> str:
            net.weights |= {f"{name}.g": np.ones(WIDTH, np.float32), f"{name}.b": np.zeros(WIDTH, np.float32)}
            return net.add("LayerNormalization", [source, f"{name}.g", f"{name}.b"], name, axis=-1)

        q, keys, v = (linear(h, f"l{k}.{part}", WIDTH, WIDTH) for part in "qkv")
        turned = net.add("Transpose", [keys], f"l{k}.turned", perm=[0, 2, 1])
        scores = net.add("Div", [net.add("MatMul", [q, turned], f"l{k}.scores"), "root"], f"l{k}.scaled")
        shares = net.add("Softmax", [scores], f"l{k}.shares", axis=-1)
        mixed = linear(net.add("MatMul", [shares, v], f"l{k}.mixed"), f"l{k}.out", WIDTH, WIDTH)
        h = norm(net.add("Add", [h, mixed], f"l{k}.sum1"), f"l{k}.norm1")
        wide = net.add("Relu", [linear(h, f"l{k}.up", WIDTH, HIDDEN)], f"l{k}.relu")
        h = norm(net.add("Add", [h, linear(wide, f"l{k}.down", HIDDEN, WIDTH)], f"l{k}.sum2"), f"l{k}.norm2")
    return net.model(["n", TOKENS, WIDTH], h)


def convnet() -> onnx.ModelProto:
    """Residual blocks of 3x3 convolutions with 22 million parameters."""
    net = Net()
    h = net.add("Conv", ["x", net.weight("stem", 256, 3, 3, 3), net.weight("stem.b", 256)], "s", pads=[1] * 4)
    for k in range(18):
        names = [h, net.weight(f"w{k}a", 256, 256, 3, 3), net.weight(f"b{k}a", 256)]
        inner = net.add("Relu", [net.add("Conv", names, f"c{k}a", pads=[1] * 4)], f"r{k}a")
        names = [inner, net.weight(f"w{k}b", 256, 256, 3, 3), net.weight(f"b{k}b", 256)]
        h = net.add("Relu", [net.add("Add", [h, net.add("Conv", names, f"c{k}b", pads=[1] * 4)], f"a{k}")], f"r{k}b")
    flat = net.add("Flatten", [net.add("GlobalAveragePool", [h], "p")], "f")
    head = net.add("Gemm", [flat, net.weight("fc", 256, 1000), net.weight("fc.b", 1000)], "y")
    return net.model(["n", 3, 16, 16], head)


MODELS = {"encoder": (encoder, (TOKENS, WIDTH)), "convnet": (convnet, (3, 16, 16))}


class Reader(CalibrationDataReader):
    """Hands out the samples one batch at a time."""

    def __init__(self, x: np.ndarray) -> None:
        """All samples in one batch."""
        self._batches = iter([{"x": x}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch."""
        return next(self._batches, None)


def our_task(source: Path, target: Path, x: np.ndarray, activations: str) -> None:
    """Load, quantize, save."""
    recipe = Recipe(
        weights=Scheme("int8"),
        activations=activations,
        calibration=CalibrationSettings(batch=len(x)),
        operators=OPERATORS if activations == "static" else None,
    )
    model = playground.load(source)
    playground.quantize_model(model, recipe, {"x": x} if activations == "static" else None).save(target)


def their_task(source: Path, target: Path, x: np.ndarray, activations: str) -> None:
    """The tool's own calls, for the same operators and types."""
    if activations == "dynamic":
        quantize_dynamic(source, target, weight_type=QuantType.QInt8)
        return
    quantize_static(
        source,
        target,
        Reader(x),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(OPERATORS),
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def measure(name: str, activations: str, samples: int, rounds: int) -> dict[str, Any]:
    """Medians of both, taking turns, and the largest difference of the files' answers."""
    make, shape = MODELS[name]
    x = RNG.standard_normal((samples, *shape), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "float.onnx"
        source.write_bytes(make().SerializeToString())
        targets = {"ours": Path(folder) / "ours.onnx", "theirs": Path(folder) / "theirs.onnx"}
        ours = partial(our_task, source, targets["ours"], x, activations)
        theirs = partial(their_task, source, targets["theirs"], x, activations)
        times = formats.measure(formats.Pair(name, "onnxruntime", ours, theirs), rounds)
        answers = [onnxruntime.InferenceSession(targets[side]).run(None, {"x": x})[0] for side in targets]
        megabytes = source.stat().st_size / 1e6
    return {
        "model": name,
        "activations": activations,
        "megabytes": megabytes,
        **{key: times[key] for key in ("ours_s", "theirs_s", "ratio")},
        "largest_difference": float(np.abs(answers[0] - answers[1]).max()),
    }


def main(arguments: list[str]) -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description="quantize_model against onnxruntime.quantization")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--only", choices=tuple(MODELS))
    options = parser.parse_args(arguments)
    rows = [
        measure(name, activations, options.samples, options.rounds)
        for name in MODELS
        if options.only in (None, name)
        for activations in ("static", "dynamic")
    ]
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(
            f"  {row['model']:<9}{row['activations']:<9}{row['megabytes']:>6.0f} MB{row['ours_s']:>8.2f} s"
            f"{row['theirs_s']:>8.2f} s  ratio {row['ratio']:.2f}  answers differ by {row['largest_difference']:.2g}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])

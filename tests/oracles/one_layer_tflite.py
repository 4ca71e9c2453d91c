"""A TFLite model of one fully connected layer, built from its flatbuffer schema; quantized and run by its tools."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer
from ai_edge_quantizer import recipe as recipes
from numpy.typing import NDArray

BATCH = 16
SIGNATURE = "serving_default"


def model(weights: NDArray[np.float32], bias: NDArray[np.float32]) -> bytes:
    """``y = x @ weights.T + bias`` as a TFLite file; the tensors are named x, w, b and y."""
    graph = schema.SubGraphT()
    rows, columns = weights.shape
    graph.tensors = [
        _tensor("x", (BATCH, columns), buffer=0),
        _tensor("w", weights.shape, buffer=1),
        _tensor("b", bias.shape, buffer=2),
        _tensor("y", (BATCH, rows), buffer=0),
    ]
    graph.inputs, graph.outputs = [0], [3]
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1, 2], [3]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators = [operator]
    whole = schema.ModelT()
    whole.version = 3
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 1
    whole.operatorCodes, whole.subgraphs = [code], [graph]
    whole.buffers = [_buffer(None), _buffer(weights), _buffer(bias)]
    whole.signatureDefs = [_signature()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _tensor(name: str, shape: tuple[int, ...], buffer: int) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name.encode(), list(shape), buffer
    tensor.type = schema.TensorType.FLOAT32
    return tensor


def _buffer(values: NDArray[np.float32] | None) -> Any:
    buffer = schema.BufferT()
    if values is not None:
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    return buffer


def _signature() -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE.encode(), 0
    for side, name, index in (("inputs", b"x", 0), ("outputs", b"y", 3)):
        named = schema.TensorMapT()
        named.name, named.tensorIndex = name, index
        setattr(signature, side, [named])
    return signature


def quantized(weights: NDArray[np.float32], bias: NDArray[np.float32], recipe: str) -> bytes:
    """The model as a recipe of ai-edge-quantizer that needs no calibration makes it."""
    tool = quantizer.Quantizer(bytearray(model(weights, bias)))
    tool.load_quantization_recipe(getattr(recipes, recipe)())
    return bytes(tool.quantize().quantized_model)


def calibrated(
    weights: NDArray[np.float32], bias: NDArray[np.float32], batches: list[NDArray[np.float32]]
) -> tuple[bytes, dict[str, Any]]:
    """The model with int8 weights and activations, and the ranges that the tool found on the batches."""
    tool = quantizer.Quantizer(bytearray(model(weights, bias)))
    tool.load_quantization_recipe(recipes.static_wi8_ai8())
    found = tool.calibrate({SIGNATURE: [{"x": batch} for batch in batches]})
    return bytes(tool.quantize(found).quantized_model), found


def interpreter(content: bytes) -> Any:
    """LiteRT, ready to run the model on the CPU."""
    made = Interpreter(model_content=content)
    made.allocate_tensors()
    return made


def tensor(content: bytes, name: str) -> NDArray[Any]:
    """A constant tensor as it lies in the file."""
    made = interpreter(content)
    (index,) = (detail["index"] for detail in made.get_tensor_details() if detail["name"] == name)
    values: NDArray[Any] = made.get_tensor(index)
    return values


def run(content: bytes, x: NDArray[np.int8]) -> NDArray[np.int8]:
    """The model's answer to codes of shape (BATCH, columns)."""
    made = interpreter(content)
    made.set_tensor(made.get_input_details()[0]["index"], x)
    made.invoke()
    answers: NDArray[np.int8] = made.get_tensor(made.get_output_details()[0]["index"])
    return answers

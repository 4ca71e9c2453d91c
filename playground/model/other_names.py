"""What other packages call attributes of models, and what to write here."""

from __future__ import annotations

_GRAPH = ("inputs", "outputs", "nodes", "opset", "initializers")

MODEL_ATTRIBUTES = {
    **{name: f"model.graph.{name}" for name in _GRAPH},
    **dict.fromkeys(("weights", "parameters", "state_dict", "params", "named_parameters"), "model.tensors"),
    **dict.fromkeys(("run", "forward", "predict", "infer"), "playground.run(model, {'image': array})"),
    **dict.fromkeys(("quantize", "to", "half", "int8"), "playground.quantize_model(model, 'int8')"),
    **dict.fromkeys(("layers", "modules", "operators", "ops"), "model.graph.nodes"),
    **dict.fromkeys(("save", "export", "write", "to_onnx"), "playground.quantize_model(model).save('small.onnx')"),
    **dict.fromkeys(("size", "nbytes", "bytes"), "model.file_bytes"),
    **dict.fromkeys(("shape", "dtype", "numpy"), "model.tensors, whose tensors have it"),
    **dict.fromkeys(("summary", "info", "describe"), "print(model), or list(model.tensors.values())"),
    "evaluate": "playground.run(model, {'image': array}), or `playground evaluate` in a terminal",
    "report": "playground.quantize_model(model).report",
}
"""What people look for in a model -> what to write."""

ON_MODEL = dict.fromkeys(
    ("load", "open", "read", "from_file", "from_path", "from_onnx", "from_bytes", "from_pretrained"),
    "playground.load('model.onnx')",
)
"""What people look for in the class -> what to write."""

GRAPH_ATTRIBUTES = {
    **dict.fromkeys(("node", "operators", "ops", "layers"), "graph.nodes"),
    **dict.fromkeys(("initializer", "weights", "constants", "tensors", "parameters"), "graph.initializers"),
    "input": "graph.inputs",
    "output": "graph.outputs",
    "value_info": "graph.inputs, or graph.outputs",
    **dict.fromkeys(("run", "forward"), "playground.run(model, {'image': array})"),
}
"""What people look for in a graph -> what to write."""

NODE_ATTRIBUTES = {
    **dict.fromkeys(("op_type", "type", "operator", "kind"), "node.op"),
    "input": "node.inputs",
    "output": "node.outputs",
    **dict.fromkeys(("attribute", "attrs", "attr", "params"), "node.attributes"),
}
"""What people look for in a node -> what to write."""

VALUE_ATTRIBUTES = {
    **dict.fromkeys(("type", "elem_type", "element_type"), "value.dtype"),
    **dict.fromkeys(("dims", "size"), "value.shape"),
}
"""What people look for in an input or output -> what to write."""

TENSOR_ATTRIBUTES = {
    **dict.fromkeys(("values", "data", "to_numpy", "array", "detach", "cpu"), "tensor.numpy()"),
    "dequantize": "tensor.numpy(), which gives the real values of quantized tensors too",
}
"""What people look for in a tensor of a model -> what to write."""

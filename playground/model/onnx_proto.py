"""The message classes of ONNX files, without the onnx package (which the browser cannot have).

``onnx_ml.binpb`` is the compiled schema of ONNX (``onnx/onnx-ml.proto``, Apache-2.0, © ONNX Project Contributors),
taken unchanged from onnx 1.23.2: ``onnx.onnx_ml_pb2.DESCRIPTOR.serialized_pb``. It lives in a descriptor pool of its
own, so that importing onnx in the same process is no conflict.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

DecodeError = message.DecodeError
"""What parsing damaged bytes raises."""

Message = Any
"""A protobuf message: its classes are made at run time, so type checkers cannot see their fields."""


def _message_classes() -> dict[str, Any]:
    schema = (resources.files("playground.model") / "onnx_ml.binpb").read_bytes()
    file = descriptor_pb2.FileDescriptorProto.FromString(schema)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name.removeprefix(f"{file.package}."): made
        for name, made in message_factory.GetMessageClassesForFiles([file.name], pool).items()
    }


_CLASSES = _message_classes()

ModelProto: Any = _CLASSES["ModelProto"]
GraphProto: Any = _CLASSES["GraphProto"]
TensorProto: Any = _CLASSES["TensorProto"]
AttributeProto: Any = _CLASSES["AttributeProto"]

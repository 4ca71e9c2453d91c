"""TFLite (LiteRT): a flatbuffer of operators, tensors, and what the codes of tensors stand for."""

from __future__ import annotations

from playground.host.sources import Source
from playground.model.graph import Model
from playground.model.readers._reader import Reader

_IDENTIFIER = b"TFL3"


def _signature(head: bytes) -> bool:
    return head[4:8] == _IDENTIFIER


def read(source: Source) -> Model:
    """Read a TFLite model. Its first graph comes in ONNX's operators, codes with QuantizeLinear and DequantizeLinear.

    Raises:
        BadFileError: damaged, truncated, or inconsistent.
        UnsupportedError: its values are in another file.
    """
    # few visitors have such a file
    from playground.model.readers._tflite_model import model

    return model(source)


READER = Reader("tflite", (".tflite",), _signature, read)

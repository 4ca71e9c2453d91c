"""ONNX Runtime's own tool, in the hands of somebody who tries what its documentation recommends."""

from __future__ import annotations

import contextlib
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import onnx
import onnx.version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from tools.real_models.comparing import Data, fidelity, run_file
from tools.real_models.results import Form, said
from tools.real_models.samples import Feed

PER_CHANNEL_OPSET = 13
"""From this operator set on DequantizeLinear takes a vector of scales."""

_CONVERTED = 17

NOTHING = "the file that it wrote holds no more codes than the given one"
"""As good as float, and not smaller: nothing to compare with."""


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds: Iterator[Feed] = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self._feeds, None)


def _static(source: Path, target: Path, calibration: Sequence[Feed]) -> None:
    quantize_static(
        source,
        target,
        _Reader(calibration),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def _dynamic(source: Path, target: Path, _: Sequence[Feed]) -> None:
    quantize_dynamic(source, target, weight_type=QuantType.QInt8)


def _dynamic_unsigned(source: Path, target: Path, _: Sequence[Feed]) -> None:
    # ConvInteger takes no int8 weights in the CPU provider
    quantize_dynamic(source, target, weight_type=QuantType.QUInt8)


_Call = Callable[[Path, Path, Sequence[Feed]], None]
FORMS: dict[str, tuple[_Call, ...]] = {"static": (_static,), "dynamic": (_dynamic, _dynamic_unsigned)}


def opset_of(model: onnx.ModelProto) -> int:
    """The operator set of the default domain."""
    return next(int(found.version) for found in model.opset_import if found.domain in ("", "ai.onnx"))


def best_of_tool(path: Path, form: str, data: Data) -> Form:
    """The best that the tool makes of a file: as it is, preprocessed, and converted to operator set 17 before that."""
    best: Form | None = None
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source in _sources(path, Path(scratch)):
            for call in FORMS[form]:
                found = _made(call, source, Path(scratch) / "quantized.onnx", data)
                if best is None or (not found.error and (best.error or found.first > best.first)):
                    best = found
    return best or Form("not tried")


def _sources(path: Path, scratch: Path) -> Iterator[Path]:
    yield path
    with contextlib.suppress(Exception):  # then not this way
        yield _prepared(path, scratch / "prepared.onnx")
    source = onnx.load(path)
    if opset_of(source) < PER_CHANNEL_OPSET:
        with contextlib.suppress(Exception):
            converted = scratch / "converted.onnx"
            onnx.save(onnx.version_converter.convert_version(source, _CONVERTED), converted)
            yield _prepared(converted, scratch / "converted-prepared.onnx")


def _prepared(source: Path, target: Path) -> Path:
    quant_pre_process(source, target, skip_symbolic_shape=True)
    return target


def _made(call: _Call, source: Path, target: Path, data: Data) -> Form:
    began = time.perf_counter()
    try:
        call(source, target, data.calibration)
        seconds = time.perf_counter() - began
        content = target.read_bytes()
        found = fidelity(data.exact, run_file(content, data.held_out))
        quantized = _integer_nodes(onnx.load_from_string(content).graph) - _integer_nodes(onnx.load(source).graph)
    except Exception as error:  # whatever it is belongs in the table
        return Form(said(error))
    return Form("" if quantized else NOTHING, len(content), quantized, sqnr_db=found, seconds=seconds)


def _integer_nodes(graph: onnx.GraphProto) -> int:
    """How many nodes take or make codes, in branches too."""
    inner = [part.g for node in graph.node for part in node.attribute if part.type == onnx.AttributeProto.GRAPH]
    own = sum(any(word in node.op_type for word in ("Quantize", "Integer", "QLinear")) for node in graph.node)
    return own + sum(map(_integer_nodes, inner))

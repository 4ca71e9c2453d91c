"""What is measured of one model: in three forms by us and in two by ONNX Runtime's tool, on the same data."""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import playground
from playground.model.recipe import ACTIVATIONS, Recipe
from tools.real_models.catalogue import CALIBRATION, HELD_OUT, RealModel
from tools.real_models.samples import Feed

_COMPARED = 4
"""On how many feeds engines are compared: NumPy takes its time."""

Outputs = list[dict[str, NDArray[Any]]]
"""The outputs for each feed."""


@dataclass(slots=True)
class Form:
    """One form of one model, or why there is none.

    Attributes:
        error: the refusal, or what ONNX Runtime said to the file.
        file_bytes: size of the file.
        quantized: tensors that became codes.
        skipped: what stays in float with a reason.
        sqnr_db: output -> dB against float; for outputs of whole numbers the share that is equal.
        reference_db: of our NumPy engine's outputs against ONNX Runtime's (optimizations disabled), the lowest.
        reference_error: the largest difference of the two, relative to the output's largest value.
        parting_db: by how much the fidelities of the two differ, at most.
        reference_refusal: why our NumPy engine does not run the file.
        warnings: of the report.
        seconds: to quantize.
    """

    error: str = ""
    file_bytes: int = 0
    quantized: int = 0
    skipped: int = 0
    sqnr_db: dict[str, float] = field(default_factory=dict)
    reference_db: float = math.nan
    reference_error: float = math.nan
    parting_db: float = math.nan
    reference_refusal: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0

    @property
    def first(self) -> float:
        """Of the first output."""
        return next(iter(self.sqnr_db.values()), math.nan)


@dataclass(slots=True)
class Measured:
    """All of one model."""

    id: str
    about: str
    file_bytes: int
    opset: int
    error: str = ""
    opset_read: int = 0
    nodes: int = 0
    parameters: int = 0
    float_error: float = math.nan
    ours: dict[str, Form] = field(default_factory=dict)
    theirs: dict[str, Form] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def run_file(content: bytes | Path, feeds: Sequence[Feed], *, plain: bool = False) -> Outputs:
    """The outputs in native ONNX Runtime on one thread; ``plain``: its graph optimizations disabled."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    if plain:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return [dict(zip(names, session.run(names, feed), strict=True)) for feed in feeds]


def fidelity(exact: Outputs, found: Outputs) -> dict[str, float]:
    """Output -> SQNR over all feeds, dB; of whole numbers the share that is equal (a sequence counts as one)."""
    return {name: _fidelity([e[name] for e in exact], [f[name] for f in found]) for name in exact[0]}


def _fidelity(exact: list[NDArray[Any]], found: list[NDArray[Any]]) -> float:
    if exact[0].dtype.kind != "f":
        return float(np.mean([np.array_equal(e, f) for e, f in zip(exact, found, strict=True)]))
    signal = sum(float(np.square(e, dtype=np.float64).sum()) for e in exact)
    noise = sum(float(np.square(np.subtract(e, f, dtype=np.float64)).sum()) for e, f in zip(exact, found, strict=True))
    if math.isnan(noise):
        return -math.inf
    return math.inf if noise == 0 else 10 * math.log10(signal / noise) if signal else -math.inf


def largest_difference(exact: Outputs, found: Outputs) -> float:
    """Of all outputs, relative to the largest value of each."""
    worst = 0.0
    for name in exact[0]:
        scale = max(float(np.abs(e[name]).max(initial=0)) for e in exact) or 1.0
        for e, f in zip(exact, found, strict=True):
            gap = np.abs(np.subtract(e[name], f[name], dtype=np.float64)).max(initial=0) if e[name].shape else abs(
                float(e[name]) - float(f[name])
            )
            worst = max(worst, float(gap) / scale)
    return worst


def measure(entry: RealModel, *, forms: Sequence[str] = ACTIVATIONS, tool: bool = True) -> Measured:
    """Everything about one model; what fails is in the result."""
    result = Measured(entry.id, entry.about, entry.path.stat().st_size, _opset(onnx.load(entry.path)))
    calibration, held_out = entry.feeds(CALIBRATION), entry.feeds(HELD_OUT)
    exact = run_file(entry.path, held_out)
    try:
        model = playground.load(entry.path)
        _describe(result, model, held_out, exact)
    except Exception as error:  # whatever it is belongs in the table
        result.error = _said(error)
    for form in forms:
        if not result.error:
            result.ours[form] = _ours(model, form, calibration, held_out, exact)
        if tool and form in _TOOLS:
            result.theirs[form] = _theirs(entry.path, form, calibration, held_out, exact)
    return result


def _describe(result: Measured, model: playground.Model, feeds: Sequence[Feed], exact: Outputs) -> None:
    graph = model.required_graph()
    result.opset_read = graph.opset
    result.nodes = len(graph.nodes)
    result.parameters = sum(math.prod(t.shape) for t in model.tensors.values())
    try:
        result.float_error = largest_difference(exact, _reference(model, feeds))
    except Exception:
        result.float_error = math.nan


def _reference(model: Any, feeds: Sequence[Feed]) -> Outputs:
    return [playground.run(model, feed, engine="reference") for feed in feeds]


def _ours(model: playground.Model, form: str, calibration: list[Feed], held_out: list[Feed], exact: Outputs) -> Form:
    began = time.perf_counter()
    try:
        made = playground.quantize_model(model, Recipe(activations=form), calibration if form == "static" else None)
    except Exception as error:
        return Form(_said(error))
    report = made.report
    result = Form("", len(made.onnx), len(report.tensors), len(report.skipped), warnings=report.warnings)
    result.seconds = time.perf_counter() - began
    try:
        result.sqnr_db = fidelity(exact, run_file(made.onnx, held_out))
        plain = run_file(made.onnx, held_out[:_COMPARED], plain=True)
    except Exception as error:
        result.error = f"ONNX Runtime: {_said(error)}"
        return result
    try:
        _compare_engines(result, exact[:_COMPARED], plain, _reference(made.onnx, held_out[:_COMPARED]))
    except Exception as error:
        result.reference_refusal = _said(error)
    return result


def _compare_engines(result: Form, exact: Outputs, plain: Outputs, reference: Outputs) -> None:
    result.reference_error = largest_difference(plain, reference)
    result.reference_db = min(fidelity(plain, reference).values())
    one, other = fidelity(exact, plain), fidelity(exact, reference)
    result.parting_db = max(abs(one[name] - other[name]) if one[name] != other[name] else 0.0 for name in one)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds: Iterator[Feed] = iter(feeds)

    def get_next(self) -> Feed | None:
        return next(self._feeds, None)


def _tool_static(source: Path, target: Path, calibration: list[Feed]) -> None:
    quantize_static(
        source,
        target,
        _Reader(calibration),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )


def _tool_dynamic(source: Path, target: Path, _: list[Feed]) -> None:
    quantize_dynamic(source, target, weight_type=QuantType.QInt8)


def _tool_dynamic_unsigned(source: Path, target: Path, _: list[Feed]) -> None:
    # ConvInteger takes no int8 weights in the CPU provider
    quantize_dynamic(source, target, weight_type=QuantType.QUInt8)


_PER_CHANNEL_OPSET = 13
"""From here on DequantizeLinear takes a vector of scales."""

_Tool = Callable[[Path, Path, list[Feed]], None]
_TOOLS: dict[str, tuple[_Tool, ...]] = {
    "static": (_tool_static,),
    "dynamic": (_tool_dynamic, _tool_dynamic_unsigned),
}


def _theirs(path: Path, form: str, calibration: list[Feed], held_out: list[Feed], exact: Outputs) -> Form:
    """The best of what the tool makes of the file: as it is, preprocessed, and brought to operator set 17 before."""
    best: Form | None = None
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = Path(scratch) / "quantized.onnx"
        for source in _sources(path, Path(scratch)):
            for tool in _TOOLS[form]:
                found = _by_tool(tool, source, target, calibration, held_out, exact)
                if best is None or (not found.error and (best.error or found.first > best.first)):
                    best = found
    assert best is not None  # noqa: S101 (the file itself is always a source)
    return best


def _sources(path: Path, scratch: Path) -> Iterator[Path]:
    yield path
    with contextlib.suppress(Exception):  # then not this way
        yield _prepared(path, scratch / "prepared.onnx")
    source = onnx.load(path)
    if _opset(source) < _PER_CHANNEL_OPSET:
        with contextlib.suppress(Exception):
            raised = scratch / "raised.onnx"
            onnx.save(onnx.version_converter.convert_version(source, 17), raised)
            yield _prepared(raised, scratch / "raised-prepared.onnx")


def _prepared(source: Path, target: Path) -> Path:
    quant_pre_process(source, target, skip_symbolic_shape=True)
    return target


def _opset(model: onnx.ModelProto) -> int:
    return next(int(found.version) for found in model.opset_import if found.domain in ("", "ai.onnx"))


def _by_tool(
    tool: _Tool, source: Path, target: Path, calibration: list[Feed], held_out: list[Feed], exact: Outputs
) -> Form:
    began = time.perf_counter()
    try:
        tool(source, target, calibration)
        content = target.read_bytes()
        seconds = time.perf_counter() - began
        return Form("", len(content), sqnr_db=fidelity(exact, run_file(content, held_out)), seconds=seconds)
    except Exception as error:
        return Form(_said(error))


def _said(error: Exception) -> str:
    """The first line of what an error says."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:400]

"""Nets that TensorFlow's converter made, read by us, against LiteRT: tensors, scales and answers.

With ``PLAYGROUND_TENSORFLOW``, the Python of an environment with TensorFlow (``tools/litert_convert.py`` says how to
have one), they are converted anew; else they are those of ``tests/model/readers/tflite_nets.zip``.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import load, run
from playground.host.sources import BytesSource
from playground.model.readers._tflite_file import read_file
from tests.model.readers import tflite_nets

litert = pytest.importorskip("ai_edge_litert.interpreter")

KERNELS = {
    "reference": litert.OpResolverType.BUILTIN_REF,
    "xnnpack": litert.OpResolverType.AUTO,
}
FLOAT, WIDE, WEIGHTS = 1e-5, 3e-4, 0.03
NAMES = sorted(tflite_nets.files())


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files: made now if there is a TensorFlow, else the kept ones."""
    python = os.environ.get("PLAYGROUND_TENSORFLOW")
    if not python:
        return tflite_nets.ARCHIVE
    target = tmp_path_factory.mktemp("nets") / "nets.zip"
    subprocess.run([python, "-m", "tools.tflite_nets", target], check=True)
    return target


def interpreter(file: bytes, kernels: str, keep: bool = False) -> Any:
    made = litert.Interpreter(
        model_content=file,
        num_threads=1,
        experimental_op_resolver_type=KERNELS[kernels],
        experimental_preserve_all_tensors=keep,
    )
    made.allocate_tensors()
    return made


def theirs(file: bytes, kernels: str, samples: NDArray[Any]) -> NDArray[Any]:
    model = interpreter(file, kernels)
    (given,), (wanted,) = model.get_input_details(), model.get_output_details()
    found = []
    for sample in samples:
        model.set_tensor(given["index"], sample)
        model.invoke()
        found.append(model.get_tensor(wanted["index"]))
    return np.stack(found)


@pytest.mark.parametrize("name", NAMES)
def test_tensors_are_what_the_tool_reports(name: str, archive: Path) -> None:
    file = tflite_nets.files(archive)[name]
    (graph,) = read_file(BytesSource(file, name)).subgraphs
    model = interpreter(file, "reference")
    for detail in model.get_tensor_details():
        if detail["index"] >= len(graph.tensors):  # the tool's own: room for intermediate values
            continue
        tensor = graph.tensors[detail["index"]]
        assert tensor.name == detail["name"]
        assert np.dtype(tensor.element) == detail["dtype"], tensor.name
        assert tensor.shape == tuple(detail["shape"]), tensor.name
        if tensor.signature:
            assert tensor.signature == tuple(detail["shape_signature"])
        parameters = detail["quantization_parameters"]
        if tensor.codes is None:
            assert not parameters["scales"].size
        else:
            np.testing.assert_array_equal(tensor.codes.scales, parameters["scales"])
            np.testing.assert_array_equal(tensor.codes.zero_points, parameters["zero_points"])
            assert tensor.codes.axis == parameters["quantized_dimension"]
        if tensor.place is not None:
            np.testing.assert_array_equal(tensor.values(BytesSource(file)), model.get_tensor(detail["index"]))
    assert [d["index"] for d in model.get_input_details()] == list(graph.inputs)
    assert [d["index"] for d in model.get_output_details()] == list(graph.outputs)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("name", NAMES)
def test_answers(name: str, kernels: str, archive: Path) -> None:
    """Float ones within 1e-5, codes within 1, in both engines."""
    file = tflite_nets.files(archive)[name]
    samples, _ = tflite_nets.answers(name, archive)
    wanted = theirs(file, kernels, samples)
    model = load(file, f"{name}.tflite")
    graph = model.required_graph()
    kind = name.split(".")[1]
    for engine in ("reference", "wasm"):
        outputs = (run(model, {graph.inputs[0].name: sample}, engine=engine) for sample in samples)
        found = np.stack([next(iter(output.values())) for output in outputs])
        assert found.dtype == wanted.dtype
        assert found.shape == wanted.shape
        if kind in tflite_nets.CODES:
            assert np.abs(found.astype(int) - wanted).max() <= 1, engine
        elif kind in tflite_nets.FLOATS:
            np.testing.assert_allclose(found, wanted, rtol=FLOAT, atol=FLOAT * np.abs(wanted).max(), err_msg=engine)
        elif kind == "ends":
            (codes,) = _last_codes(file)
            assert np.abs(found - wanted).max() <= 1.001 * codes.scales[0], engine
        elif kind == "wide":
            assert np.abs(found - wanted).max() <= WIDE * np.abs(wanted).max(), engine
        else:  # LiteRT makes codes of the values too
            assert np.abs(found - wanted).max() <= WEIGHTS * np.abs(wanted).max(), engine


def _last_codes(file: bytes) -> list[Any]:
    """What the codes stand for that the last operator turns into floats."""
    (graph,) = read_file(BytesSource(file)).subgraphs
    return [graph.tensors[graph.operations[-1].inputs[0]].codes]

"""A new calibrator, algorithm, reader or convention is one file: in a copy of the package it works by itself."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tools.paths import ROOT

CALIBRATOR = """
import numpy as np
from playground.calibration._calibrator import Calibrator, Parameter
from playground.calibration._summary import clipped, summary

def _find(points, scheme, share=0.5):
    return clipped(points, share * points.values.min(), share * points.values.max())

CALIBRATOR = Calibrator(
    id="half_range",
    title="Half the range",
    summary="A share of what was seen.",
    source="this test",
    start=summary(_find),
    parameters=(Parameter("share", 0.5, 0.01, 1.0, False, "Share of the range."),),
)
"""

USE_CALIBRATOR = """
import numpy as np
import playground
from playground.settings import from_query

x = np.float32([-4, -1, 0, 2, 4])
q = playground.quantize(x, playground.Scheme("int8", calibrator="half_range"))
assert q.dequantize().max() == np.float32(127 / 127 * 2), q.dequantize()
q = playground.quantize(x, playground.Scheme("int8", calibrator="half_range", calibrator_args={"share": 0.25}))
assert q.dequantize().max() == 1, q.dequantize()
assert "half_range" in playground.calibrators()
"""

ALGORITHM = """
from playground.ptq.algorithms._algorithm import Algorithm, Outcome

def _apply(context, parameters):
    yield from ()
    return Outcome(context.graph, before={"weights": 1.0}, after={"weights": 1.0}, notes=("looked at",))

ALGORITHM = Algorithm(
    id="look", name="Look", summary="Changes nothing.", source="this test", stage="graph", apply=_apply
)
"""

USE_ALGORITHM = """
import playground
from playground import gallery

recipe = playground.Recipe.from_dict({"algorithms": [{"id": "look"}]})
result = playground.quantize_model(gallery.open_model("digits-mlp"), recipe, gallery.calibration("digits-mlp"))
(applied,) = result.report.algorithms
assert applied.id == "look" and "looked at" in str(applied), applied
"""

READER = """
import numpy as np
from playground.model.graph import Model, Tensor
from playground.model.readers._reader import Reader

def read(source):
    values = np.frombuffer(source.read(4, source.size - 4), "<f4")
    return Model("floats", source.name, {"values": Tensor.of("values", values)})

READER = Reader("floats", (".floats",), lambda head: head.startswith(b"FLTS"), read)
"""

USE_READER = """
import contextlib, io, json
from pathlib import Path
import numpy as np
import playground
from playground.cli import main

Path("a.bin").write_bytes(b"FLTS" + np.float32([1, 2, 3]).tobytes())
model = playground.load("a.bin")
assert model.format == "floats" and model.tensors["values"].numpy().tolist() == [1, 2, 3]
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    assert main(["inspect", "a.bin", "--json"]) == 0
assert json.loads(printed.getvalue())["tensors"][0]["name"] == "values", printed.getvalue()
"""

WRITER = """
from playground.model.writers._writer import Writer, Written

def write(model, quantized, recipe):
    codes = b"".join(held.codes.tobytes() for held in quantized.values())
    return Written(b"CODE" + codes, {name: held.codes.nbytes for name, held in quantized.items()})

WRITER = Writer("codes", ".codes", lambda tensor, scheme: "" if scheme.format == "int8" else "codes are int8", write)
"""

USE_WRITER = """
import contextlib, io
from pathlib import Path
import numpy as np
from playground.cli import main

np.savez("w.npz", w=np.float32([[1, -2], [4, 3]]))
with contextlib.redirect_stdout(io.StringIO()):
    assert main(["quantize", "w.npz", "-o", "out.codes"]) == 0
assert Path("out.codes").read_bytes()[:4] == b"CODE" and Path("out.codes").stat().st_size == 8
with contextlib.redirect_stderr(io.StringIO()) as told:
    assert main(["quantize", "w.npz", "-o", "out.codes", "--format", "int4"]) == 2
assert "codes are int8" in told.getvalue(), told.getvalue()
"""

CONVENTION = """
from dataclasses import replace
from playground.convention_rules.onnxruntime import CONVENTION as BASE

CONVENTION = replace(BASE, id="house", title="The house's own", rounding="half_away")
"""

USE_CONVENTION = """
import numpy as np
import playground

scale_of_one = playground.Range(-127, 127)
for convention, code in (("onnxruntime", 2), ("house", 3)):
    q = playground.quantize(np.float32([2.5, 127]), playground.Scheme("int8", convention=convention), scale_of_one)
    assert q.codes[0] == code, (convention, q.codes)
"""

ENTRIES = {
    "calibrator": ("calibration/half_range.py", CALIBRATOR, USE_CALIBRATOR),
    "algorithm": ("ptq/algorithms/look.py", ALGORITHM, USE_ALGORITHM),
    "reader": ("model/readers/floats.py", READER, USE_READER),
    "writer": ("model/writers/codes.py", WRITER, USE_WRITER),
    "convention": ("convention_rules/house.py", CONVENTION, USE_CONVENTION),
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_one_file_is_enough(kind: str, tmp_path: Path) -> None:
    place, source, use = ENTRIES[kind]
    shutil.copytree(ROOT / "playground", tmp_path / "playground", ignore=shutil.ignore_patterns("__pycache__"))
    added = tmp_path / "playground" / place
    assert not added.exists()
    added.write_text(textwrap.dedent(f'"""Added by a test."""\n{source}'), "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", use]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr

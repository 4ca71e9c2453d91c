"""A new operator is one file: in a copy of the package it runs in every engine, and no other file is touched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import playground
from tools.paths import DOWNLOADS, ROOT

FLOAT = '''
"""Above: values above alpha, 0 elsewhere."""
import numpy as np
from playground.operators._attributes import Attribute
from playground.operators._operator import Operator

def run(call, x):
    return np.where(x > call.get("alpha"), x, x.dtype.type(0))

OPERATOR = Operator(name="Above", run=run, attributes=(Attribute("alpha", "float", 1.0, low=0),))
'''

FUNCTION = '''
"""Squashed: x over 1 + its size."""
import numpy as np
from playground.operators._operator import Form, Operator, Scales, Trait
from playground.operators._planning import function

def run(call, x):
    return x / (1 + np.abs(x))

OPERATOR = Operator(
    name="Squashed", run=run, scales=Scales.FUNCTION, traits=Trait.BY_CHANNEL, forms=Form.FURTHER, plan=function
)
'''

WITH_KERNEL = '''
"""Mirror: the negative of x, by codes from the other end."""
from dataclasses import dataclass
from playground.host.kernel import Kernel, octets
from playground.operators._operator import Operator
from playground.programs.planner import Dequantized
from playground.programs.program import Step

MIRROR = Kernel("k_mirror_u8", {"x": octets("n"), "out": octets("n")})

@dataclass(frozen=True, slots=True, eq=False)
class Mirror(Step):
    """255 less each code."""

    def compute(self, inputs, out):
        return 255 - inputs[0]

    def lower(self, to):
        image, (x,) = to.alike(*self.inputs)
        to.call(MIRROR, x=x, n=x.nbytes, out=to.new(self.output, image=image))

def plan(planner, node):
    x, output = planner.real(node.inputs[0]), node.outputs[0]
    planner.emit(Mirror((x.value,), output), planner.values[x.value].shape, "uint8")
    return Dequantized(output, x.scale, 255 - x.zero_point)

OPERATOR = Operator(name="Mirror", run=lambda call, x: -x, plan=plan)
'''

KERNEL = """
#include "kernels.h"

/* 255 less each of n octets. */
struct mirror_args {
    const uint8_t *x;
    int32_t n;
    uint8_t *out; /* [n] */
};

KERNEL(k_mirror_u8) {
    const struct mirror_args *a = (const void *)args;
    for (int32_t i = 0; i < a->n; i++)
        a->out[i] = (uint8_t)(255 - a->x[i]);
}
"""

COMPILE = """
import sys
from pathlib import Path
from tools import kernel_structs, kernels, paths
kernels.PYTHON = Path(sys.executable)
kernels.compile_module(paths.KERNELS_FILE, f"-mcpu={kernels.TARGETS[paths.KERNELS_FILE]}")
paths.STRUCTS_FILE.write_text(kernel_structs.as_json(kernel_structs.layouts(paths.WASM_KERNELS)))
"""

RUN_FLOAT = """
import numpy as np
from playground.engines.interpreter import run_graph
from playground.errors import InvalidInputError
from playground.model.graph import Graph, Node, ValueInfo

def graph(alpha):
    x, y = (ValueInfo(name, "float32", (5,)) for name in "xy")
    return Graph("g", (x,), (y,), (Node("Above", "t", ("x",), ("y",), alpha),), {}, 17)

x = np.float32([-2, 0.5, 1, 1.5, 3])
assert run_graph(graph({"alpha": 1.25}), {"x": x})["y"].tolist() == [0, 0, 0, 1.5, 3]
assert run_graph(graph({}), {"x": x})["y"].tolist() == [0, 0, 0, 1.5, 3]
try:
    run_graph(graph({"alpha": -1.0}), {"x": x})
except InvalidInputError as error:
    assert str(error) == "node 't': -1.0 is not a valid alpha of Above. Use 0 or more", error
else:
    raise AssertionError("alpha -1 was taken")
"""

RUN_INTEGER = """
import numpy as np
from playground.engines import reference, wasm
from playground.model.graph import Graph, Node, Tensor, ValueInfo

def pair(name):
    return [
        Node("QuantizeLinear", name + "_q", (name, name + "_s", name + "_z"), (name + "_c",)),
        Node("DequantizeLinear", name + "_d", (name + "_c", name + "_s", name + "_z"), (name + "_r",)),
    ]

x, y = ValueInfo("x", "float32", (3, 40)), ValueInfo("y_r", "float32", (3, 40))
nodes = [*pair("x"), Node(OPERATOR, "n", ("x_r",), ("y",)), *pair("y")]
held = {"x_s": np.float32(0.05), "x_z": np.uint8(120), "y_s": np.float32(1 / 128), "y_z": np.uint8(128)}
graph = Graph("g", (x,), (y,), tuple(nodes), {n: Tensor.of(n, np.asarray(v)) for n, v in held.items()}, 17)
values = np.random.default_rng(0).normal(0, 2, (3, 40)).astype(np.float32)
program = wasm.plan(graph, {"x": (3, 40)})
found = program.run({"x": values})["y_r"]
np.testing.assert_array_equal(found, reference.run(program.program, {"x": values})["y_r"])
codes = np.clip(np.rint(values / held["x_s"]) + 120, 0, 255)
real = ((codes - 120) * held["x_s"]).astype(np.float32)
np.testing.assert_allclose(found, EXPECTED, atol=0.51 / 128)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package, and which of its files are as they were."""
    shutil.copytree(Path(playground.__file__).parent, tmp_path / "playground")
    return tmp_path


def run_in(copy: Path, program: str) -> None:
    """Run a program with the copied package, its compiler's cache being this checkout's."""
    environment = {**os.environ, "PLAYGROUND_CACHE": str(DOWNLOADS)}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=copy, env=environment)


def test_a_float_operator_is_one_file(copy: Path) -> None:
    (copy / "playground/operators/above.py").write_text(FLOAT)
    run_in(copy, RUN_FLOAT)


def test_an_integer_operator_without_a_kernel_is_one_file(copy: Path) -> None:
    (copy / "playground/operators/squashed.py").write_text(FUNCTION)
    given = 'OPERATOR, EXPECTED = "Squashed", None\n'
    run_in(copy, given + RUN_INTEGER.replace("EXPECTED", "real / (1 + np.abs(real))"))


@pytest.mark.slow
def test_an_integer_operator_with_a_kernel_is_one_file_and_its_c(copy: Path) -> None:
    for folder in ("tools", "wasm_kernels"):
        shutil.copytree(ROOT / folder, copy / folder)
    (copy / "playground/operators/mirror.py").write_text(WITH_KERNEL)
    (copy / "wasm_kernels/mirror_u8.c").write_text(KERNEL)
    run_in(copy, COMPILE)
    called = "\nassert 'k_mirror_u8' in host.kernels().slots"
    given = 'from playground import host\nOPERATOR = "Mirror"\n'
    run_in(copy, given + RUN_INTEGER.replace("EXPECTED", "np.clip(-real, -1, 127 / 128)") + called)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('OPERATOR = "Celu"', "is not an Operator"),
        ("from playground.operators.erf import run\nfrom playground.operators._operator import Operator\n"
         'OPERATOR = Operator(name="Erf", run=run)', "another file holds an operator 'Erf' already"),
    ],
)  # fmt: skip
def test_what_is_no_operator_or_there_twice_is_refused(copy: Path, text: str, message: str) -> None:
    (copy / "playground/operators/celu.py").write_text(text)
    program = "from playground import operators; operators.all_operators()"
    made = subprocess.run([sys.executable, "-c", program], cwd=copy, capture_output=True, text=True, check=False)
    assert made.returncode
    assert message in made.stderr

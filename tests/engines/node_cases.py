"""ONNX's own node cases: what they state, how they run here and in ONNX Runtime, and what differs.

``python -m tests.engines.node_cases`` counts them; with operators' names it shows why theirs fail, and with ``--names``
the names of those that fail, for ``node_case_exceptions.py``.
"""

import argparse
import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.backend.test.case import node as cases

from playground.engines.interpreter import run_graph
from playground.opening import load

MODULES = sorted(found.name for found in pkgutil.iter_modules(cases.__path__) if not found.name.startswith("_"))
"""Names of ONNX's modules of cases; importing one makes its cases."""

_MINOR = {ml_dtypes.int4: np.int8, ml_dtypes.int2: np.int8, ml_dtypes.uint4: np.uint8, ml_dtypes.uint2: np.uint8}


def of(module: str) -> list[Any]:
    """The cases of a module: those of ONNX's own domain without strings, sequences, optionals and training."""
    return [case for case in _made_by(module) if _is_meant(case.model)]


@cache
def _made_by(module: str) -> list[Any]:
    before = len(cases._NodeTestCases)
    # Some cases divide by 0, and some are random: the same ones whichever module comes first
    np.random.seed(0)
    with np.errstate(all="ignore"):
        importlib.import_module(f"{cases.__name__}.{module}")
    return cases._NodeTestCases[before:]


def _is_meant(model: onnx.ModelProto) -> bool:
    values = [*model.graph.input, *model.graph.output]
    plain = all(
        value.type.HasField("tensor_type") and value.type.tensor_type.elem_type != onnx.TensorProto.STRING
        for value in values
    )
    return plain and all(node.domain in ("", "ai.onnx") for node in model.graph.node)


def as_array(held: Any) -> NDArray[Any]:
    """A stated value: an array, a TensorProto or a number."""
    return numpy_helper.to_array(held) if isinstance(held, onnx.TensorProto) else np.asarray(held)


def plain(array: NDArray[Any]) -> NDArray[Any]:
    """Values as our engines have them: small integers one a byte, small floats by their bits, bfloat16 as float32."""
    kind = array.dtype
    if kind.type in _MINOR:
        return array.astype(_MINOR[kind.type])
    if kind == ml_dtypes.bfloat16:
        return array.astype(np.float32)
    return array.view(np.uint8) if kind.name.startswith("float") and kind.itemsize == 1 else array


def stated(case: Any) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Its inputs as our engines take them, and its outputs as ONNX states them."""
    inputs, outputs = case.data_sets[0]
    return [plain(as_array(held)) for held in inputs], [as_array(held) for held in outputs]


def check(case: Any, found: list[NDArray[Any]], expected: list[NDArray[Any]]) -> None:
    """Raise AssertionError if results are not what a case states, in number, type, shape or value."""
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        minor = theirs.dtype.kind in "fV" and theirs.dtype.itemsize == 1
        left, right = ours, plain(theirs)
        if minor:  # -0 is 0, whatever its bits
            left, right = (x.view(theirs.dtype).astype(np.float32) for x in (ours, right))
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        if left.dtype.kind in "fc":
            np.testing.assert_allclose(left, right, rtol=case.rtol, atol=case.atol)
        else:
            np.testing.assert_array_equal(left, right)


def run_here(case: Any) -> None:
    """Run a case through our reader and the interpreter. Raises what goes wrong."""
    graph = load(case.model.SerializeToString(), "case.onnx").required_graph()
    inputs, expected = stated(case)
    given = {value.name for value in graph.inputs}
    names = [value.name for value in case.model.graph.input]
    feeds = {name: x for name, x in zip(names, inputs, strict=True) if name in given}
    check(case, list(run_graph(graph, feeds).values()), expected)


def passes_in_onnxruntime(case: Any) -> bool:
    """Whether ONNX Runtime's CPU provider gives what a case states."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            case.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        inputs, outputs = case.data_sets[0]
        feeds = {value.name: as_array(held) for value, held in zip(session.get_inputs(), inputs, strict=True)}
        found = session.run(None, feeds)
        for ours, theirs in zip(found, map(as_array, outputs), strict=True):
            np.testing.assert_allclose(
                np.asarray(ours).astype(np.float64), theirs.astype(np.float64), rtol=case.rtol, atol=case.atol
            )
    except Exception:  # whatever it raises: it does not run the case
        return False
    return True


def faults(module: str) -> Iterator[tuple[Any, str]]:
    """The cases of a module that do not pass here, and why."""
    for case in of(module):
        try:
            run_here(case)
        except Exception as error:  # whatever is wrong is a fault
            yield case, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def main() -> None:
    """Count the cases, or show the faults of some modules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="names of modules, as 'resize'; default: all, counted")
    parser.add_argument("--all", action="store_true", help="show faults of all modules")
    parser.add_argument("--names", action="store_true", help="show the names of the faults alone")
    wanted = parser.parse_args()
    total = missing = 0
    reasons: Counter[str] = Counter()
    for module in wanted.modules or MODULES:
        found = [(case, why) for case, why in faults(module) if passes_in_onnxruntime(case)]
        total, missing = total + len(of(module)), missing + len(found)
        reasons[module] = len(found)
        if wanted.modules or wanted.all or wanted.names:
            for case, why in found:
                print(case.name if wanted.names else f"{case.name}: {why}")
    print(", ".join(f"{name} {count}" for name, count in reasons.most_common() if count))
    print(f"{total} cases; {missing} fail here though ONNX Runtime passes them")


if __name__ == "__main__":
    main()

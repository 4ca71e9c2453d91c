"""Reading takes a number of steps that grows with the file: lines of our code are counted, not seconds."""

import sys

import pytest

import playground
from playground.analysis.inventory import inventory
from playground.model.naming import FreeNames
from playground.model.recipe.imports import import_recipe
from playground.settings import from_query
from tests.hostile.builders import chain, empty_tensors, entry, safetensors_of, with_branches, with_calls
from tests.hostile.make_arrays import npz_of
from tests.hostile.make_gguf import LIST, TEXT, gguf, info
from tests.hostile.make_gguf import entry as gguf_entry
from tests.hostile.make_torch import checkpoint, storage, tensor


def opened(data):
    return inventory(playground.load(data, "model.onnx"))


def overrides(count):
    return [{"regex": f"a{i}", "operation": "CONV_2D", "algorithm_key": "no_quantize"} for i in range(count)]


READINGS = {
    "operators": (chain, opened),
    "operators of one name": (lambda count: chain(count, name="n"), opened),
    "branches": (with_branches, opened),
    "calls": (with_calls, opened),
    "ONNX tensors": (empty_tensors, opened),
    "safetensors": (lambda count: safetensors_of({f"t{i}": entry([0], 0, 0) for i in range(count)}), opened),
    "arrays": (lambda count: npz_of({f"a{i}": 0 for i in range(count)}), opened),
    "GGUF tensors": (lambda count: gguf([], [info(f"t{i}", (0,), 0, 0) for i in range(count)]), opened),
    "GGUF metadata": (
        lambda count: gguf([gguf_entry(f"k{i}", LIST, (TEXT, ["a"] * 20)) for i in range(count)], []),
        opened,
    ),
    "tensors of a checkpoint": (
        lambda count: checkpoint({f"t{i}": tensor(storage("0", 1), (), ()) for i in range(count)}, {"0": bytes(4)}),
        opened,
    ),
    "lists of a checkpoint": (lambda count: checkpoint({i: [[i]] * 5 for i in range(count)}, {}), opened),
    "rules": (overrides, import_recipe),
    "fields of a link": (lambda count: "&".join(["format=int4"] * count), from_query),
}


def lines_of(call):
    """How many lines of Python run in a call."""
    count = 0

    def trace(_frame, event, _argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", READINGS)
def test_twice_the_size_takes_twice_the_steps(name):
    make, read = READINGS[name]
    small, double = make(100), make(200)
    read(small)
    steps = lines_of(lambda: read(small)), lines_of(lambda: read(double))
    assert steps[0] > 1000
    assert steps[1] < 2.3 * steps[0], steps


def test_a_name_that_many_want_is_found_at_once():
    names, taken = FreeNames(), set()
    steps = lines_of(lambda: [taken.add(names.take("c")) for _ in range(1000)])
    assert len(taken) == 1000
    assert 1000 < steps < 30_000, steps

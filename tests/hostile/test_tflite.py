"""TFLite files that ask for much, share what is large, or lead out of themselves."""

import struct

import pytest

import playground
from playground.analysis.inventory import inventory
from playground.limits import memory_for
from tests.hostile.guard import guarded
from tests.hostile.make_tflite import model, operator, tensor
from tests.model.readers.flatbuffer_writer import Numbers, flatbuffer

ADD = 0


def shared(table, count):
    """A list in which a table occurs many times, written once."""
    return [table] * count


def tensors(table, count=1):
    return flatbuffer(model(shared(table, count), [], [], None, ([], [])))


def with_root(offset):
    return struct.pack("<I", offset) + b"TFL3" + bytes(64)


FILES = {
    "a root beyond the end": lambda: with_root(2**31),
    "a root at the last byte": lambda: with_root(68),
    "a table that is its own list of fields": lambda: with_root(8),
    "a list of fields before the file": lambda: struct.pack("<I4si", 8, b"TFL3", 2**31 - 1) + bytes(64),
    "a list of fields behind the file": lambda: struct.pack("<I4si", 8, b"TFL3", -(2**31)) + bytes(64),
    "1,000,000 tensors": lambda: tensors(tensor([1]), 1_000_000),
    "60,000 tensors with 60,000 sizes": lambda: tensors(tensor([1] * 60_000), 60_000),
    "60,000 tensors with 100,000 scales": lambda: tensors(tensor([1], 9, scales=[1.0] * 100_000), 60_000),
    "40,000 operators with 60,000 inputs": lambda: flatbuffer(
        model([tensor([1])], shared(operator([0] * 60_000, [0]), 40_000), [ADD], None, ([0], [0]))
    ),
    "1,000 graphs with 60,000 tensors": lambda: flatbuffer(
        {**model([], [], []), 2: shared({0: shared(tensor([1]), 60_000)}, 1000)}
    ),
    "60,000 names of 4,000 characters": lambda: tensors(tensor([1], name="a" * 4000), 60_000),
    "a name of 5 MB": lambda: tensors(tensor([1], name="a" * 5_000_000)),
    "rank 60,000": lambda: tensors(tensor([1] * 60_000)),
    "sizes whose product is 2^992": lambda: flatbuffer(
        model([tensor([2**31 - 1] * 32, 0, 1)], [], [], [bytes(4)], ([], []))
    ),
    "a vector of 2^32 - 1": lambda: tensors({**tensor([1]), 0: Numbers("i", [], 2**32 - 1)}),
    "a vector of 2^30": lambda: tensors({**tensor([1]), 0: Numbers("i", [], 2**30)}),
}


@pytest.mark.parametrize("name", FILES)
def test_it_is_refused(name, refused):
    data = FILES[name]()
    assert "model.tflite" in refused(lambda: playground.load(data, "model.tflite"), memory_for(len(data)) / 2**20)


def chain(count):
    """Sums, one after the other."""
    values = [tensor([1], name=f"t{index}") for index in range(count + 1)]
    steps = [operator([index, index], [index + 1]) for index in range(count)]
    return flatbuffer(model(values, steps, [ADD], None, ([0], [count])))


@pytest.mark.slow
def test_large_graphs_are_taken():
    data = chain(30_000)
    outcome = guarded(lambda: inventory(playground.load(data, "m.tflite")), 10, memory_for(len(data)) / 2**20)
    assert outcome.kind == "accepted", outcome


def test_many_readers_of_one_image_share_its_other_order():
    """A file cannot ask for a copy of a value for each operator."""
    image = [tensor([1, 8, 8, 4], name=f"t{index}") for index in range(1002)]
    steps = [operator([0, 0], [index]) for index in range(1, 1001)]
    data = flatbuffer(model(image, steps, [17], None, ([0], [1])))
    graph = playground.load(data, "m.tflite").required_graph()
    assert sum(node.op == "Transpose" for node in graph.nodes) <= 2

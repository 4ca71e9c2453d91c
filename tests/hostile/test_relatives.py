"""Others of each kind: small files that ask for much, files that lie about sizes, links and recipes of any length."""

import json
import struct

import numpy as np
import pytest

import playground
from playground.analysis.inventory import inventory
from playground.errors import BadFileError
from playground.limits import MOST_GRAPH_DEPTH, MOST_QUERY, MOST_QUERY_FIELDS, memory_for
from playground.model.onnx_proto import ModelProto
from playground.model.recipe import Recipe
from playground.model.recipe.imports import import_recipe
from playground.settings import Settings, from_query
from tests.hostile import builders
from tests.hostile.builders import chain, entry, field, nested, onnx_of, safetensors_of, varint, zipped
from tests.hostile.guard import guarded


def attribute(content):
    return onnx_of(field(1, field(5, content)))


def call(number):
    """A call of the function of this number."""
    return {"op_type": f"f{number}", "domain": "local", "input": ["a"], "output": ["b"]}


def doubling(depth):
    """Functions each of which calls the one below it twice."""
    model = ModelProto()
    model.CopyFrom(builders.MODEL)
    for number in range(depth):
        function = model.functions.add(name=f"f{number}", domain="local", input=["a"], output=["b"])
        function.opset_import.add(domain="", version=17)
        below = {"op_type": "Relu"} if number == 0 else {"op_type": f"f{number - 1}", "domain": "local"}
        function.node.add(input=["a"], output=["c"], **below)
        function.node.add(input=["c"], output=["b"], **below)
    model.graph.input.add(name="a")
    model.graph.node.add(**call(depth - 1))
    return model.SerializeToString()


ONNX = {
    "5,000,000 empty operators": lambda: onnx_of(b"\x0a\0" * 5_000_000),
    "200,000 empty attributes": lambda: onnx_of(field(1, b"\x2a\0" * 200_000)),
    "700,000 empty inputs": lambda: onnx_of(field(1, b"\x0a\0" * 700_000)),
    "400,000 empty tensors": lambda: onnx_of(b"\x2a\0" * 400_000),
    "300,000 named tensors": lambda: builders.empty_tensors(300_000),
    "4,000,000 numbers of an attribute": lambda: attribute(field(8, b"\x08" * 4_000_000) + b"\xa0\x01\x07"),
    "5,000,000 texts of an attribute": lambda: attribute(b"\x4a\0" * 5_000_000),
    "an attribute of 5 MB": lambda: attribute(field(4, bytes(5_000_000)) + b"\xa0\x01\x03"),
    "a name of 5 MB": lambda: onnx_of(field(1, field(3, b"a" * 5_000_000))),
    "a name of 5 kB": lambda: onnx_of(field(1, field(3, b"a" * 5000))),
    "a name that is not UTF-8": lambda: onnx_of(field(1, field(3, b"\xff"))),
    "100,000 axes": lambda: onnx_of(field(5, field(1, b"\x01" * 100_000) + b"\x10\1")),
    "100,000 axes, one by one": lambda: onnx_of(field(5, b"\x08\1" * 100_000 + b"\x10\1")),
    "sizes whose product is 2^128": lambda: onnx_of(field(5, field(1, varint(2**62) * 4) + b"\x10\1")),
    "a negative size": lambda: onnx_of(field(5, field(1, varint(2**64 - 1)) + b"\x10\1")),
    "fewer values than its shape": lambda: onnx_of(field(5, b"\x08\4\x10\1" + field(9, bytes(15)))),
    "fewer float_data": lambda: onnx_of(field(5, field(1, varint(2000)) + b"\x10\1" + field(4, bytes(7996)))),
    "fewer int32_data": lambda: onnx_of(field(5, field(1, varint(2000)) + b"\x10\6" + field(5, bytes(1999)))),
    "values of another type": lambda: onnx_of(field(5, field(1, varint(2000)) + b"\x10\6" + field(4, bytes(8000)))),
    "200 graphs in each other": lambda: nested(200),
    "20,000 graphs in each other": lambda: nested(20_000),
    "graphs beyond the limit": lambda: nested(MOST_GRAPH_DEPTH + 1),
    "two attributes of a name": lambda: onnx_of(field(1, field(5, field(1, b"a") + b"\xa0\x01\x02") * 2)),
    "a field that is longer than the file": lambda: onnx_of(b"")[:-1] + varint(2**31) + b"\x0a",
    "a number of 11 bytes": lambda: b"\x08\x0a" + b"\xff" * 11,
    "an endless group": lambda: b"\x08\x0a\x1b" * 1000,
    "two tensors of a name": lambda: onnx_of((field(5, b"\x08\0\x10\1" + field(8, b"t"))) * 2),
    "functions that double 40 times": lambda: doubling(40),
    "functions 60 deep": lambda: doubling(60),
    "external data": lambda: onnx_of(
        field(5, b"\x08\1\x10\1\x70\1" + field(13, field(1, b"location") + field(2, b"a")))
    ),
}


@pytest.mark.parametrize("name", ONNX)
def test_onnx(name, refused):
    data = ONNX[name]()
    told = refused(lambda: playground.load(data, "model.onnx"), memory_for(len(data)) / 2**20)
    assert "model.onnx" in told


def with_header(header, values=b"", version=b"\1\0", size=None):
    size = len(header) if size is None else size
    return b"\x93NUMPY" + version + struct.pack("<H" if version == b"\1\0" else "<I", size) + header + values


def array(header, values=b"", **more):
    content = with_header(header, values, **more)
    return zipped(content, len(content))


HEAD = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}"
NPZ = {
    "method 12": lambda: zipped(b"junkjunk", 80, 12),
    "method 14": lambda: zipped(b"junkjunk", 80, 14),
    "encrypted": lambda: zipped(b"junkjunk", 80, 0, 1),
    "name not UTF-8": lambda: zipped(b"x" * 80, 80, 0, 0x800, b"\xff.npy"),
    "name of 10 kB": lambda: zipped(with_header(HEAD, bytes(12)), 77, name=b"a" * 10_000 + b".npy"),
    "directory beyond the file": lambda: zipped(b"x" * 80, 80)[:-6] + struct.pack("<I", 2**31) + b"\0\0",
    "directory of 2 GB": lambda: zipped(b"x" * 80, 80)[:-10] + struct.pack("<II", 2**31, 0) + b"\0\0",
    "header of 1 GiB": lambda: zipped(
        builders.deflated(b"\x93NUMPY\2\0" + struct.pack("<I", 1 << 30), 1 << 26), (1 << 26) + 12, 8
    ),
    "100 MB of zeros": lambda: zipped(builders.deflated(b"", 100 << 20), 100 << 20, 8),
    "claims what cannot be": lambda: zipped(b"\x03\0", 2**31, 8),
    "header of 60 kB": lambda: array(HEAD + b" " * 60_000, bytes(12)),
    "header longer than the file": lambda: array(HEAD, version=b"\2\0", size=2**31),
    "header of 9,000 parentheses": lambda: array(b"(" * 9000),
    "header of 9,000 minus signs": lambda: array(b"-" * 9000 + b"1"),
    "rank 500": lambda: array(HEAD.replace(b"(3,)", b"(" + b"1," * 500 + b")"), bytes(4)),
    "2^62 values": lambda: array(HEAD.replace(b"(3,)", b"(2**62,)".replace(b"2**62", str(2**62).encode()))),
    "a size of 5,000 digits": lambda: array(HEAD.replace(b"(3,)", b"(" + b"9" * 5000 + b",)")),
    "2^70 times 0": lambda: array(HEAD.replace(b"(3,)", b"(0, %d)" % 2**70)),
    "a negative size": lambda: array(HEAD.replace(b"(3,)", b"(-3,)"), bytes(12)),
    "more than its header says": lambda: array(HEAD, bytes(13)),
    "objects": lambda: array(HEAD.replace(b"<f4", b"|O"), bytes(24)),
}


@pytest.mark.parametrize("name", NPZ)
def test_npz(name, refused):
    data = NPZ[name]()
    assert "arrays.npz" in refused(lambda: playground.load(data, "arrays.npz"), memory_for(len(data)) / 2**20)


SAFETENSORS = {
    "rank 100,000": lambda: safetensors_of({"a": entry([1] * 100_000, 0, 4)}, bytes(4)),
    "50,000 times 2^62": lambda: safetensors_of({"a": entry([2**62] * 50_000, 0, 0)}),
    "300,000 empty tensors": lambda: safetensors_of({f"t{i}": entry([0], 0, 0) for i in range(300_000)}),
    "a name of 5 kB": lambda: safetensors_of({"a" * 5000: entry([1], 0, 4)}, bytes(4)),
    "a type of 1 MB": lambda: safetensors_of({"a": {"dtype": "F" * 10**6, "shape": [1], "data_offsets": [0, 4]}}),
    "an integer of 5,000 digits": lambda: safetensors_of(b'{"a": ' + b"9" * 5000 + b"}"),
    "nested 100,000 deep": lambda: safetensors_of(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "1,000,000 quotes": lambda: safetensors_of(b'{"' + b'\\"' * 1_000_000),
    "a header longer than the file": lambda: safetensors_of({}, size=2**62),
    "a header of 2^64 - 1": lambda: safetensors_of({}, size=2**64 - 1),
    "NaN": lambda: safetensors_of(b'{"a": NaN}'),
    "a name twice": lambda: safetensors_of(b'{"a": 1, "a": 2}'),
    "an overlap": lambda: safetensors_of({"a": entry([1], 0, 4), "b": entry([1], 2, 6)}, bytes(6)),
    "a hole": lambda: safetensors_of({"a": entry([1], 0, 4), "b": entry([1], 6, 10)}, bytes(10)),
    "bytes beyond the last": lambda: safetensors_of({"a": entry([1], 0, 4)}, bytes(9)),
    "a product of 2^64": lambda: safetensors_of({"a": entry([2**32, 2**32], 0, 0)}),
}


@pytest.mark.parametrize("name", SAFETENSORS)
def test_safetensors(name, refused):
    data = SAFETENSORS[name]()
    told = refused(lambda: playground.load(data, "model.safetensors"), memory_for(len(data)) / 2**20)
    assert "model.safetensors" in told
    assert len(told) < 2500


LARGE = {
    "30,000 operators": lambda: chain(30_000),
    "30,000 operators of one name": lambda: chain(30_000, name="n"),
    "2,000 branches": lambda: builders.with_branches(2000),
    "5,000 calls of one name": lambda: builders.with_calls(5000),
    "graphs up to the limit": lambda: nested(MOST_GRAPH_DEPTH),
    "30,000 tensors": lambda: builders.empty_tensors(30_000),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_graphs_are_taken(name):
    data = LARGE[name]()
    outcome = guarded(lambda: inventory(playground.load(data, "model.onnx")), 10, memory_for(len(data)) / 2**20)
    assert outcome.kind == "accepted", outcome


def test_values_stay_in_the_file(tmp_path):
    model = ModelProto()
    model.CopyFrom(builders.MODEL)
    model.graph.initializer.add(name="w", data_type=1, dims=[25_000_000], raw_data=bytes(10**8))
    path = tmp_path / "large.onnx"
    path.write_bytes(model.SerializeToString())
    del model
    outcome = guarded(lambda: playground.load(path), megabytes=10)
    assert outcome.kind == "accepted", outcome
    tensor = playground.load(path).tensors["w"]
    assert not tensor.numpy().any()
    path.write_bytes(b"gone")
    with pytest.raises(BadFileError, match="became shorter"):
        tensor.numpy()
    path.unlink()
    with pytest.raises(BadFileError, match="tensor 'w'"):
        tensor.numpy()


RECIPES = {
    "not JSON": b"{",
    "nested 100,000 deep": b"[" * 100_000,
    "17 MB": b" " * 17_000_000,
    "10,001 rules": json.dumps({"rules": [{"pattern": f"a{i}"} for i in range(10_001)]}).encode(),
    "a pattern of 1,001 characters": json.dumps({"rules": [{"pattern": "a" * 1001}]}).encode(),
    "1,000,000 numbers": b"[" + b"1," * 1_000_000 + b"1]",
    "a scheme of lists": b'{"weights": {"format": []}}',
    "a scheme of objects": b'{"weights": {"convention": {}}}',
    "a scale of 400 digits": b'{"overrides": [{"tensor": "w", "scale": 1%s, "zero_point": 0}]}' % (b"0" * 400),
    "a size of 5,000 digits": b'{"rules": [{"pattern": "*", "shape": [1%s]}]}' % (b"0" * 5000),
    "a value of 1 MB": json.dumps({"activations": "a" * 10**6}).encode(),
    "a regular expression of 5 kB": json.dumps(
        [{"regex": "[" * 5000, "operation": "*", "algorithm_key": "no_quantize"}]
    ).encode(),
    "ORT without values": b'{"w": [{"scale": null, "zero_point": []}]}',
    "UTF-16 cut short": "{}".encode("utf-16")[:-1],
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes(name, refused):
    told = refused(lambda: import_recipe(RECIPES[name]))
    assert "Error" in told.split(":")[0]
    assert len(told) < 3100


def test_recipes_of_many_entries_are_read():
    recipe = {"overrides": [{"tensor": f"w{i}", "skip": True} for i in range(20_000)]}
    text = json.dumps(recipe)
    outcome = guarded(lambda: [Recipe.from_json(text).override_for(f"w{i}") for i in range(2)])
    assert outcome.kind == "accepted", outcome
    edge = [{"regex": f"a{i}", "operation": "CONV_2D", "algorithm_key": "no_quantize"} for i in range(4000)]
    outcome = guarded(lambda: import_recipe(edge))
    assert outcome.kind == "accepted", outcome


@pytest.mark.parametrize(
    "query",
    ["format=int4&" * 200_000, "lo=" + "9" * MOST_QUERY, "&" * MOST_QUERY_FIELDS, "lo=1" + "&lo=x" * 200],
)
def test_links_of_any_length(query):
    answers = []
    outcome = guarded(lambda: answers.append(from_query(query)), seconds=0.5, megabytes=16)
    assert outcome.kind == "accepted", outcome
    settings, notes = answers[0]
    assert settings in (Settings(), Settings(lo=1.0))
    assert 0 < len(notes) <= 10


def test_numbers_of_a_link_are_those_that_are_written():
    for text in ("1_0", "0x10", "٣", "1e400", "inf", "nan", "--1", "1e", ".", "9" * 401):
        assert from_query(f"lo={text}")[0] == Settings(), text
    for text, value in {"+5": 5.0, " 5 ": 5.0, ".5": 0.5, "5.": 5.0, "1e-400": 0.0}.items():
        assert from_query(f"lo={text.replace('+', '%2B')}")[0].lo == value


def test_what_arrays_hold_is_that_of_the_file():
    values = np.arange(3000, dtype=np.int64) - 5
    model = ModelProto()
    model.CopyFrom(builders.MODEL)
    model.graph.initializer.add(name="i", data_type=7, dims=[3000], int64_data=values.tolist())
    model.graph.initializer.add(name="f", data_type=1, dims=[3000], float_data=values.tolist())
    model.graph.initializer.add(name="b", data_type=9, dims=[3000], int32_data=(values > 9).astype(int).tolist())
    model.graph.initializer.add(name="h", data_type=10, dims=[3000], int32_data=[15360] * 3000)
    model.graph.initializer.add(name="u", data_type=13, dims=[3000], uint64_data=[2**64 - 1] * 3000)
    tensors = playground.load(model.SerializeToString(), "model.onnx").tensors
    assert tensors["i"].numpy().tolist() == values.tolist()
    assert tensors["f"].numpy().tolist() == values.tolist()
    assert tensors["b"].numpy().tolist() == (values > 9).tolist()
    assert (tensors["h"].numpy() == 1).all()
    assert (tensors["u"].numpy() == 2**64 - 1).all()

"""Keras's files, and HDF5 by pyfive: what Keras and h5py wrote, and what is refused."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import Any

import numpy as np
import pytest

from playground import load, run
from playground.analysis.inventory import inventory
from playground.errors import BadFileError, UnsupportedError
from playground.host.sources import BytesSource
from playground.model.readers._hdf5 import _pieces
from playground.model.readers.keras import READER
from tests.model.readers import keras_nets

NETS = [
    f"{name}{old}{ending}"
    for ending in (".keras", ".h5")
    for name, old in (("images", ""), ("rows", ""), ("nested", ""), ("images", "2"), ("nested", "2"))
]


def opened(name: str) -> Any:
    return load(keras_nets.files()[name], name)


def rewritten(name: str, **changes: bytes | None) -> bytes:
    """An archive with other members; None: without it."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(keras_nets.files()[name])) as given, zipfile.ZipFile(made, "w") as archive:
        for member in given.namelist():
            content = changes.get(member.partition(".")[0], given.read(member))
            if content is not None:
                archive.writestr(member, content)
    return made.getvalue()


def config_of(name: str) -> Any:
    with zipfile.ZipFile(io.BytesIO(keras_nets.files()[name])) as archive:
        return json.loads(archive.read("config.json"))


def changed(name: str, layer: int, **values: Any) -> Any:
    """The model of a file with other values in the configuration of one of its layers."""
    config = config_of(name)
    config["config"]["layers"][layer]["config"] |= values
    return load(rewritten(name, config=json.dumps(config).encode()), name)


@pytest.mark.parametrize("engine", ["reference", "wasm"])
@pytest.mark.parametrize("name", NETS)
def test_nets_answer_as_in_keras(name: str, engine: str) -> None:
    held = opened(name)
    told = keras_nets.arrays(name.partition(".")[0])
    inputs = held.required_graph().inputs
    feeds = {value.name: told[f"x{at}"] for at, value in enumerate(inputs)}
    for at, found in enumerate(run(held, feeds, engine=engine).values()):
        np.testing.assert_allclose(found, told[f"y{at}"], rtol=1e-5, atol=1e-5 * np.abs(told[f"y{at}"]).max())


@pytest.mark.parametrize("name", ["images.keras", "images.h5"])
def test_what_is_told_of_a_net(name: str) -> None:
    held = opened(name)
    graph = held.required_graph()
    assert held.format == name.partition(".")[2]
    assert held.metadata["keras_version"].startswith("3.")
    assert [(value.name, value.shape) for value in graph.inputs] == [("image", (None, 9, 8, 3))]
    assert [value.name for value in graph.outputs] == ["answer"]
    # one transpose for the image, one for what is flattened
    assert [node.op for node in graph.nodes].count("Transpose") == 2
    rows = {row.name: row for row in inventory(held)}
    assert (rows["conv/kernel"].shape, rows["conv/kernel"].op) == ((4, 3, 3, 3), "Conv")
    assert {row.dtype for row in rows.values()} == {"float32"}


@pytest.mark.parametrize("name", ["int8.keras", "int8.h5"])
def test_int8_codes_and_scales(name: str) -> None:
    held, told = opened(name), keras_nets.arrays("int8")
    assert held.tensors["answer/kernel"].dtype == "int8"
    assert any("int8 codes become floats" in note for note in held.notes)
    for role, axis in (("answer/kernel", 1), ("mix/kernel", 1), ("table/embeddings", 0)):
        codes, scale = held.tensors[role].numpy(), held.tensors[f"{role}_scale"].numpy()
        real = codes * np.expand_dims(scale, 1 - axis)
        assert np.abs(real - told[role]).max() <= 0.51 * scale.max()
    (given,) = held.required_graph().inputs
    (found,) = run(held, {given.name: told["x0"]}, engine="reference").values()
    # Keras makes codes of the values, too
    np.testing.assert_allclose(found, told["y0"], atol=0.02 * np.abs(told["y0"]).max())


@pytest.mark.parametrize("name", ["int4.keras", "int4.h5"])
def test_int4_codes_are_shown(name: str) -> None:
    held, told = opened(name), keras_nets.arrays("int4")
    assert held.graph is None
    assert "3 layers in int4" in held.no_graph.what
    for role in ("answer/kernel", "mix/kernel", "table/embeddings"):
        tensor = held.tensors[role]
        assert (tensor.dtype, tensor.quantized, tensor.shape) == ("qint4", True, told[role].shape)
        assert list(tensor.parts) == ["codes", "scale", "zero_point", "groups"]
        assert np.abs(tensor.numpy() - told[role]).max() <= 0.51 * tensor.parts["scale"].numpy().max()


def test_bfloat16_weights_become_float32() -> None:
    held = opened("bfloat16.keras")
    assert any("bfloat16 become float32" in note for note in held.notes)
    assert held.tensors["answer/kernel_float32"].dtype == "float32"


def test_layers_without_a_counterpart_leave_the_tensors() -> None:
    held = opened("recurrent.keras")
    assert held.graph is None
    assert held.no_graph.what == "the graph cannot be read because of 1 layer of class LSTM"
    assert held.tensors["answer/kernel"].shape == (2, 2)
    assert "layers/lstm/cell/vars/0" in held.tensors


def test_weights_alone() -> None:
    held = opened("images.weights.h5")
    assert held.graph is None
    assert held.tensors["layers/conv2d/vars/0"].shape == (3, 3, 3, 4)
    assert "no graph" in held.no_graph.what


def test_lambda_layers_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="Lambda layer, which is a program"):
        opened("program.keras")


def test_it_is_recognised_by_its_content() -> None:
    for name in ("images.keras", "images.h5"):
        data = keras_nets.files()[name]
        assert READER.signature(data[:512])
        assert load(data, "any.bin").format == name.partition(".")[2]


def test_layouts_and_filters_of_h5py() -> None:
    held = opened("layouts.h5")
    for name, values in keras_nets.arrays("layouts").items():
        found = held.tensors[name].numpy()
        assert (found.dtype, held.tensors[name].dtype) == (values.dtype.newbyteorder("="), values.dtype.name)
        np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("name", ["many.h5", "many.latest.h5"])
def test_groups_of_many_arrays(name: str) -> None:
    """In both kinds of groups: names in one table, or in a tree."""
    held = opened(name)
    assert {key: tensor.shape for key, tensor in held.tensors.items()} == {f"g/{n:02}": (n,) for n in range(40)}
    assert held.tensors["g/39"].numpy().tolist() == [39] * 39


def test_arrays_of_texts_are_left_out() -> None:
    held = opened("text.h5")
    assert not held.tensors
    assert held.notes == ("1 array of texts or records are left out",)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("elsewhere", "a link to another file"),
        ("by_name", "a link by name"),
        ("linked", "linked to twice"),
        ("virtual", "values are those of other arrays"),
        ("values_elsewhere", "values are in another file"),
        ("shared", "shared with another array"),
        ("lzf", r"filters are \[32000\]"),
        ("unwritten", "never written"),
    ],
)
def test_what_of_hdf5_is_refused(name: str, what: str) -> None:
    with pytest.raises(UnsupportedError, match=what):
        opened(f"{name}.h5")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"activation": "sparsemax"}, "activation sparsemax"),
        ({"activation": {"class_name": "Own", "config": {}}}, "activation {'class_name': 'Own'"),
        ({"padding": "twice"}, "padding twice"),
        ({"groups": 2}, "3 channels and weights for 3, in 2 groups"),
        ({"strides": [0, 1]}, r"strides \[0, 1\]"),
    ],
)
def test_forms_without_a_counterpart(changes: dict[str, Any], what: str) -> None:
    held = changed("images.keras", 1, **changes)
    assert held.graph is None
    with pytest.raises(UnsupportedError, match=what):
        held.required_graph()
    assert held.tensors["conv/kernel"].shape == (3, 3, 3, 4)


def test_contradictions_are_bad_files() -> None:
    with pytest.raises(BadFileError, match="layer norm: the configuration"):
        changed("images.keras", 2, epsilon="small")
    config = config_of("images.keras")
    config["config"]["output_layers"] = ["missing", 0, 0]
    with pytest.raises(BadFileError, match="nothing makes an output"):
        load(rewritten("images.keras", config=json.dumps(config).encode()), "m.keras")


def test_layers_in_a_circle_are_refused() -> None:
    config = config_of("images.keras")
    history = config["config"]["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["keras_history"]
    history[0] = "answer"
    with pytest.raises(BadFileError, match="nothing makes an output"):
        load(rewritten("images.keras", config=json.dumps(config).encode()), "m.keras")


def test_archives_without_a_part() -> None:
    with pytest.raises(UnsupportedError, match=r"no model\.weights\.h5"):
        load(rewritten("images.keras", model=None), "m.keras")
    held = load(rewritten("images.keras", config=None), "m.keras")
    assert held.graph is None
    assert "layers/conv2d/vars/0" in held.tensors


def test_a_class_of_its_own_leaves_the_tensors() -> None:
    config = config_of("rows.keras") | {"class_name": "Mine", "registered_name": "Package>Mine"}
    held = load(rewritten("rows.keras", config=json.dumps(config).encode()), "m.keras")
    assert "a class of its own, 'Package>Mine'" in held.no_graph.what


def test_values_are_read_when_they_are_needed() -> None:
    """Of the weights only the pages with their description are read."""
    data = keras_nets.files()["images.h5"]
    counts: list[int] = []

    class Counting(BytesSource):
        """Counts what is read."""

        def read(self, offset: int, size: int) -> bytes:
            counts.append(size)
            return super().read(offset, size)

    held = load(Counting(data + bytes(2**24), "m.h5"))
    assert sum(counts) < 2**18
    counts.clear()
    held.tensors["answer/bias"].numpy()
    assert counts == [20]


def test_compressed_archives_are_read() -> None:
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(keras_nets.files()["rows.keras"])) as given,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for member in given.namelist():
            archive.writestr(member, given.read(member))
    assert load(made.getvalue(), "m.keras").tensors["answer/bias"].shape == (3,)


def test_texts_that_fill_their_heap_to_the_end() -> None:
    """What is left behind them may be shorter than the head of one more."""
    heap = b"".join(struct.pack("<HHIQ", at, 1, 0, 3) + b"abc".ljust(8, b"\0") for at in (1, 2)) + bytes(8)
    assert _pieces(heap) == {1: b"abc", 2: b"abc"}
    assert _pieces(heap[:24] + bytes(16) + heap[24:]) == {1: b"abc"}

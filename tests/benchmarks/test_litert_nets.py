"""The bench page's ``.tflite`` files: the archive and ``nets.py`` together give what TensorFlow's converter made."""

import hashlib
import json

import numpy as np
import pytest

from tests.benchmarks import litert_nets, nets

MEGABYTE = 1_000_000


def test_the_archive_is_small_and_has_every_net_in_both_kinds():
    assert litert_nets.ARCHIVE.stat().st_size < MEGABYTE
    assert litert_nets.places().keys() == nets.EVERY.keys()
    assert all(tuple(kinds) == litert_nets.KINDS for kinds in litert_nets.places().values())


@pytest.mark.parametrize("kind", litert_nets.KINDS)
@pytest.mark.parametrize("name", nets.EVERY)
def test_files_are_those_of_the_converter(name, kind):
    file = litert_nets.file_of(name, kind)
    made = [file, litert_nets.changed(file, litert_nets.changes(name, kind))]
    assert made[0] != made[1]
    assert [hashlib.sha256(it).hexdigest() for it in made] == litert_nets.places()[name][kind]["sha256"]


@pytest.mark.parametrize("kind", litert_nets.KINDS)
def test_every_large_weight_comes_from_the_net(kind):
    """Nine tenths of the weights and all of the matrices: biases are folded and rounded by the converter."""
    for name, make in nets.EVERY.items():
        filled = {entry["name"] for entry in litert_nets.places()[name][kind]["weights"]}
        floats = {key: it for key, it in make().initializers.items() if it.dtype == "float32"}
        assert {key for key, it in floats.items() if len(it.shape) > 1 and it.size >= 256} <= filled, name


def test_another_net_gives_another_file():
    graph = nets.EVERY["dscnn"]()
    name = litert_nets.places()["dscnn"]["int8"]["weights"][0]["name"]
    other = graph.with_constants({name: -graph.initializers[name].numpy()})
    assert litert_nets.file_of("dscnn", "int8", other) != litert_nets.file_of("dscnn", "int8", graph)


def test_codes_are_rounded_away_from_zero_and_saturate():
    scales = np.array([0.5, 1], np.float32)
    values = np.array([[0.25, -0.25, 100], [0.5, -1.5, 1.49]], np.float32)
    np.testing.assert_array_equal(litert_nets.codes(values, scales, 0, 0), [[1, -1, 127], [1, -2, 1]])
    np.testing.assert_array_equal(litert_nets.codes(values, scales[:1], 0, -128)[0], [-127, -128, 72])


def test_the_page_gets_every_file_and_the_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(nets, "EVERY", {"dscnn": nets.EVERY["dscnn"]})
    litert_nets.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"dscnn.int8.tflite", "dscnn.float.tflite", "litert.json"}
    (at, octets), *_ = json.loads((tmp_path / "litert.json").read_text())["dscnn"]["int8"]
    changed = litert_nets.changed(bytes(at) + b"\xff" * len(octets), [(at, octets)])
    assert changed[at : at + len(octets) // 2].hex() == octets
    assert changed[at + len(octets) // 2 :] == b"\xff" * (len(octets) - len(octets) // 2)


def test_images_come_with_the_channels_last_and_indices_in_32_bits():
    x = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    assert litert_nets.layout(x).shape == (2, 4, 5, 3)
    assert litert_nets.layout(x)[1, 2, 3, 0] == x[1, 0, 2, 3]
    assert litert_nets.layout(np.zeros((2, 7), np.int64)).dtype == np.int32
    assert litert_nets.layout(x[:, 0, 0]).shape == (2, 5)

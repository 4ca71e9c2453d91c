import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import playground
from playground.errors import BadFileError, MissingError, PlaygroundError
from playground.host.sources import BytesSource

INDEX = "model.safetensors.index.json"
FILES = [f"model-{number:05}-of-00003.safetensors" for number in (1, 2, 3)]


def shards() -> dict[str, bytes]:
    return {
        name: safetensors.numpy.save({f"w{i}": np.full(4, i, np.float32)}, {"format": "pt"})
        for i, name in enumerate(FILES)
    }


def index(**changes: Any) -> bytes:
    weight_map = {f"w{i}": name for i, name in enumerate(FILES)}
    return json.dumps({"metadata": {"total_size": 48}, "weight_map": weight_map} | changes).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in (shards() | {INDEX: index()}).items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_an_index_brings_the_files_beside_it(folder: Path) -> None:
    model = playground.load(folder / INDEX)
    assert (model.format, list(model.tensors), dict(model.metadata)) == (
        "safetensors",
        ["w0", "w1", "w2"],
        {"format": "pt"},
    )
    assert model.tensors["w2"].numpy().tolist() == [2.0] * 4
    assert model.notes == ("The model is in 3 files.",)


def test_what_is_missing_is_named(folder: Path) -> None:
    (folder / FILES[1]).unlink()
    model = playground.load(folder / INDEX)
    assert list(model.tensors) == ["w0", "w2"]
    assert f"Of 3 files 1 is missing ('{FILES[1]}'): 2 of 3 tensors are here" in model.notes[0]
    for name in (FILES[0], FILES[2]):
        (folder / name).unlink()
    with pytest.raises(MissingError, match=f"none of the 3 files that the index names is there: '{FILES[0]}'"):
        playground.load(folder / INDEX)


def test_files_that_were_given_together(folder: Path) -> None:
    given = [BytesSource(data, name) for name, data in shards().items()]
    assert list(playground.load(given).tensors) == ["w0", "w1", "w2"]
    with_index = [*given[:2], BytesSource(index(), INDEX)]
    model = playground.load(with_index)
    assert list(model.tensors) == ["w0", "w1"]
    assert FILES[2] in model.notes[0]
    assert list(playground.load([folder / name for name in FILES[:2]]).tensors) == ["w0", "w1"]
    with pytest.raises(BadFileError, match="'w0' is in two of the files"):
        playground.load([given[0], BytesSource(shards()[FILES[0]], "other.safetensors")])
    with pytest.raises(PlaygroundError, match="two of the same name"):
        playground.load([given[0], given[0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "the index is not valid JSON"),
        (b"[]", "has no weight_map"),
        (index(weight_map={}), "has no weight_map"),
        (index(weight_map={"w0": 3}), "has no weight_map"),
        (index(weight_map={"w9": FILES[0]}), "'w9' is in"),
        (index(weight_map={"w0": "../secret.safetensors"}), "none of the 1 file"),
        (index(weight_map={"w0": "/etc/passwd"}), "none of the 1 file"),
        (index(weight_map={"w0": "..\\secret.safetensors"}), "none of the 1 file"),
        (index(weight_map={"w0": "a\x00b"}), "none of the 1 file"),
    ],
)
def test_refuses(folder: Path, text: bytes, message: str) -> None:
    (folder.parent / "secret.safetensors").write_bytes(shards()[FILES[0]])
    (folder / INDEX).write_bytes(text)
    with pytest.raises(PlaygroundError, match=message):
        playground.load(folder / INDEX)

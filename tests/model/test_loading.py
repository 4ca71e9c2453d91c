from pathlib import Path

import numpy as np
import pytest

import playground
from playground import opening
from playground.errors import BadFileError, InvalidInputError, MissingError
from playground.host.sources import BytesSource
from playground.model.loading import READERS
from playground.model.loading import read as load


def test_all_readers_are_found() -> None:
    assert {"onnx", "npz", "safetensors"} <= set(READERS)


def test_content_goes_before_the_name(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        np.savez(file, w=np.arange(3))
    assert load(path).format == "npz"
    assert load(str(path)).name == "model.onnx"
    assert load(path.read_bytes()).format == "npz"
    assert load(BytesSource(path.read_bytes(), "x")).tensors["w"].numpy().tolist() == [0, 1, 2]
    assert playground.load is opening.load


@pytest.mark.parametrize("name", ["m.onnx", "m.npz", "m.safetensors", "m", None])
def test_garbage(name: str | None) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(BadFileError, match="the file is empty"):
        load(b"", name)
    for size in (1, 7, 8, 9, 100, 5000):
        for _ in range(20):
            with pytest.raises(BadFileError):
                load(rng.bytes(size), name)
        with pytest.raises(BadFileError):
            load(bytes(size), name)


def test_three_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.write(b"\x08\x0a\x12\x04")
        file.truncate(3 * 10**9)
    with pytest.raises(BadFileError, match="a file of 3000000000 bytes exceeds"):
        load(path)


def test_what_is_no_file() -> None:
    with pytest.raises(MissingError, match="the file does not exist"):
        load("/nowhere/model.onnx")
    with pytest.raises(InvalidInputError, match="a value of type int is not a model file"):
        load(3)  # type: ignore[arg-type]

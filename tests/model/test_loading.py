import io
from pathlib import Path

import numpy as np
import onnx
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


def test_files_that_do_not_belong_to_the_model_are_refused() -> None:
    array = io.BytesIO()
    np.save(array, np.arange(3))
    data = array.getvalue()
    with pytest.raises(InvalidInputError, match=r"'b.npy' is not a part of the model in 'a.npy'"):
        load([BytesSource(data, "a.npy"), BytesSource(data, "b.npy")])
    with pytest.raises(InvalidInputError, match="two of the same name"):
        load([BytesSource(data, "a.npy"), BytesSource(data, "a.npy")])
    with pytest.raises(InvalidInputError, match="no files are given"):
        load([])
    assert load([BytesSource(data, "a.npy")]).format == "npy"


def test_onnx_with_its_values_beside_it(tmp_path: Path) -> None:
    """As it comes from the page: bytes of several files, none of them in a folder."""
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [onnx.helper.make_tensor_value_info("x", 1, [64])],
        [onnx.helper.make_tensor_value_info("y", 1, [64])],
        [onnx.numpy_helper.from_array(np.arange(64, dtype=np.float32), "w")],
    )
    onnx.save(
        onnx.helper.make_model(graph),
        tmp_path / "m.onnx",
        save_as_external_data=True,
        location="m.data",
        size_threshold=0,
    )
    model, values = (BytesSource((tmp_path / name).read_bytes(), name) for name in ("m.onnx", "m.data"))
    for given in ([model, values], [values, model]):
        np.testing.assert_array_equal(load(given).tensors["w"].numpy(), np.arange(64))
        assert load(given).file_bytes == model.size + values.size
    assert load(tmp_path / "m.onnx").file_bytes == model.size + values.size
    with pytest.raises(MissingError, match=r"in another file, 'm.data'. Open it together with the model"):
        load(model)
    with pytest.raises(InvalidInputError, match=r"'other' is not a part of the model"):
        load([model, values, BytesSource(b"x", "other")])

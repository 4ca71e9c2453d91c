import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from playground.errors import BadFileError
from playground.host.sources import BytesSource, FileSource
from playground.model.readers.safetensors import READER, read


def file(header: Any, data: bytes = b"", size: int | None = None) -> BytesSource:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return BytesSource((len(text) if size is None else size).to_bytes(8, "little") + text + data, "w.safetensors")


def entry(shape: list[Any], begin: Any, end: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_reads_what_the_official_library_writes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "a": rng.normal(size=(3, 4)).astype(np.float32),
        "b.half": rng.normal(size=5).astype(np.float16),
        "c": np.array([[True, False]]),
        "none": np.zeros((0, 3), np.float32),
        "scalar": np.array(7, np.int64),
    }
    path = tmp_path / "w.safetensors"
    safetensors.numpy.save_file(arrays, path, metadata={"made": "here"})
    model = read(FileSource(path))
    assert model.format == "safetensors"
    assert dict(model.metadata) == {"made": "here"}
    assert set(model.tensors) == set(arrays)
    for name, values in arrays.items():
        tensor = model.tensors[name]
        assert (tensor.dtype, tensor.shape, tensor.nbytes) == (values.dtype.name, values.shape, values.nbytes)
        assert np.array_equal(tensor.numpy(), values)
    assert READER.signature(path.read_bytes()[:64])


def test_bfloat16_comes_as_float32() -> None:
    model = read(
        file({"w": entry([2], 0, 4, "BF16")}, np.uint32([0x3FC0_0000, 0xC000_0000]).view("<u2")[1::2].tobytes())
    )
    assert model.tensors["w"].dtype == "bfloat16"
    assert model.tensors["w"].numpy().tolist() == [1.5, -2.0]


def test_only_the_header_is_read() -> None:
    class Huge:
        """3 GB of which only the header may be touched."""

        name, size = "huge.safetensors", 3 * 10**9
        header = json.dumps({"w": entry([3 * 10**9 - 86], 0, 3 * 10**9 - 86, "U8")}).encode()

        def read(self, offset: int, size: int) -> bytes:
            assert offset + size <= 8 + len(self.header)
            return (len(self.header).to_bytes(8, "little") + self.header)[offset : offset + size]

    assert len(Huge.header) == 78
    assert read(Huge()).tensors["w"].nbytes == Huge.size - 86


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (BytesSource(b"abc", "w"), "3 bytes cannot hold a safetensors header"),
        (file({}, size=10**15), "a header of 1000000000000000 bytes"),
        (file({}, size=1000), "a header of 1000 bytes"),
        (file(b"{nonsense"), "not valid JSON"),
        (file(b"\xff\xfe{}"), "not a JSON object in UTF-8"),
        (file(b"[" * 100_000), "not a JSON object in UTF-8"),
        (file([1, 2]), "not a JSON object"),
        (file(b'{"w": {}, "w": {}}'), "the name 'w' twice"),
        (file({"__metadata__": {"a": 1}}), "not an object of texts"),
        (file({"w": {"dtype": "F32"}}), "other fields than dtype, shape and data_offsets"),
        (file({"w": entry([-1], 0, 4)}), "are not sizes"),
        (file({"w": entry([True], 0, 4)}), "are not sizes"),
        (file({"w": entry([1], 4, 0)}), "are not sizes"),
        (file({"w": entry([1.0], 0, 4)}), "are not sizes"),
        (file({"w": entry([1], 0, 4, "F31")}), "'F31' is unknown"),
        (file({"w": entry([1], 0, 4, ["F32"])}), "is unknown"),
        (file({"w": entry([2], 0, 4)}, b"1234"), "4 bytes do not fill the shape [2], which needs 8"),
        (file({"w": entry([2**40, 2**40], 0, 8)}, b"12345678"), "needs"),
        (file({"w": entry([1], 0, 4)}, b"12"), "the file has"),
        (file({"w": entry([1], 0, 4)}, b"12345"), "the file has"),
        (file({"v": entry([1], 0, 4), "w": entry([1], 2, 6)}, b"123456"), "'w' overlaps"),
        (file({"v": entry([1], 0, 4), "w": entry([1], 6, 10)}, b"1234567890"), "gap of 2 bytes"),
    ],
)
def test_refuses(source: BytesSource, message: str) -> None:
    with pytest.raises(BadFileError) as error:
        read(source)
    assert message in str(error.value)
    assert len(str(error.value)) < 400

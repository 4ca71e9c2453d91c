import io
import zipfile
from typing import Any

import numpy as np
import pytest

from playground.errors import BadFileError, PlaygroundError, UnsupportedError
from playground.host.sources import BytesSource
from playground.model.readers.npz import READER, read


def npz(compressed: bool = False, **arrays: Any) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


def archive(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        zipped.writestr(name, data)
    return stream.getvalue()


def npy(shape: str, descr: str = "<f4") -> bytes:
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize("compressed", [False, True])
def test_reads_what_numpy_writes(compressed: bool) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "w": rng.normal(size=(300, 1000)).astype(np.float32),
        "fortran": np.asfortranarray(rng.normal(size=(3, 4))),
        "big_endian": np.arange(5, dtype=">i4"),
        "none": np.zeros((0, 2), np.float16),
        "scalar": np.array(True),
    }
    data = npz(compressed, **arrays)
    assert READER.signature(data[:64])
    model = read(BytesSource(data, "w.npz"))
    assert model.format == "npz"
    assert set(model.tensors) == set(arrays)
    for name, values in arrays.items():
        tensor = model.tensors[name]
        assert (tensor.dtype, tensor.shape, tensor.nbytes) == (values.dtype.name, values.shape, values.nbytes)
        assert np.array_equal(tensor.numpy(), values)
        assert tensor.numpy().dtype.isnative


def test_every_truncation_is_one_sentence() -> None:
    data = npz(a=np.arange(3), b=np.ones((2, 2)))
    for size in range(4, len(data), 7):
        with pytest.raises(BadFileError):
            read(BytesSource(data[:size], "w.npz"))


def test_damaged_values_are_found_when_they_are_read() -> None:
    data = bytearray(npz(w=np.zeros(100_000, np.uint8)))
    data[data.index(b"\n") + 50_000] ^= 1
    model = read(BytesSource(bytes(data), "w.npz"))
    with pytest.raises(BadFileError, match="damaged"):
        model.tensors["w"].numpy()


def test_pickles_are_never_loaded() -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (pytest.fail, ("a pickle was executed",))

    with pytest.raises(UnsupportedError, match="pickled"):
        read(BytesSource(npz(w=np.array([Evil()], object)), "w.npz"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (archive("readme.txt", b"hello"), "has no .npy files"),
        (archive("w.npy", b"hello, world"), "header cannot be read"),
        (
            archive("w.npy", npy("(1000000000000,)")),
            "needs 4000000000000",
        ),
        (archive("w.npy", npy("(-1,)") + b"1234"), "negative"),
        (
            archive("w.npy", npy("(1,)") + b"12345678"),
            "8 bytes do not fill the shape [1], which needs 4",
        ),
        (archive("w.npy", npy("(0,)", "<U4")), "are not tensors"),
        (archive("w.npy", npy("__import__('os').abort()")), "header cannot be read"),
        (
            archive("w.npy", npy("(" * 9000)),
            "header is nested too deep",
        ),
    ],
)
def test_refuses(data: bytes, message: str) -> None:
    with pytest.raises(PlaygroundError) as error:
        read(BytesSource(data, "w.npz"))
    assert message in str(error.value)


def test_bomb_is_refused_by_its_claim() -> None:
    data = npz(True, w=np.zeros(100_000, np.float32))
    claimed = (400_128).to_bytes(4, "little")
    assert claimed in data
    with pytest.raises(BadFileError, match="compressed bytes cannot hold"):
        read(BytesSource(data.replace(claimed, (3 * 10**9).to_bytes(4, "little")), "w.npz"))


def test_two_arrays_of_one_name() -> None:
    with pytest.raises(BadFileError, match="have the name 'a'"):
        read(BytesSource(npz(a=np.zeros(1), b=np.ones(1)).replace(b"b.npy", b"a.npy"), "w.npz"))

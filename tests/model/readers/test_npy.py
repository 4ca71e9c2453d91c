import io
from typing import Any

import numpy as np
import pytest

import playground
from playground.errors import PlaygroundError
from playground.host.sources import BytesSource
from playground.model.readers.npy import READER, read
from tests.hostile.make_arrays import npy


def saved(values: Any) -> bytes:
    made = io.BytesIO()
    np.save(made, values)
    return made.getvalue()


@pytest.mark.parametrize(
    "values",
    [
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(3, dtype=">i4"),
        np.float16(1.5),
        np.zeros((0, 2), bool),
    ],
    ids=lambda values: f"{values.dtype}",
)
def test_reads_what_numpy_writes(values: Any) -> None:
    data = saved(values)
    assert READER.signature(data[:512])
    model = playground.load(data, "folder.weights.npy")
    assert (model.format, list(model.tensors)) == ("npy", ["folder.weights"])
    found = model.tensors["folder.weights"]
    assert (found.shape, found.nbytes) == (values.shape, values.nbytes)
    np.testing.assert_array_equal(found.numpy(), values)
    assert found.numpy().dtype.isnative


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x93NUMPY\x01\x00", "the file has 8 bytes"),
        (npy(b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", bytes(8)), "pickled Python objects"),
        (npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", bytes(8)), "8 bytes do not fill"),
        (npy(b"{'descr': '<U2', 'fortran_order': False, 'shape': (1,), }", bytes(8)), "are not tensors"),
        (npy(b"(" * 9000), "nested too deep"),
    ],
)
def test_refuses(data: bytes, message: str) -> None:
    with pytest.raises(PlaygroundError, match=message):
        read(BytesSource(data, "w.npy"))

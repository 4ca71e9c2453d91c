from pathlib import Path

import pytest

from playground.errors import BadFileError, MissingError
from playground.host.sources import BytesSource, FileSource, Source


@pytest.fixture(params=["bytes", "file"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    if request.param == "bytes":
        return BytesSource(b"0123456789", "digits.bin")
    path = tmp_path / "digits.bin"
    path.write_bytes(b"0123456789")
    return FileSource(path)


def test_reads_ranges(source: Source) -> None:
    assert isinstance(source, Source)
    assert (source.name, source.size) == ("digits.bin", 10)
    assert source.read(3, 4) == b"3456"
    assert source.read(0, 10) == b"0123456789"
    assert source.read(10, 0) == b""


@pytest.mark.parametrize(("offset", "size"), [(8, 3), (-1, 2), (0, 10**15), (11, 0), (2, -1)])
def test_refuses_ranges_outside(source: Source, offset: int, size: int) -> None:
    with pytest.raises(BadFileError, match=r"digits\.bin"):
        source.read(offset, size)


def test_missing_file() -> None:
    with pytest.raises(MissingError, match="the file does not exist"):
        FileSource("/nowhere/model.onnx")


def test_file_that_shrinks(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"0123456789")
    source = FileSource(path)
    path.write_bytes(b"012")
    with pytest.raises(BadFileError, match="shorter"):
        source.read(0, 10)

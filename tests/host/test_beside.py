from pathlib import Path

import pytest

from playground.host.sources import BytesSource, FileSource, SourceGroup, beside


def test_a_group_is_the_file_that_is_read() -> None:
    group = SourceGroup(BytesSource(b"main", "a"), {"b": BytesSource(b"other", "b")})
    assert (group.name, group.size, group.read(1, 2)) == ("a", 4, b"ai")
    other = beside(group, "b")
    assert other is not None
    assert other.read(0, 5) == b"other"
    assert beside(group, "c") is None


def test_files_in_the_same_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode())
    held = beside(FileSource(tmp_path / "a"), "b")
    assert held is not None
    assert held.read(0, 1) == b"b"
    assert beside(SourceGroup(FileSource(tmp_path / "a"), {}), "b") is not None
    assert beside(FileSource(tmp_path / "a"), "c") is None


@pytest.mark.parametrize("name", ["", ".", "..", "../b", "/b", "folder/b", "folder\\b", "b\x00", "C:b"])
def test_names_with_folders_are_not_looked_for(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "folder"
    inside.mkdir()
    for path in (tmp_path / "b", inside / "a", inside / "b"):
        path.write_bytes(b"x")
    assert beside(FileSource(inside / "a"), name) is None

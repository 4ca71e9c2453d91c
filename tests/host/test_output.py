"""Files are written as a whole or not at all."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from playground.errors import OutputError
from playground.host.output import make_folder, write_file

BEFORE, AFTER = b"as it was", b"new" * 100_000


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(BEFORE)
    return path


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def assert_untouched(target):
    assert target.read_bytes() == BEFORE
    assert names_in(target.parent) == [target.name]


def test_a_file_is_replaced_and_nothing_else_is_left(target):
    write_file(target, AFTER)
    assert target.read_bytes() == AFTER
    assert names_in(target.parent) == [target.name]


def test_text_is_utf_8_without_changed_line_ends(tmp_path):
    write_file(tmp_path / "a.json", "größer\r\n\n")
    assert (tmp_path / "a.json").read_bytes() == "größer\r\n\n".encode()


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
@pytest.mark.parametrize(
    "fault", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt(), MemoryError()]
)
def test_a_fault_at_any_step_leaves_what_was_there(target, monkeypatch, step, fault):
    def fail(*_, **__):
        raise fault

    monkeypatch.setattr(Path if step == "replace" else os, step, fail)
    with pytest.raises(OutputError if isinstance(fault, OSError) else type(fault)) as caught:
        write_file(target, AFTER)
    monkeypatch.undo()
    assert_untouched(target)
    if isinstance(fault, OSError):
        assert str(caught.value) == (
            f"{target}: writing failed (No space left on device); nothing was changed. "
            "Free disk space, or choose another disk"
        )


def test_a_fault_leaves_no_file_where_there_was_none(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "new.onnx", AFTER)
    assert names_in(tmp_path) == []


def test_readers_see_the_old_or_the_new_content(target):
    stop, seen = threading.Event(), set()

    def read():
        while not stop.is_set():
            seen.add(target.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        write_file(target, AFTER)
        write_file(target, BEFORE)
    stop.set()
    reader.join()
    assert seen <= {BEFORE, AFTER}


def test_a_new_file_has_the_rights_that_open_gives_and_an_old_one_keeps_its_own(tmp_path, target):
    (tmp_path / "plain").write_bytes(b"")
    write_file(tmp_path / "new", b"x")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
    target.chmod(0o640)
    write_file(target, AFTER)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_may_not_be_written_to_is_left(target, what):
    place = target if what == "file" else target.parent
    mode = stat.S_IMODE(place.stat().st_mode)
    place.chmod(0o555 if what == "folder" else 0o444)
    try:
        with pytest.raises(OutputError, match="Choose a folder and a name that you may write to"):
            write_file(target, AFTER)
        assert_untouched(target)
    finally:
        place.chmod(mode)


def test_a_file_that_is_read_only_is_left_though_its_folder_is_not(target, monkeypatch):
    """The same for root, who may do everything: the answer that anyone else gets from the system."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="Permission denied"):
        write_file(target, AFTER)
    assert_untouched(target)


def test_a_folder_that_is_read_only_is_left(target, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OutputError, match=r"Read-only file system.*Choose a folder and a name that you may write to"):
        write_file(target, AFTER)
    monkeypatch.undo()
    assert_untouched(target)


@pytest.mark.skipif(os.name == "nt", reason="making links needs rights there")
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path, target):
    link = tmp_path / "link"
    link.symlink_to(target)
    write_file(link, AFTER)
    assert link.is_symlink()
    assert target.read_bytes() == AFTER


@pytest.mark.skipif(os.name == "nt", reason="has no such devices")
def test_what_is_no_plain_file_is_written_to_and_stays(tmp_path):
    write_file("/dev/null", AFTER)
    assert not Path("/dev/null").is_file()
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_file(pipe, AFTER)
    reader.join()
    assert got == [AFTER]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_full_device_is_named():
    with pytest.raises(OutputError, match=r"/dev/full: .*No space left on device"):
        write_file("/dev/full", AFTER)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("gone/x", "Create the folder first"),
        ("model.onnx/x", "Create the folder first"),
        ("x" * 300, "Use a shorter name"),
    ],
)
def test_the_remedy_fits_the_fault(target, name, hint):
    with pytest.raises(OutputError) as caught:
        write_file(target.parent / name, AFTER)
    assert caught.value.hint == hint
    assert_untouched(target)


def test_a_name_of_full_length_can_be_written(tmp_path):
    write_file(tmp_path / ("x" * 255), AFTER)
    assert (tmp_path / ("x" * 255)).read_bytes() == AFTER


def test_a_folder_instead_of_a_file_is_refused(tmp_path):
    with pytest.raises(OutputError, match="Is a directory"):
        write_file(tmp_path, AFTER)


def test_folders_are_made_once(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="file/x: writing failed"):
        make_folder(tmp_path / "file" / "x")

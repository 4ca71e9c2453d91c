"""HDF5 files that are made to cost time or memory, and configurations that are: each is refused within the limits."""

from __future__ import annotations

import json
import struct
import zipfile
from itertools import pairwise

import pytest

import playground
from playground.errors import BadFileError
from tests.hostile.guard import guarded
from tests.hostile.make_keras import archive, number, replaced
from tests.model.readers.keras_nets import files

UNDEFINED = number(2**64 - 1)


def refused(data: bytes, name: str = "m.h5") -> str:
    """What is said of a file that has to be refused."""

    def use() -> None:
        for tensor in playground.load(data, name).tensors.values():
            tensor.numpy()

    outcome = guarded(use)
    assert outcome.kind == "refused", outcome
    return outcome.what


def superblock(root: int) -> bytes:
    """The start of a file of the newer kind."""
    head = b"\x89HDF\r\n\x1a\n" + bytes((2, 8, 8, 0)) + number(0) + UNDEFINED + number(2**40) + number(root)
    return (head + bytes(4)).ljust(64, b"\0")


def header(messages: bytes, flags: int = 2) -> bytes:
    """An object's header of the newer kind."""
    return b"OHDR" + bytes((2, flags)) + struct.pack("<I", len(messages)) + messages + bytes(4)


def message(kind: int, content: bytes) -> bytes:
    return struct.pack("<BHB", kind, len(content), 0) + content


def old_header(messages: bytes, count: int) -> bytes:
    """An object's header of the older kind."""
    return struct.pack("<BBHIII", 1, 0, count, 1, len(messages), 0) + messages


def old_message(kind: int, content: bytes) -> bytes:
    return struct.pack("<HHB3x", kind, len(content), 0) + content


def dataset(shape: tuple[int, ...], layout: bytes, *, type_: bytes = b"", more: bytes = b"") -> bytes:
    """A file with one array of float32, ``x``."""
    space = struct.pack("<BBBB", 2, len(shape), 0, 1) + b"".join(map(number, shape))
    real = struct.pack("<BBBBIHHBBBBI", 0x11, 0x20, 31, 0, 4, 0, 32, 23, 8, 0, 23, 127)
    root = superblock(64) + header(message(6, bytes((1, 0, 1)) + b"x" + number(128)))
    return root.ljust(128, b"\0") + header(message(1, space) + message(3, type_ or real) + message(8, layout) + more)


def contiguous(address: int, size: int) -> bytes:
    return struct.pack("<BBQQ", 3, 1, address, size)


def chunked(tree: int, *chunk: int) -> bytes:
    return struct.pack(f"<BBBQ{len(chunk) + 1}I", 3, 2, len(chunk) + 1, tree, *chunk, 4)


def test_the_files_here_are_nearly_right() -> None:
    """An array that is inside its file is taken."""
    start = len(dataset((2,), contiguous(0, 8)))
    held = playground.load(dataset((2,), contiguous(start, 8)) + struct.pack("<2f", 1, 2), "m.h5")
    assert held.tensors["x"].numpy().tolist() == [1, 2]


@pytest.mark.parametrize("shape", [(2**40,), (2**62, 2**62), (2**63,) * 8, (1,) * 40])
def test_shapes_that_no_file_can_hold(shape: tuple[int, ...]) -> None:
    assert "BadFileError" in refused(dataset(shape, contiguous(64, 8)))
    assert "BadFileError" in refused(dataset(shape, chunked(64, *(2**16,) * len(shape))))


def test_chunks_without_end() -> None:
    for shape, chunk in (((2**20, 2**20), (1, 1)), ((1,), (2**31,)), ((2**13,), (1,))):
        assert "BadFileError" in refused(dataset(shape, chunked(64, *chunk)) + bytes(4096))


def test_a_tree_of_chunks_that_is_its_own_child() -> None:
    start = len(dataset((4,), chunked(0, 1)))
    entry = struct.pack("<II2QQ", 4, 0, 0, 0, start)
    node = b"TREE" + struct.pack("<BBHQQ", 1, 255, 600, 0, 0) + 600 * entry
    assert "BadFileError" in refused(dataset((4,), chunked(start, 1)) + node)


def test_a_chunk_that_unpacks_without_end() -> None:
    import zlib

    filters = message(11, struct.pack("<BBHHHi", 2, 1, 1, 0, 1, 9))
    start = len(dataset((4,), chunked(0, 4), more=filters))
    bomb = zlib.compress(bytes(2**26), 9)
    node = b"TREE" + struct.pack("<BBHQQ", 1, 0, 1, 0, 0) + struct.pack("<II2QQ", len(bomb), 0, 0, 0, start + 100)
    assert "bytes in place of 16" in refused(
        dataset((4,), chunked(start, 4), more=filters) + node.ljust(100, b"\0") + bomb
    )


def test_a_header_that_goes_on_in_itself() -> None:
    """Each part says that the header goes on in the same part."""
    loop = old_message(16, number(80) + number(24))
    outcome = guarded(lambda: playground.load(superblock(64) + old_header(loop, 65_535), "m.h5"))
    assert outcome.kind == "refused", outcome
    big = old_message(16, number(80) + number(2**18)) + bytes(2**18)
    assert "header has more than" in refused(superblock(64) + old_header(big, 65_535))


def test_headers_of_many_small_messages() -> None:
    """Group after group whose header has as many messages as fit, all in the same bytes."""
    count = 500
    filler = bytes(4) * 100_000
    links = b"".join(
        message(6, bytes((1, 0, 3)) + f"{at:03}".encode() + number(2**16 + 1000 * at)) for at in range(count)
    )
    data = bytearray(superblock(64) + header(links)).ljust(2**16 + 1000 * count, b"\0") + filler
    for at in range(count):
        data[2**16 + 1000 * at :][:10] = b""
        data[2**16 + 1000 * at : 2**16 + 1000 * at + 10] = b"OHDR" + bytes((2, 2)) + struct.pack("<I", 400_000)
    assert "BadFileError" in refused(bytes(data))


def test_groups_in_a_circle() -> None:
    link = message(6, bytes((1, 0, 1)) + b"a" + number(64))
    assert "is linked to twice" in refused(superblock(64) + header(link))


def test_names_that_overlap() -> None:
    """Each name of a group starts one byte later in one long text."""
    names, count = b"x" * 4000 + b"\0", 3000
    at = 64 + len(old_header(old_message(17, bytes(16)), 1))
    tree, heap, node = at, at + 48, at + 80
    made = superblock(64) + old_header(old_message(17, number(tree) + number(heap)), 1)
    made += b"TREE" + struct.pack("<BBHQQQQQ", 0, 0, 1, 0, 0, 0, node, 0)
    made += b"HEAP" + bytes(4) + number(len(names)) + number(0) + number(node + 8 + 40 * count)
    made += b"SNOD" + struct.pack("<BBH", 1, 0, count)
    made += b"".join(struct.pack("<QQII16x", n, 10**6 + n, 0, 0) for n in range(count)) + names
    assert "BadFileError" in refused(made)


def test_a_tree_of_names_with_many_levels() -> None:
    """Sizes of nodes on each level are what pyfive works out first, and the last ones are very large."""
    tree = b"BTHD" + struct.pack("<BBIHHBBQHQ", 0, 5, 2**31, 11, 65_535, 100, 40, 64, 1, 1)
    heap = 64 + 2 + 200
    info = message(2, bytes((0, 0)) + number(heap) + number(128))
    head = (superblock(64) + header(info)).ljust(128, b"\0")
    assert "BadFileError" in refused(head + tree.ljust(400, b"\0"))


def test_types_within_types() -> None:
    """Lists of names, each of which is the type of the next: an array of these has no numbers and is left out."""
    nested = struct.pack("<BHBI", 0x38, 65_535, 0, 1) * 2000
    held = playground.load(dataset((2,), contiguous(64, 8), type_=nested), "m.h5")
    assert not held.tensors
    attribute = b"\1\0" + struct.pack("<HHH", 8, len(nested), 8) + b"a\0\0\0\0\0\0\0" + nested + bytes(8)
    named = superblock(64) + header(message(12, attribute))
    assert not playground.load(named, "m.h5").tensors


def test_an_attribute_of_very_many_texts() -> None:
    text = struct.pack("<BBBBI", 0x19, 1, 0, 0, 16) + struct.pack("<BBBBIHH", 0x10, 0, 0, 0, 1, 0, 8)
    space = struct.pack("<BBBB4x", 1, 1, 0, 0) + number(2**40)
    attribute = b"\1\0" + struct.pack("<HHH", 13, len(text), len(space)) + b"model_config\0\0\0\0"
    attribute += text.ljust(-(-len(text) // 8) * 8, b"\0") + space + bytes(64)
    assert "an attribute is longer than its header" in refused(superblock(64) + header(message(12, attribute)))


def test_arrays_that_share_their_bytes() -> None:
    data = files()["layouts.h5"]
    held = playground.load(files()["rows.h5"], "m.h5")
    assert held.tensors
    both = files()["images.weights.h5"]
    # an array of another one's size lies where that one does
    names = [
        at for at in range(0, len(both) - 24) if both[at : at + 2] == b"\3\1" and both[at + 10 : at + 18] == number(16)
    ]
    first, second = (both[at + 2 : at + 10] for at in names[:2])
    assert first != second
    assert "overlap those of another array" in refused(
        replaced(both, b"\3\1" + second + number(16), b"\3\1" + first + number(16))
    )
    assert data


@pytest.mark.slow
@pytest.mark.parametrize("count", [20_000])
def test_layers_in_reverse_order(count: int) -> None:
    """A chain whose last layer comes first takes no longer than another one."""
    names = [f"l{at}" for at in range(count)]
    layers = [
        {"class_name": "ReLU", "name": name, "config": {}, "inbound_nodes": [[[before, 0, 0, {}]]]}
        for before, name in pairwise(names)
    ]
    layers.append({"class_name": "InputLayer", "name": names[0], "config": {"batch_input_shape": [None, 2]}})
    config = {"layers": layers[::-1], "input_layers": [names[0], 0, 0], "output_layers": [names[-1], 0, 0]}
    text = json.dumps({"class_name": "Functional", "config": config}).encode()
    made = archive({"config.json": text, "model.weights.h5": files()["images.weights.h5"]})
    outcome = guarded(lambda: playground.load(made, "m.keras"), seconds=8)
    assert outcome.kind in ("accepted", "refused"), outcome


def test_configurations_that_are_too_large_or_deep() -> None:
    weights = files()["images.weights.h5"]
    for text in (b"[" * 10**6, b'{"a":' * 1000 + b"1" + b"}" * 1000, b" " * (2**22 + 1), b'{"class_name": 1}'):
        made = archive({"config.json": text, "model.weights.h5": weights}, zipfile.ZIP_DEFLATED)
        assert "BadFileError" in refused(made, "m.keras") if text[:1] != b"{" or b"class" not in text else True


def test_an_archive_with_two_weights() -> None:
    import io
    import warnings

    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w") as held:
        warnings.simplefilter("ignore")
        for _ in range(2):
            held.writestr("model.weights.h5", files()["images.weights.h5"])
    with pytest.raises(BadFileError, match="two files"):
        playground.load(made.getvalue(), "m.keras")

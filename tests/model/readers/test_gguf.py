import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import playground
from playground.errors import PlaygroundError
from playground.host.sources import BytesSource
from playground.limits import MOST_METADATA, MOST_METADATA_ITEMS
from playground.model.loading import READERS
from playground.model.readers._gguf import read
from tests.hostile.make_gguf import BLOCKS, LIST, TEXT, entry, gguf, info, text

F32, F16, BF16, I32, Q4_0, Q8_0 = 0, 1, 30, 26, 2, 8


def file(*args: Any, **options: Any) -> BytesSource:
    return BytesSource(gguf(*args, **options), "w.gguf")


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 32)


def test_it_is_recognised_by_content() -> None:
    data = gguf([], [])
    assert READERS["gguf"].signature(data[:512])
    assert playground.load(data).format == "gguf"


def test_tensors_keep_their_types_and_their_order_of_axes() -> None:
    x = np.arange(6, dtype="<f4").reshape(2, 3)
    whole = np.array([1, -2, 3], "<i4")
    infos = [info("x", (2, 3), F32, 0), info("whole", (3,), I32, 32), info("brain", (2,), BF16, 64)]
    data = padded(x.tobytes()) + padded(whole.tobytes()) + struct.pack("<HH", 0x3FC0, 0xC000)
    tensors = read(file([], infos, data)).tensors
    assert [(t.dtype, t.shape, t.nbytes, t.quantized) for t in tensors.values()] == [
        ("float32", (2, 3), 24, False),
        ("int32", (3,), 12, False),
        ("bfloat16", (2,), 4, False),
    ]
    np.testing.assert_array_equal(tensors["x"].numpy(), x)
    np.testing.assert_array_equal(tensors["whole"].numpy(), whole)
    np.testing.assert_array_equal(tensors["brain"].numpy(), np.float32([1.5, -2]))


def test_blocks_become_the_numbers_that_they_stand_for() -> None:
    """Q8_0: one fp16 scale and 32 codes; the pieces in which they are decoded do not show."""
    rows = 9000
    codes = np.arange(rows * 32, dtype=np.int64).astype(np.int8).reshape(rows, 32)
    scales = (np.arange(rows) % 7 / 4).astype("<f2")
    data = np.concatenate([scales[:, None].view(np.uint8), codes.view(np.uint8)], axis=1).tobytes()
    tensor = read(file([], [info("w", (rows // 9, 288), Q8_0, 0)], data)).tensors["w"]
    assert (tensor.dtype, tensor.quantized, tensor.real, tensor.nbytes) == ("q8_0", True, True, len(data))
    expected = scales.astype(np.float32)[:, None] * codes
    np.testing.assert_array_equal(tensor.numpy(), expected.reshape(rows // 9, 288))


def q1_0(block: bytes) -> list[float]:
    (scale,) = struct.unpack("<e", block[:2])
    return [scale if block[2 + i // 8] >> i % 8 & 1 else -scale for i in range(128)]


def q2_0(block: bytes) -> list[float]:
    (scale,) = struct.unpack("<e", block[:2])
    return [((block[2 + i // 4] >> i % 4 * 2 & 3) - 1) * scale for i in range(64)]


def q8_1(block: bytes) -> list[float]:
    scale, _sum, *codes = struct.unpack("<ff32b", block)
    return [scale * code for code in codes]


def q8_k(block: bytes) -> list[float]:
    scale, *codes = struct.unpack("<f256b", block[:260])
    return [scale * code for code in codes]


@pytest.mark.parametrize(("kind", "decode"), [(41, q1_0), (42, q2_0), (9, q8_1), (15, q8_k)])
def test_blocks_that_the_gguf_package_does_not_decode(kind: int, decode: Any) -> None:
    """Against loops in the form of ``ggml-quants.c``."""
    rng = np.random.default_rng(kind)
    values, nbytes = BLOCKS[kind]
    blocks = rng.integers(0, 256, (50, nbytes), dtype=np.uint8)
    width = "<f4" if kind in (9, 15) else "<f2"
    size = int(width[-1])
    blocks[:, :size] = rng.normal(0, 1, (50, 1)).astype(width).view(np.uint8)
    found = read(file([], [info("w", (50, values), kind, 0)], blocks.tobytes())).tensors["w"].numpy()
    expected = np.array([decode(block.tobytes()) for block in blocks]).astype(np.float32)
    np.testing.assert_array_equal(found, expected)


def test_metadata_are_texts_and_long_lists_are_cut() -> None:
    entries = [
        entry("name", TEXT, "é"),
        entry("big", 10, 2**64 - 1),
        entry("eps", 6, 1e-6),
        entry("on", 7, True),
        entry("tokens", LIST, (TEXT, [f"t{i}" for i in range(100_000)])),
        entry("few", LIST, (5, [1, -2])),
        entry("nested", LIST, (LIST, [(4, [1]), (TEXT, ["a"])] * 20)),
        entry("after", 4, 7),
    ]
    found = read(file(entries, [])).metadata
    assert found["name"] == "é"
    assert found["big"] == str(2**64 - 1)
    assert (found["eps"], found["on"], found["few"], found["after"]) == ("1e-06", "true", "[1, -2]", "7")
    assert found["tokens"].startswith("[t0, t1,")
    assert found["tokens"].endswith("t15, and 99984 more]")
    assert found["nested"].startswith("[[1], [a], ")


def test_only_what_describes_the_tensors_is_read() -> None:
    class Huge:
        """3 GB of which only the beginning may be touched, one megabyte at a time."""

        name, size = "huge.gguf", 3 * 10**9
        data = gguf([], [info("w", (10**8, 7), F32, 0), info("v", (7,), F32, 28 * 10**8)])

        def read(self, offset: int, size: int) -> bytes:
            assert (offset, size) in ((0, 4), (0, 1 << 20))
            return self.data[:size] + bytes(max(0, size - len(self.data)))

    tensors = read(Huge()).tensors
    assert tensors["w"].nbytes == 28 * 10**8


def part(number: int, count: int, tensors: list[str], *, total: int | None = None) -> bytes:
    entries = [entry("split.no", 2, number), entry("split.count", 2, count)]
    entries += [] if total is None else [entry("split.tensors.count", 5, total)]
    infos = [info(name, (8,), F32, 32 * index) for index, name in enumerate(tensors)]
    return gguf(entries, infos, np.full(8 * len(tensors), number, "<f4").tobytes())


def test_parts_in_one_folder_are_one_model(tmp_path: Path) -> None:
    for number, names in enumerate((["a"], ["b", "c"], [])):
        (tmp_path / f"m-{number + 1:05}-of-00003.gguf").write_bytes(part(number, 3, names, total=3))
    for number in (1, 2):
        model = playground.load(tmp_path / f"m-{number:05}-of-00003.gguf")
        assert list(model.tensors) == ["a", "b", "c"]
        assert model.tensors["c"].numpy().tolist() == [1.0] * 8
        assert model.notes == ("The model is in 3 files.",)


def test_missing_parts_are_named(tmp_path: Path) -> None:
    path = tmp_path / "m-00002-of-00003.gguf"
    path.write_bytes(part(1, 3, ["b"], total=9))
    (note,) = playground.load(path).notes
    assert "2 are missing (m-00001-of-00003.gguf, m-00003-of-00003.gguf): 1 of 9 tensors are here" in note
    (note,) = playground.load(part(1, 3, ["b"]), "renamed.gguf").notes
    assert "renamed-00001-of-00003.gguf" in note


def test_parts_that_were_given_together_are_one_model() -> None:
    sources = [BytesSource(part(i, 2, [str(i)]), f"m-{i + 1:05}-of-00002.gguf") for i in (1, 0)]
    model = playground.load(sources)
    assert list(model.tensors) == ["0", "1"]


def test_parts_of_different_models_are_refused(tmp_path: Path) -> None:
    first, second = (tmp_path / f"m-{number:05}-of-00002.gguf" for number in (1, 2))
    first.write_bytes(part(0, 2, ["a"]))
    for other, message in (
        (part(1, 2, ["a"]), "'a' is in two of the files"),
        (part(0, 2, ["b"]), "is not part 2 of 2"),
        (part(1, 2, ["b"], total=5), ""),
    ):
        second.write_bytes(other)
        if message:
            with pytest.raises(PlaygroundError, match=message):
                playground.load(first)
    first.write_bytes(part(0, 2, ["a"], total=5))
    with pytest.raises(PlaygroundError, match="have 2 tensors together, and the first says 5"):
        playground.load(first)


def test_bytes_behind_the_last_tensor_are_told() -> None:
    model = read(file([], [info("w", (8,), F32, 0)], bytes(32) + bytes(100)))
    assert model.notes == ("100 bytes after the last tensor are not read.",)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (file([], [], version=1), "version 1"),
        (file([], [], version=0x03000000), "big-endian"),
        (file([], [], counts=(2**63, 0)), "has 9223372036854775808 tensors"),
        (file([], [], counts=(0, MOST_METADATA + 1)), "65537 entries"),
        (file([], [], counts=(0, 5)), "the file has 32"),
        (file([entry("a", 4, 1)] * 2, []), "the key 'a' twice"),
        (file([text("a", 2**63)], [], counts=(0, 1)), "a text at byte"),
        (file([entry("a", 13, b"")], []), "unknown type 13"),
        (file([entry("a", LIST, (4, []))[:-8] + b"\xff" * 8], []), "does not fit into the file"),
        (file([entry("general.alignment", 4, 24)], []), "general.alignment is 24"),
        (file([entry("general.alignment", TEXT, "32")], []), "general.alignment is"),
        (file([entry("split.count", 4, 10**6)], []), "split into 1000000 files"),
        (file([entry("split.count", TEXT, "2")], []), "split.count is not a whole number"),
        (file([], [info("w", (1,) * 33, F32, 0)]), "33 axes"),
        (file([], [info("w", (8,), 99, 0)]), "element type 99 is unknown"),
        (file([], [info("w", (8,), 31, 0)]), "type Q4_0_4_4 has been given up"),
        (file([], [info("w", (33,), Q4_0, 0)]), "rows of 33 values are not whole blocks of 32"),
        (file([], [info("w", (2**40, 2**40), F32, 0)]), "needs"),
        (file([], [info("w", (8,), F32, 0)], bytes(31)), "ends at byte"),
        (file([], [info("w", (8,), F32, 32)], bytes(64)), "leaves a gap"),
        (file([], [info("v", (8,), F32, 0), info("w", (8,), F32, 0)], bytes(64)), "overlaps"),
        (file([], [info("w", (8,), F32, 0), info("w", (8,), F32, 32)], bytes(64)), "two tensors have the name"),
    ],
)
def test_refuses(source: BytesSource, message: str) -> None:
    with pytest.raises(PlaygroundError) as error:
        read(source)
    assert message in str(error.value)
    assert len(str(error.value)) < 400


def test_lists_of_endless_texts_are_refused() -> None:
    count = MOST_METADATA_ITEMS + 1
    data = text("a") + struct.pack("<IIQ", LIST, TEXT, count) + bytes(8 * count)
    with pytest.raises(PlaygroundError, match=f"lists of {count} items"):
        read(file([data], []))


def test_lists_in_lists_in_lists() -> None:
    nested: Any = (4, [1])
    for _ in range(40):
        nested = (LIST, [nested])
    with pytest.raises(PlaygroundError, match="nested too deep"):
        read(file([entry("a", LIST, nested)], []))

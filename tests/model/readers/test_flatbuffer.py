"""Flatbuffers: offsets, vectors and texts stay inside the file."""

from __future__ import annotations

import struct

import pytest

from playground import load
from playground.errors import BadFileError
from playground.host.sources import BytesSource
from playground.model.readers._flatbuffer import root
from tests.hostile.make_tflite import model, operator, tensor
from tests.model.readers.flatbuffer_writer import Number, Numbers, flatbuffer

ADD = 0


def test_offsets_stay_inside_the_file() -> None:
    """Every truncation of a file is refused, or it is whole without what is cut off."""
    whole = flatbuffer(model([tensor([2]), tensor([2])], [operator([0, 0], [1])], [ADD]))
    for size in range(8, len(whole) - 16):
        with pytest.raises(BadFileError):
            load(whole[:size], "m.tflite")


def test_a_text_without_an_end_is_refused() -> None:
    whole = bytearray(flatbuffer(model([tensor([2], name="abcd"), tensor([2])], [operator([0, 0], [1])], [ADD])))
    place = whole.index(b"abcd\0")
    struct.pack_into("<I", whole, place - 4, 3)
    with pytest.raises(BadFileError, match="has no end"):
        load(bytes(whole), "m.tflite")


def test_alignment() -> None:
    """What flatbuffers has at multiples of 4 is there."""
    whole = flatbuffer(model([tensor([2]), tensor([2])], [operator([0, 0], [1])], [ADD]))
    moved = struct.pack("<I", struct.unpack_from("<I", whole)[0] + 1) + whole[4:8] + b"\0" + whole[8:]
    with pytest.raises(BadFileError, match="multiple of 4"):
        load(moved, "m.tflite")


def test_numbers_of_the_writer() -> None:
    """What the tests' own writer says is what a table of any layout says here."""
    table = root(BytesSource(flatbuffer({0: Number("b", -3), 3: Number("q", 2**40), 1: Numbers("f", [1.5]), 2: "é"})))
    assert (table.number(0, "b"), table.number(3, "q"), table.text(2), table.number(9, "i", 7)) == (-3, 2**40, "é", 7)
    assert table.numbers(1, "f").tolist() == [1.5]

"""The fields of an ONNX file that the reader knows, as data: an allow-list by the numbers of ``onnx.proto``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """How a field is treated.

    Attributes:
        message: what kind of message it is, if it is walked; empty: it is copied.
        bulk: values of a tensor, which stay in the file where they are large.
        numbers: a list of numbers in one field.
        marked: only that it is there is of interest.
        name: a text that is shown and compared.
    """

    message: str = ""
    bulk: bool = False
    numbers: bool = False
    marked: bool = False
    name: bool = False

    def otherwise(self) -> bytes | None:
        """What stands for a field that is not bytes: nothing where it has to be; None: the field as it is."""
        return b"" if self.message or self.name else None


COPY, _BULK, _NUMBERS, _MARK, NAME = (
    Kind(),
    Kind(bulk=True),
    Kind(numbers=True),
    Kind(marked=True),
    Kind(name=True),
)


def _copied(*numbers: int) -> dict[int, Kind]:
    return dict.fromkeys(numbers, COPY)


def _names(*numbers: int) -> dict[int, Kind]:
    return dict.fromkeys(numbers, NAME)


FIELDS: Mapping[str, Mapping[int, Kind]] = {
    "model": {7: Kind("graph"), 8: Kind("opset"), 14: Kind("entry"), 25: Kind("function"), **_copied(2, 3, 4, 5, 6)},
    "graph": {
        **{1: Kind("node"), 5: Kind("tensor"), 11: Kind("value"), 12: Kind("value"), 15: _MARK, 16: Kind("entry")},
        **_copied(10),
        **_names(2),
    },
    "node": {5: Kind("attribute"), **_names(1, 2, 3, 4, 7, 8)},
    "attribute": {
        **{5: Kind("tensor"), 6: Kind("graph"), 7: _NUMBERS, 8: _NUMBERS},
        **_copied(2, 3, 4, 9, 20),
        **_names(1, 21),
    },
    "tensor": {
        **{1: _NUMBERS, 13: Kind("entry"), **dict.fromkeys((4, 5, 7, 9, 10, 11), _BULK)},
        **_copied(2, 6, 14),
        **_names(8),
    },
    "function": {
        **{7: Kind("node"), 9: Kind("opset"), 11: Kind("attribute")},
        **_names(1, 4, 5, 6, 10, 13),
    },
    "value": {2: Kind("type"), **_names(1)},
    "type": {1: Kind("tensor_type"), **dict.fromkeys((4, 5, 7, 8, 9), _MARK)},
    "tensor_type": {2: Kind("shape"), **_copied(1)},
    "shape": {1: Kind("dim")},
    "dim": {**_copied(1), **_names(2)},
    "opset": {**_names(1), **_copied(2)},
    "entry": {**_names(1), **_copied(2)},
}
"""Kind of message -> number of a field (``onnx.proto``) -> how it is treated; other fields are left out."""

MESSAGE_BYTES = {"node": 400, "attribute": 400, "tensor": 600, "graph": 1500, "value": 600, "function": 1500}
"""What a message takes as protobuf and as the reader hold it; others: 200."""

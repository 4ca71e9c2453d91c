"""PyTorch's checkpoints, .pt and .pth: a zip archive of a pickle and of the storages that it refers to."""

from __future__ import annotations

from playground.model.readers._reader import Reader, later
from playground.model.readers._zip import first_name

LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How files of PyTorch before 1.6 begin: a number, pickled."""

_FIRST = ("data.pkl", "version", "byteorder", ".format_version", ".storage_alignment", "constants.pkl")
"""What comes first in such an archive, in a folder named like the file."""


def _signature(head: bytes) -> bool:
    folder, _, name = first_name(head).partition("/")
    return head.startswith(LEGACY) or (bool(folder) and name in _FIRST)


READER = Reader("pt", (".pt", ".pth", ".ckpt"), _signature, later("_torch"))

"""Keras: an archive of a configuration in JSON and of weights in HDF5 (``.keras``), or HDF5 alone (``.h5``)."""

from __future__ import annotations

from playground.model.readers._reader import Reader, later
from playground.model.readers._zip import first_name

_FIRST = ("metadata.json", "config.json", "model.weights.h5")
"""What comes first in such an archive."""


def _signature(head: bytes) -> bool:
    return head[:8] == b"\x89HDF\r\n\x1a\n" or first_name(head) in _FIRST


READER = Reader("keras", (".keras", ".h5", ".hdf5"), _signature, later("_keras"))

"""A file as pyfive reads it: by small pieces, each of which is counted."""

from __future__ import annotations

from playground.errors import DAMAGED, BadFileError
from playground.host.sources import Source
from playground.limits import MOST_HDF5_HEADER

AGAIN = "Save it with h5py or Keras, with their default settings"

_PAGE, _PAGES = 2**16, 64
"""Bytes that are fetched at once, and how many times that is kept."""


class Window:
    """A source as the file that pyfive reads. What is read costs steps: one each, more for many bytes."""

    closed = False

    def __init__(self, source: Source, most_steps: int) -> None:
        """Stand at the first byte."""
        self.source, self._at, self._left = source, 0, most_steps
        self._pages: dict[int, bytes] = {}
        self.header: int | None = None

    def charge(self, steps: int) -> None:
        """Count some work. BadFileError: it is more than any file of its size needs."""
        self._left -= steps
        if self._left < 0:
            raise BadFileError("the file's structure is too large, or leads in circles", hint=DAMAGED)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a byte; pyfive counts from the start."""
        self._at = offset
        return offset

    def tell(self) -> int:
        """Where it stands."""
        return self._at

    def read(self, size: int) -> bytes:
        """The next bytes, fewer at the end of the file."""
        count = min(size, self.source.size - self._at)
        self.charge(1 + max(count, 0) // 64)
        if self.header is not None:
            # what pyfive does with each part of a header takes time in proportion to the parts before
            self.charge(self.header // 4096)
            self.header += max(count, 0)
            if self.header > MOST_HDF5_HEADER:
                raise BadFileError(f"an object's header has more than {MOST_HDF5_HEADER} bytes", hint=AGAIN)
        if size < 0 or self._at < 0 or (count < size and count <= 0):
            raise BadFileError(f"bytes at {self._at} are missing: the file ends before", hint=DAMAGED)
        data = self._bytes(self._at, count)
        self._at += count
        return data

    def _bytes(self, start: int, count: int) -> bytes:
        number, inside = divmod(start, _PAGE)
        if inside + count > _PAGE:
            return self.source.read(start, count)
        if number not in self._pages:
            if len(self._pages) == _PAGES:
                self._pages.clear()
            at = number * _PAGE
            self._pages[number] = self.source.read(at, min(_PAGE, self.source.size - at))
        return self._pages[number][inside : inside + count]

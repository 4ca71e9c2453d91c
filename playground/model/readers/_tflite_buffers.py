"""Where the bytes of a ``.tflite`` file's buffers are."""

from __future__ import annotations

from playground.limits import MOST_TENSORS
from playground.model.readers import _tflite_schema as schema
from playground.model.readers._flatbuffer import Table


class Buffers:
    """Where each buffer's bytes are, looked up when it is asked for."""

    def __init__(self, model: Table) -> None:
        """Find the tables of the buffers."""
        self._tables = model.tables(schema.Model.BUFFERS, 2 * MOST_TENSORS, "buffers")
        self._octets = model.octets

    def place(self, number: int) -> tuple[int, int]:
        """Where a buffer's bytes are and how many it has; 0 of one that is empty."""
        if not 0 <= number < len(self._tables):
            raise self._octets.bad(f"there is no buffer {number}: the file has {len(self._tables)}")
        table = self._tables[number]
        found = table.vector(schema.Buffer.DATA, 1)
        if found is not None and found[1]:
            return found
        # weights of more than 2 GB lie behind the flatbuffer; 0 and 1 stand for none
        start, size = (table.number(slot, "Q") for slot in (schema.Buffer.OFFSET, schema.Buffer.SIZE))
        if start <= 1:
            return 0, 0
        self._octets.check(start, size, f"the {size} bytes of buffer {number}")
        return int(start), int(size)

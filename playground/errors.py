"""The one error type of the package and its few kinds.

Every message answers three questions in one sentence each at most: what is wrong, where, and what to do about it.
The same object crosses the worker boundary as ``{"kind": ..., "message": ...}``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST_LISTED = 24
"""A longer list is not read: what is spelt most alike is named instead."""


class PlaygroundError(Exception):
    """Base of every error that a caller can provoke. ``kind`` is stable and machine-readable.

    Args:
        what: what is wrong, naming the offending value.
        where: the field, tensor, node, file or byte offset it was found at; may be empty.
        hint: what to do, or which values are accepted; may be empty.
        offer: name of the switch that would let the work go on without the offending part; mostly empty.
    """

    kind = "error"

    def __init__(self, what: str, *, where: str = "", hint: str = "", offer: str = "") -> None:
        """Put the sentence together."""
        self.what, self.where, self.hint, self.offer = what, where, hint, offer
        message = f"{where}: {what}" if where else what
        super().__init__(f"{message.rstrip('.')}. {hint}".strip() if hint else message)

    def as_dict(self) -> dict[str, str]:
        """The error as plain data: ``{"kind": ..., "message": ...}``, and ``"offer"`` if there is one."""
        return {"kind": self.kind, "message": str(self)} | ({"offer": self.offer} if self.offer else {})


class InvalidInputError(PlaygroundError):
    """An option, array or setting that cannot be used."""

    kind = "invalid_input"


class BadFileError(PlaygroundError):
    """A file that is damaged, truncated, too large, or not what its name says."""

    kind = "bad_file"


class UnsupportedError(PlaygroundError):
    """A valid thing that this version (or this engine) does not handle."""

    kind = "unsupported"


class EngineError(PlaygroundError):
    """An engine failed while it was running a model it had accepted."""

    kind = "engine"


class MissingError(PlaygroundError):
    """Something named was not found: a tensor, a file, an optional package."""

    kind = "missing"


class OutputError(PlaygroundError):
    """A file that could not be written. What was in its place is unchanged."""

    kind = "output"


class CancelledError(PlaygroundError):
    """The person cancelled the work. Not a failure; nothing was changed."""

    kind = "cancelled"


def one_of(value: object, accepted: Iterable[str]) -> str:
    """The remedy for a name that is none of the accepted ones: the whole list, or of a long one those spelt alike."""
    names = list(accepted)
    if len(names) <= _MOST_LISTED:
        return f"Use one of: {', '.join(names)}"
    alike = difflib.get_close_matches(str(value), names, n=3, cutoff=0.5) or names[:3]
    return f"Use one of {len(names)} names such as {', '.join(alike)}"

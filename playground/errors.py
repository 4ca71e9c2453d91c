"""The one error type of the package and its few kinds.

Every message answers three questions in one sentence each at most: what is wrong, where, and what to do about it.
The same object crosses the worker boundary as ``{"kind": ..., "message": ...}``.
"""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

_MOST_LISTED = 24
"""Names in an error text; of a longer list only those spelt most alike are named."""

_MOST_COMPARED = 100
"""Characters of a value that are compared with names: the time of a comparison grows with its length."""

_MOST_CHARACTERS = 1000
"""Characters of each part of a message, which may quote a value of any length from a file."""

_MOST_OF_A_NAME = 120
_LONG_NAME = re.compile(rf"\S{{{_MOST_OF_A_NAME + 1},}}")
"""Characters of a name that are printed; in a remedy, where one copies it from, it is whole."""

DAMAGED = "Save or download the file again"
"""The remedy for a file whose parts contradict each other."""


def shown(value: Any, most: int = 80) -> str:
    """``value`` as ``repr`` writes it, cut in the middle to at most ``most`` characters."""
    try:
        return cut(repr(value), most)
    except Exception:
        # an integer of more than 4300 digits, or lists nested too deep
        return f"a value of type {type(value).__name__}"


def cut(text: str, most: int) -> str:
    """``text``, or its first and last characters where it has more than ``most``."""
    if len(text) <= most:
        return text
    kept = (most - 1) // 2
    return f"{text[:kept]}…{text[-kept:]}"


def short_names(text: str) -> str:
    """``text`` as it is printed: whatever has more than 120 characters without a space is cut in the middle.

    Exporters make names of nodes and tensors of hundreds of characters, a path a scope; both of their ends tell most.
    """
    return _LONG_NAME.sub(lambda found: cut(found[0], _MOST_OF_A_NAME), text)


def _held(part: str) -> str:
    """A part of a message as an error keeps it: names are whole, unless it would be too long with them."""
    if len(part) <= _MOST_CHARACTERS:
        return part
    return cut(short_names(cut(part, 100 * _MOST_CHARACTERS)), _MOST_CHARACTERS)


@dataclass(frozen=True, slots=True)
class Offer:
    """A switch that would let the work go on without the offending part.

    Attributes:
        switch: its name, in settings and recipes.
        in_code: a sentence for those who call Python or write recipes.
        in_page: a sentence beside the button that sets it.
        at_terminal: a sentence for those who use the command line.
    """

    switch: str
    in_code: str
    in_page: str
    at_terminal: str


class PlaygroundError(Exception):
    """Base of every error that a caller can provoke. ``kind`` is stable and machine-readable.

    Args:
        what: what is wrong, naming the offending value.
        where: the field, tensor, node, file or byte offset it was found at; may be empty.
        hint: the remedy, as an imperative sentence.
        offer: the setting that would let the work go on without the offending part; mostly None.
        at_terminal: the remedy in options of the command line, where the hint names arguments of Python.
    """

    kind = "error"

    def __init__(
        self, what: str, *, where: str = "", hint: str = "", offer: Offer | None = None, at_terminal: str = ""
    ) -> None:
        """Put the sentence together."""
        what, where, hint, at_terminal = map(_held, (what, where, hint, at_terminal))
        self.what, self.where, self.hint, self.offer, self.at_terminal = what, where, hint, offer, at_terminal
        super().__init__(self._message(offer.in_code if offer else ""))

    def _message(self, offered: str, hint: str | None = None) -> str:
        what, where = short_names(self.what), short_names(self.where)
        message = f"{where}: {what}" if where else what
        hint = self.hint if hint is None else hint
        hints = ". ".join(filter(None, (hint.rstrip("."), offered))) if offered else hint
        return f"{message.rstrip('.')}. {hints}".strip() if hints else message

    def at(self, where: str) -> Self:
        """The same error, found somewhere else."""
        return type(self)(self.what, where=where, hint=self.hint, offer=self.offer, at_terminal=self.at_terminal)

    @property
    def for_terminal(self) -> str:
        """The message for those who use the command line: remedies are options of commands."""
        offered = self.offer.at_terminal if self.offer else ""
        return self._message(offered, self.at_terminal or self.hint)

    def as_dict(self, *, in_page: bool = False) -> dict[str, str]:
        """The error as plain data: ``{"kind": ..., "message": ...}``, and ``"offer"``, a switch, if there is one.

        Args:
            in_page: whether it goes to the page, which has a button for the switch.
        """
        if self.offer is None:
            return {"kind": self.kind, "message": str(self)}
        message = self._message(self.offer.in_page if in_page else self.offer.in_code)
        return {"kind": self.kind, "message": message, "offer": self.offer.switch}


class InvalidInputError(PlaygroundError):
    """An option, array or setting that cannot be used."""

    kind = "invalid_input"


class BadFileError(PlaygroundError):
    """A file that is damaged, truncated, too large, or not what its name says."""

    kind = "bad_file"


class UnsupportedError(PlaygroundError):
    """A valid thing that this version (or this engine) does not handle."""

    kind = "unsupported"


class TooLargeError(UnsupportedError):
    """Something that a model would compute and that takes more memory or work than is allowed, in any engine."""

    kind = "too_large"


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
    """The remedy for an unknown name: the name in its own letters, the whole list, or of a long list those alike."""
    names = list(accepted)
    spelt = str(value)[:_MOST_COMPARED].lower().replace("-", "_")
    meant = [name for name in names if name.lower() == spelt]
    if len(meant) == 1:
        return f"Use {meant[0]!r}"
    if len(names) <= _MOST_LISTED:
        return f"Use one of: {', '.join(names)}"
    alike = difflib.get_close_matches(str(value)[:_MOST_COMPARED], names, n=3, cutoff=0.5) or names[:3]
    return f"Use one of {len(names)} names such as {', '.join(alike)}"


def plural(count: int, noun: str, many: str = "") -> str:
    """A number with its noun.

    >>> plural(1, "tensor"), plural(2, "tensor"), plural(0, "batch", "batches")
    ('1 tensor', '2 tensors', '0 batches')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {many or noun + 's'}"


@contextmanager
def typed(kind: type[PlaygroundError], what: str, *, where: str = "", hint: str = "") -> Iterator[None]:
    """Turn every exception of the code inside into an error of ``kind``.

    Use it once, where bytes or text from outside are read; code inside it needs no ``except`` for what libraries raise.
    A PlaygroundError keeps its text, and gets ``where`` if it has none. KeyboardInterrupt and the other exceptions that
    do not derive from ``Exception`` pass unchanged.

    Either way the local variables of the failed frames are cleared: an error that is kept (in a log, a notebook, the
    page's last answer) would otherwise keep the file's bytes in memory.

    Args:
        kind: the error to raise.
        what: what is wrong, as in :class:`PlaygroundError`; the exception is added in parentheses.
        where: the file or the field.
        hint: what to do.
    """
    try:
        yield
    except PlaygroundError as error:
        traceback.clear_frames(error.__traceback__)
        if error.where or not where:
            raise
        raise error.at(where) from error
    except MemoryError as error:
        traceback.clear_frames(error.__traceback__)
        raise kind("reading needs more memory than is available", where=where, hint="Use a smaller file") from error
    except Exception as error:
        traceback.clear_frames(error.__traceback__)
        raise kind(f"{what} ({_described(error)})", where=where, hint=hint) from error


def _described(error: Exception) -> str:
    try:
        said = str(error)
    except Exception:
        said = ""
    return cut(f"{type(error).__name__}: {said}" if said else type(error).__name__, 200)

"""The part of Python's pickles that data consists of, as an interpreter of its own: nothing in a pickle can run.

Values are None, numbers, texts, bytes, lists, tuples and dicts. Names of classes and functions stay names; what is made
when one is called is decided by a table that the caller gives, and a name that is not in it is an error.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from playground.errors import DAMAGED, BadFileError, UnsupportedError, shown
from playground.limits import MOST_PICKLE_STEPS

Function = Callable[..., Any]
"""What stands for a class or a function: takes the arguments that the pickle calls it with."""

_SCALARS = (str, int, float, bytes, type(None))


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function, by module and name. It is never imported."""

    text: str


class Interpreter:
    """Reads one pickle."""

    def __init__(
        self, data: bytes, functions: Mapping[str, Function], stored: Callable[[Any], Any], where: str, hint: str
    ) -> None:
        """Take everything.

        Args:
            data: the pickle.
            functions: what may be named, and what a call of it gives.
            stored: makes an object of the id by which the pickle refers to something beside it.
            where: the file, for errors.
            hint: what to do where a name is not allowed.
        """
        self._data, self._at = data, 0
        self._functions, self._stored, self._where, self._hint = functions, stored, where, hint
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._cost = 0

    def run(self) -> Any:
        """The value.

        Raises:
            BadFileError: the pickle is damaged or too long.
            UnsupportedError: it names what is not allowed, or has an instruction that data does not need.
        """
        while self._cost < MOST_PICKLE_STEPS:
            self._cost += 1
            if self._at >= len(self._data):
                raise self._fail("it ends too early")
            code = self._data[self._at]
            self._at += 1
            if code == _STOP:
                return self._pop()
            step = _STEPS.get(code)
            if step is None:
                raise UnsupportedError(
                    f"the pickle has the instruction {bytes((code,))!r} at byte {self._at - 1}, which is not followed",
                    where=self._where,
                    hint=self._hint,
                )
            step(self)
        raise BadFileError(
            f"the pickle has more than {MOST_PICKLE_STEPS} instructions", where=self._where, hint="Save fewer values"
        )

    def _fail(self, what: str) -> BadFileError:
        return BadFileError(f"the pickle is damaged: {what} at byte {self._at}", where=self._where, hint=DAMAGED)

    def _take(self, size: int) -> bytes:
        if size > len(self._data) - self._at:
            raise self._fail("it ends too early")
        self._at += size
        return self._data[self._at - size : self._at]

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise self._fail("a name has no end")
        return (self._take(end + 1 - self._at)[:-1]).decode("utf-8", "replace")

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise self._fail("a value is missing")
        return self._stack.pop()

    def _top(self, kind: type) -> Any:
        """The value on top, which has to be a list or a dict."""
        if not self._stack or type(self._stack[-1]) is not kind:
            raise self._fail(f"a {kind.__name__} is missing")
        return self._stack[-1]

    def _marked(self) -> list[Any]:
        """The values since the last mark, which is removed with them."""
        if not self._marks:
            raise self._fail("a mark is missing")
        mark = self._marks.pop()
        values = self._stack[mark:]
        del self._stack[mark:]
        return values

    def _put(self, place: int) -> None:
        if not self._stack:
            raise self._fail("a value is missing")
        self._memo[place] = self._stack[-1]

    def _get(self, place: int) -> None:
        if place not in self._memo:
            raise self._fail(f"nothing is remembered as {place}")
        self._push(self._memo[place])

    def _set(self, pairs: list[Any]) -> None:
        if len(pairs) % 2:
            raise self._fail("a value is missing")
        held = self._top(dict)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            # others would be hashed by code that goes as deep as they are nested
            if not isinstance(key, _SCALARS):
                raise UnsupportedError(
                    f"a key of a dict is of type {type(key).__name__}", where=self._where, hint=self._hint
                )
            held[key] = value

    def _name(self, module: Any, name: Any) -> None:
        text = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else ""
        if text not in self._functions:
            raise UnsupportedError(
                f"the pickle names {shown(text)}, which is not data: nothing of it is run",
                where=self._where,
                hint=self._hint,
            )
        self._push(Name(text))

    def _call(self) -> None:
        """A function with its arguments, or a class with those of its constructor."""
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise self._fail("something that is not a function is called")
        # what is given may have been remembered, and be large
        self._cost += sum(len(given) for given in arguments if isinstance(given, list | tuple | dict))
        self._push(self._functions[function.text](*arguments))

    def _build(self) -> None:
        """Attributes of an object: those that ``state_dict`` leaves on a dict are not part of the data."""
        self._pop()
        self._top(dict)

    def _protocol(self, number: int) -> None:
        if number > _NEWEST:
            raise self._fail(f"there is no protocol {number}")

    def _frame(self, size: int) -> None:
        """What follows is read at once by others; here it only has to be there."""
        if size > len(self._data) - self._at:
            raise self._fail("it ends too early")

    def _text(self, size: int) -> None:
        self._push(self._take(size).decode("utf-8", "surrogatepass"))


def _joined_list(machine: Interpreter, values: list[Any]) -> None:
    machine._top(list).extend(values)


_STOP = ord(".")
_NEWEST = 5
"""The newest protocol that there is."""

_STEPS: dict[int, Callable[[Interpreter], object]] = {
    0x80: lambda m: m._protocol(m._number("<B")),
    0x95: lambda m: m._frame(m._number("<Q")),
    ord("("): lambda m: m._marks.append(len(m._stack)),
    ord("0"): lambda m: m._pop(),
    ord("1"): lambda m: m._marked(),
    ord("N"): lambda m: m._push(None),
    0x88: lambda m: m._push(True),
    0x89: lambda m: m._push(False),
    ord("J"): lambda m: m._push(m._number("<i")),
    ord("K"): lambda m: m._push(m._number("<B")),
    ord("M"): lambda m: m._push(m._number("<H")),
    0x8A: lambda m: m._push(int.from_bytes(m._take(m._number("<B")), "little", signed=True)),
    ord("G"): lambda m: m._push(m._number(">d")),
    ord("X"): lambda m: m._text(m._number("<I")),
    0x8C: lambda m: m._text(m._number("<B")),
    0x8D: lambda m: m._text(m._number("<Q")),
    ord("U"): lambda m: m._push(m._take(m._number("<B")).decode("latin1")),
    ord("B"): lambda m: m._push(m._take(m._number("<I"))),
    ord("C"): lambda m: m._push(m._take(m._number("<B"))),
    0x8E: lambda m: m._push(m._take(m._number("<Q"))),
    ord(")"): lambda m: m._push(()),
    ord("t"): lambda m: m._push(tuple(m._marked())),
    0x85: lambda m: m._push((m._pop(),)),
    0x86: lambda m: m._push((m._pop(), m._pop())[::-1]),
    0x87: lambda m: m._push((m._pop(), m._pop(), m._pop())[::-1]),
    ord("]"): lambda m: m._push([]),
    ord("l"): lambda m: m._push(m._marked()),
    ord("a"): lambda m: _joined_list(m, [m._pop()]),
    ord("e"): lambda m: _joined_list(m, m._marked()),
    # sets become lists
    0x8F: lambda m: m._push([]),
    0x90: lambda m: _joined_list(m, m._marked()),
    0x91: lambda m: m._push(m._marked()),
    ord("}"): lambda m: m._push({}),
    ord("s"): lambda m: m._set([m._pop(), m._pop()][::-1]),
    ord("u"): lambda m: m._set(m._marked()),
    ord("q"): lambda m: m._put(m._number("<B")),
    ord("r"): lambda m: m._put(m._number("<I")),
    0x94: lambda m: m._put(len(m._memo)),
    ord("h"): lambda m: m._get(m._number("<B")),
    ord("j"): lambda m: m._get(m._number("<I")),
    ord("c"): lambda m: m._name(m._line(), m._line()),
    0x93: lambda m: m._name(*(m._pop(), m._pop())[::-1]),
    ord("R"): lambda m: m._call(),
    0x81: lambda m: m._call(),
    ord("b"): lambda m: m._build(),
    ord("Q"): lambda m: m._push(m._stored(m._pop())),
}
"""Instruction -> what it does."""

"""Dicts of named things: a name that is missing is said together with those that there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from playground.calls import BadUseError, is_of_arrays, no_attribute, no_entry

T = TypeVar("T")


class Named(dict[str, T]):
    """A dict of named things: a name that is missing is said together with those that there are."""

    def __init__(self, held: Mapping[str, T] | Iterable[tuple[str, T]] = (), noun: str = "entry") -> None:
        """Take the things; ``noun`` is what one of them is called."""
        super().__init__(held)
        self.noun = noun

    def __missing__(self, name: object) -> NoReturn:
        """Raise MissingKeyError."""
        raise no_entry(name, self, self.noun)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Raise MissingAttributeError: entries, and what arrays have, are no attributes."""
            if name.startswith("_") or name == "noun":
                raise AttributeError(name)
            first = next(iter(self), "")
            otherwise = f"Use {self.noun}s[{name!r}]" if name in self else ""
            if not otherwise and is_of_arrays(name):
                otherwise = f"Use {self.noun}s[{first!r}].{name}"
            raise no_attribute(type(self).__name__, name, dir(type(self)), otherwise=otherwise)


class Fixed(Named[T]):
    """Named things that do not change: what would change them says what to do instead."""

    def __init__(self, held: Mapping[str, T], noun: str, instead: str) -> None:
        """Take the things; ``instead`` is what to do instead of changing them."""
        super().__init__(held, noun)
        self._instead = instead

    def __reduce__(self) -> tuple[Any, ...]:
        """For ``pickle`` and ``copy``, which would set one entry after the other."""
        return Fixed, (dict(self), self.noun, self._instead)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        """Raise BadUseError."""
        raise BadUseError(f"these {self.noun}s cannot be changed", where=f"{self.noun}s", hint=self._instead)

    if not TYPE_CHECKING:
        __setitem__ = __delitem__ = __ior__ = update = setdefault = pop = popitem = clear = _refuse

"""Finds the entries of a package in which one file is one entry (or one list of entries).

A module takes part by defining the attribute that is asked for: either one entry, or a tuple of entries.
An entry is any object with a string attribute ``id``. Modules whose names start with ``_`` are skipped.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

from playground.calls import no_attribute, no_entry
from playground.errors import plural


class Entry(Protocol):
    """What a registry holds."""

    @property
    def id(self) -> str:
        """Its stable name."""
        ...


E = TypeVar("E", bound=Entry)

_MOST_LISTED = 14


class Entries(Mapping[str, E]):
    """Things by their id, read-only. One that is missing is said together with those that there are."""

    def __init__(self, held: Mapping[str, E], noun: str, again: tuple[Any, ...] = ()) -> None:
        """Take the things.

        Args:
            held: the things by id.
            noun: what one of them is called.
            again: a function and its arguments, which gives the same things in another process.
        """
        self._held, self._noun, self._again = held, noun, again

    def __reduce__(self) -> tuple[Any, ...]:
        """For ``pickle``: how they are found. Entries hold functions, which cannot be stored."""
        return self._again or (Entries, (dict(self._held), self._noun))

    def __deepcopy__(self, _: Any) -> Entries[E]:
        """Itself: nothing in it changes."""
        return self

    def __getitem__(self, name: str) -> E:
        """The one of that id (MissingKeyError)."""
        if name not in self._held:
            raise no_entry(name, self, self._noun)
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        """The ids."""
        return iter(self._held)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._held)

    def __repr__(self) -> str:
        """How many there are, and their ids."""
        more = ", ..." if len(self) > _MOST_LISTED else ""
        return f"{plural(len(self), self._noun)}: {', '.join(list(self)[:_MOST_LISTED])}{more}"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Raise MissingAttributeError: the things are entries."""
            if name.startswith("_"):
                raise AttributeError(name)
            otherwise = f"Use [{name!r}]" if name in self else ""
            raise no_attribute(type(self).__name__, name, dir(type(self)), otherwise=otherwise)


def discover(
    package: ModuleType, attribute: str, entry_type: type[E], besides: Collection[str] = ()
) -> Mapping[str, E]:
    """Import every module of ``package`` and collect what its ``attribute`` holds.

    Args:
        package: the package to look in (not recursive).
        attribute: the module-level name, for instance ``"FORMATS"`` or ``"CALIBRATOR"``.
        entry_type: what each entry has to be an instance of.
        besides: names of modules (and packages) in it that are no entries.

    Returns:
        A read-only mapping from ``entry.id`` to entry, in the order of module names, then of definition.

    Raises:
        TypeError: a module lacks the attribute, or holds something else than ``entry_type``.
        ValueError: two entries share an id, or an id is not a non-empty string.
    """
    found: dict[str, E] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        if info.name.startswith("_") or info.name in besides:
            continue
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        held: Any = getattr(module, attribute, None)
        if held is None:
            raise TypeError(f"{module.__name__} defines no {attribute}")
        for entry in held if isinstance(held, tuple) else (held,):
            if not isinstance(entry, entry_type):
                raise TypeError(f"{module.__name__}.{attribute} holds {entry!r}, which is no {entry_type.__name__}")
            if not isinstance(entry.id, str) or not entry.id:
                raise ValueError(f"{module.__name__}: an entry of {attribute} has no usable id: {entry.id!r}")
            if entry.id in found:
                raise ValueError(f"{module.__name__}: the id {entry.id!r} is taken already")
            found[entry.id] = entry
    return Entries(found, attribute.lower(), (_again, (package.__name__, attribute, entry_type, tuple(besides))))


def _again(package: str, attribute: str, entry_type: type[E], besides: Collection[str]) -> Mapping[str, E]:
    return discover(importlib.import_module(package), attribute, entry_type, besides)

"""Checks what is typed at the public names: names of arguments, fields, attributes and entries.

A name that does not exist ends in a PlaygroundError that shows one that does: the same check at every entry point.
"""

from __future__ import annotations

import difflib
import re
from abc import ABCMeta
from collections.abc import Callable, Iterable, Mapping
from dataclasses import FrozenInstanceError, fields
from functools import wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

from playground.errors import InvalidInputError, MissingError, one_of, plural, shown

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Instead = Mapping[str, str]
"""A name that people know from elsewhere -> what to write here.

``{4}`` and ``{int8}`` stand for the value that was given; where that is of another kind they stay as they are.
"""

_NONE: Instead = MappingProxyType({})

_VALUE = re.compile(r"\{(\w*)\}")


class MissingAttributeError(MissingError, AttributeError):
    """An attribute that does not exist. ``hasattr`` and ``getattr`` with a default see an AttributeError."""


class MissingKeyError(MissingError, KeyError):
    """An entry that does not exist. ``except KeyError`` sees it."""

    def __str__(self) -> str:
        """The message; KeyError would put it in quotes."""
        return str(self.args[0])


class BadUseError(InvalidInputError, TypeError):
    """Something that a value cannot be used for: an index, a call, a number. ``except TypeError`` sees it."""


class UnchangeableError(InvalidInputError, FrozenInstanceError):
    """A field of a value that does not change. ``except AttributeError`` sees it."""


class Public(ABCMeta):
    """The type of public classes: an attribute that the class itself has not is said as one of its values' is.

    Some of these are mappings, whose classes are abstract ones.
    """

    if not TYPE_CHECKING:

        def __getattr__(cls, name: str) -> NoReturn:
            """Raise MissingAttributeError with what to write instead."""
            if name.startswith("_"):
                raise AttributeError(name)
            raise no_attribute(cls.__name__, name, dir(cls), cls.__dict__.get("_on_class", _NONE))


def no_entry(name: object, accepted: Iterable[str], noun: str) -> MissingKeyError:
    """The error for a key that a mapping has not."""
    names = list(accepted)
    hint = nearest(str(name), names)
    return MissingKeyError(f"there is no {noun} {name!r}", hint=f"Use {hint!r}" if hint else _listed(str(name), names))


def no_attribute(
    owner: str, name: str, accepted: Iterable[str], instead: Instead = _NONE, otherwise: str = ""
) -> MissingAttributeError:
    """The error for an attribute that an object, or a module, has not."""
    names = [each for each in accepted if not each.startswith("_")]
    near = nearest(name, names)
    hint = f"Use {instead[name]}" if name in instead else otherwise or (f"Use {near}" if near else _listed(name, names))
    return MissingAttributeError(f"there is no attribute {name!r}", where=owner, hint=hint)


def unknown_field(
    name: str, value: object, accepted: Iterable[str], where: str, instead: Instead = _NONE, *, noun: str = "field"
) -> InvalidInputError:
    """The error for a field or an argument that does not exist."""
    names = list(accepted)
    hint = _known_instead(name, value, names, instead) or _listed(name, names)
    return InvalidInputError(f"there is no {noun} {name}", where=where, hint=hint)


def _known_instead(name: str, value: object, accepted: Iterable[str], instead: Instead) -> str:
    """The remedy for a name that is known from elsewhere, or spelt nearly right; empty for others."""
    if name in instead:
        return f"Use {filled(instead[name], value)}"
    near = nearest(name, accepted)
    return f"Use {near}" if near else ""


def nearest(name: str, accepted: Iterable[str]) -> str | None:
    """The accepted name that is spelt most like ``name``, upper and lower case apart; None if none is alike."""
    lowered = {each.lower(): each for each in accepted}
    found = difflib.get_close_matches(name[:100].lower(), lowered, n=1, cutoff=0.75)
    return lowered[found[0]] if found else None


def _listed(name: str, names: list[str]) -> str:
    return one_of(name, names) if names else ""


def filled(text: str, value: object) -> str:
    """What to write, with the value that was given: see :data:`Instead`."""
    given = str(value).lower() if isinstance(value, int | str) and not isinstance(value, bool) else ""

    def value_of(found: re.Match[str]) -> str:
        kind = r"-?\d{1,6}" if found[1].isdigit() else r"[a-z][a-z0-9_]{1,20}"
        return given if re.fullmatch(kind, given) else found[1]

    return _VALUE.sub(value_of, text)


def public(
    example: str, instead: Instead = _NONE, fields: Callable[[], Iterable[str]] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function say in its own words that it cannot be called so.

    Args:
        example: a call that works.
        instead: names of arguments that people know from elsewhere.
        fields: the names that are accepted besides the function's parameters, where it takes any.

    Raises:
        InvalidInputError: when it is called, an argument is missing, unknown or too many.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        return _checked(function, function.__name__, example, instead, fields)

    return wrap


def _checked(
    function: Callable[P, R],
    name: str,
    example: str,
    instead: Instead,
    fields: Callable[[], Iterable[str]] | None = None,
) -> Callable[P, R]:
    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if fields is not None and kwargs:
            _require_known(function, name, kwargs, fields, instead)
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            # raised by the call itself: nothing of the function has run
            if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                raise _misfit(function, name, (args, kwargs), example, instead) from None
            raise

    return call


def _require_known(
    function: Callable[..., Any],
    name: str,
    given: Mapping[str, Any],
    fields: Callable[[], Iterable[str]],
    instead: Instead,
) -> None:
    accepted = [*_parameters(function), *fields()]
    unknown = next((each for each in given if each not in accepted), None)
    if unknown is not None:
        raise unknown_field(unknown, given[unknown], accepted, name, instead, noun="argument")


def _parameters(function: Callable[..., Any]) -> dict[str, Any]:
    """The parameters of a function that have names of their own."""
    from inspect import Parameter, signature

    taken = signature(function).parameters.items()
    return {name: held for name, held in taken if held.kind not in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL)}


def _misfit(
    function: Callable[..., Any],
    name: str,
    given: tuple[tuple[Any, ...], Mapping[str, Any]],
    example: str,
    instead: Instead,
) -> InvalidInputError:
    """Why a function cannot be called with these arguments."""
    known, (args, kwargs) = _parameters(function), given
    positional = [each for each, held in known.items() if held.kind is not held.KEYWORD_ONLY]
    if "self" in positional[:1]:
        known.pop("self")
        positional, args = positional[1:], args[1:]
    hint = f"Write {example}"
    unknown = next((each for each in kwargs if each not in known), None)
    if unknown is not None:
        near = _known_instead(unknown, kwargs[unknown], known, instead)
        if near and unknown not in instead:
            near = f"{near}, as in {example}"
        return InvalidInputError(f"there is no argument {unknown}", where=name, hint=near or hint)
    if len(args) > len(positional):
        what = f"{plural(len(args), 'argument')} without a name, and {plural(len(positional), 'argument')} at most"
        return InvalidInputError(what, where=name, hint=hint)
    named = {*positional[: len(args)], *kwargs}
    missing = next((each for each, held in known.items() if held.default is held.empty and each not in named), None)
    if missing is not None:
        return InvalidInputError(f"the argument {missing} is missing", where=name, hint=hint)
    return InvalidInputError("an argument is given twice", where=name, hint=hint)


def public_class(
    example: str,
    instead: Instead = _NONE,
    attributes: Instead = _NONE,
    *,
    on_class: Instead = _NONE,
    refused: Instead = _NONE,
    array: str = "",
) -> Callable[[type[T]], type[T]]:
    """Let a class say in its own words what it is made from, what it has not, and that it does not change.

    Args:
        example: a call that makes one.
        instead: names of arguments that people know from elsewhere.
        attributes: names of attributes that people know from elsewhere.
        on_class: names of functions that people look for in the class itself; its metaclass is :class:`Public`.
        refused: method with which Python does something (``__call__``) -> what to write instead of that.
        array: the expression that gives an array, which has the attributes of arrays.
    """

    def wrap(cls: type[T]) -> type[T]:
        owner: Any = cls
        methods: dict[str, Any] = {
            "__init__": _checked(owner.__init__, cls.__name__, example, instead),
            "__getattr__": _attribute_error(cls, attributes, refused, array),
            "_on_class": on_class,
        }
        if owner.__format__ is object.__format__:
            methods["__format__"] = _formatted
        return _with_methods(cls, methods, refused)

    return wrap


def public_part(attributes: Instead, refused: Instead = _NONE) -> Callable[[type[T]], type[T]]:
    """Let a class whose values people reach, but do not make, say what it has not, and that it does not change.

    Args:
        attributes: names of attributes that people know from elsewhere.
        refused: as of :func:`public_class`.
    """
    return lambda cls: _with_methods(cls, {"__getattr__": _attribute_error(cls, attributes, refused)}, refused)


def _with_methods(cls: type[T], methods: dict[str, Any], refused: Instead) -> type[T]:
    """The class with these methods, and those that refuse."""
    owner: Any = cls
    if owner.__dataclass_params__.frozen:
        methods |= {"__setattr__": _unchangeable, "__delattr__": _undeletable}
    if "__len__" in refused:
        methods["__bool__"] = lambda _: True
    methods |= {method: _refusal(cls.__name__, method, hint) for method, hint in refused.items()}
    for name, method in methods.items():
        setattr(cls, name, method)
    return cls


def _attribute_error(
    cls: type, attributes: Instead, refused: Instead, array: str = ""
) -> Callable[[Any, str], NoReturn]:
    def __getattr__(_: Any, name: str) -> NoReturn:  # noqa: N807 (it becomes this method)
        # what Python, NumPy and notebooks look for by themselves
        if name.startswith("_"):
            raise AttributeError(name)
        otherwise = f"Use {array}.{name}" if array and is_of_arrays(name) else ""
        accepted = [each for each in dir(cls) if each not in refused]
        raise no_attribute(cls.__name__, name, accepted, attributes, otherwise)

    return __getattr__


def _unchangeable(self: Any, name: str, value: object) -> NoReturn:
    """Raise UnchangeableError: another value has to be made."""
    owner = type(self).__name__
    accepted = [held.name for held in fields(self) if held.init]
    if name not in accepted:
        raise no_attribute(owner, name, accepted)
    new = shown(value) if isinstance(value, str | int | float) else "..."
    hint = f"Make another one: dataclasses.replace(value, {name}={new})"
    raise UnchangeableError(f"{name} cannot be set: such a value does not change", where=owner, hint=hint)


def _undeletable(self: Any, name: str) -> NoReturn:
    """Raise UnchangeableError: a field cannot be taken away."""
    owner = type(self).__name__
    raise UnchangeableError(
        f"{name} cannot be deleted: such a value does not change",
        where=owner,
        hint="Leave it: it is freed with the value, as in `del value`",
    )


def _formatted(self: Any, spec: str) -> str:
    """Its text in a field of so many characters, as of other texts."""
    return format(str(self), spec)


def is_of_arrays(name: str) -> bool:
    """Whether arrays of NumPy have an attribute of that name."""
    import numpy as np

    return hasattr(np.ndarray, name)


_WORDS = {
    "__call__": "called",
    "__getitem__": "indexed",
    "__iter__": "iterated over",
    "__len__": "counted",
    "__setitem__": "changed",
    "__delitem__": "changed",
    "__or__": "merged with another",
    "__add__": "added to another",
    "keys": "unpacked",
}
"""Method with which Python does something -> what that is called. ``{**value}`` calls ``keys``."""


def _refusal(owner: str, method: str, hint: str) -> Callable[..., NoReturn]:
    word = _WORDS[method]

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise BadUseError(f"a value of type {owner} cannot be {word}", where=owner, hint=hint)

    refuse.__name__ = method
    # what has no underscores would stand in the reference
    refuse.__doc__ = f"Raise BadUseError: {hint}." if method.startswith("_") else None
    return refuse

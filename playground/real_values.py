"""What the values of tensors have in common, quantized or not: they compute like arrays of real numbers."""

from __future__ import annotations

from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from playground.arrays import as_array
from playground.calls import BadUseError
from playground.equality import Equality, compared
from playground.errors import InvalidInputError


class _Shaped(Protocol):
    """What has a shape."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        ...


def _is_tracked(given: Any) -> bool:
    """Whether it is a tensor that gradients may flow through, of which NumPy makes no array."""
    return callable(getattr(type(given), "detach", None))


class RealValues(NDArrayOperatorsMixin):
    """Arithmetic and comparisons for what ``numpy.asarray`` makes an array of: what comes of them is an array.

    Such a value cannot be changed, nor indexed: each time all of it would have to be decoded, or read from a file.
    """

    __slots__ = ()

    _ARRAY = "numpy.asarray(x)"
    """The expression that gives the array."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """A function of NumPy on the real values (InvalidInputError for what it does not take)."""
        if any(isinstance(out, RealValues) for out in kwargs.get("out", ())):
            raise InvalidInputError(
                "the values cannot be changed", where=type(self).__name__, hint=f"Change those of {self._ARRAY}"
            )
        try:
            arrays = [as_array(each) if isinstance(each, RealValues) or _is_tracked(each) else each for each in inputs]
            return getattr(ufunc, method)(*arrays, **kwargs)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"{ufunc.__name__} of NumPy cannot take these values ({error})",
                where=type(self).__name__,
                hint="Give a number, or an array whose shape fits",
            ) from error

    def __eq__(self, other: object) -> Any:
        """Where the real values are equal, as of arrays (InvalidInputError for a shape that does not fit)."""
        return compared(np.asarray(self), other, type(self).__name__)

    def __ne__(self, other: object) -> Any:
        """Where the real values differ, as of arrays (InvalidInputError for a shape that does not fit)."""
        return (~compared(np.asarray(self), other, type(self).__name__)).view(Equality)

    def __hash__(self) -> int:
        """As of objects that are equal to themselves alone."""
        return object.__hash__(self)

    def __bool__(self) -> bool:
        """True, as of all objects, whatever the values are."""
        return True

    def __len__(self: _Shaped) -> int:
        """Size of the first axis (InvalidInputError for a scalar)."""
        if not self.shape:
            raise BadUseError("a scalar has no length", where=type(self).__name__, hint="Use float(x)")
        return self.shape[0]

    def __float__(self) -> float:
        """The value, if there is only one (InvalidInputError)."""
        array = np.asarray(self)
        if array.size != 1:
            raise BadUseError(
                f"{array.size} values are not one number", where=type(self).__name__, hint=f"Use {self._ARRAY}"
            )
        return float(array.item())

    def __int__(self) -> int:
        """The value without its fraction, if there is only one (InvalidInputError)."""
        return int(float(self))

    def __round__(self, digits: int | None = None) -> NDArray[Any]:
        """The real values with so many digits behind the point."""
        return np.round(np.asarray(self), digits or 0)

    def __dlpack__(self, **options: Any) -> Any:
        """The real values for other packages' ``from_dlpack``, and for ``torch.tensor``."""
        array = np.asarray(self)
        return (array if array.flags.writeable else array.copy()).__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[Any, int]:
        """Where they are: in the main memory."""
        return np.empty(0).__dlpack_device__()

    def __format__(self, spec: str) -> str:
        """The one value as ``spec`` says, or the text without one (InvalidInputError)."""
        return format(float(self), spec) if spec else str(self)

    def __getitem__(self, _: Any) -> NoReturn:
        """Raise BadUseError."""
        raise self._not_indexed("indexed", "[0]")

    def __setitem__(self, _: Any, __: Any) -> NoReturn:
        """Raise BadUseError."""
        raise self._not_changed()

    def __delitem__(self, _: Any) -> NoReturn:
        """Raise BadUseError."""
        raise self._not_changed()

    def __bytes__(self) -> bytes:
        """Raise BadUseError: the bytes of which type is not said."""
        raise self._not_indexed("made into bytes", ".tobytes()")

    def __contains__(self, _: Any) -> NoReturn:
        """Raise BadUseError."""
        raise self._not_indexed("searched", "")

    def __iter__(self) -> NoReturn:
        """Raise BadUseError."""
        raise self._not_indexed("iterated over", "")

    def _not_changed(self) -> BadUseError:
        hint = f"Change an array: a = {self._ARRAY}.copy(), then a[0] = 1"
        return BadUseError("the values cannot be changed", where=type(self).__name__, hint=hint)

    def _not_indexed(self, word: str, index: str) -> BadUseError:
        return BadUseError(
            f"a value of type {type(self).__name__} cannot be {word}",
            where=type(self).__name__,
            hint=f"Use {self._ARRAY}{index}",
        )

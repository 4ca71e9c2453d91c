"""What comes of ``==`` with an array: an array, which says how to get one answer where one is wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import InvalidInputError


class AmbiguousError(InvalidInputError, ValueError):
    """Many comparisons where one answer is wanted. ``except ValueError`` sees it, as of arrays."""


class Equality(np.ndarray[Any, np.dtype[np.bool_]]):
    """Where values are equal: an array of bool, which is one answer only if it holds one."""

    def __bool__(self) -> bool:
        """The one answer (AmbiguousError)."""
        if self.size == 1:
            return bool(self.item())
        raise AmbiguousError(
            f"{self.size} comparisons are not one answer",
            where="==",
            hint="Use (a == b).all(), and any(each is q for each in tensors) to look for q in a list",
        )

    def __array_wrap__(self, array: NDArray[Any], _: Any = None, return_scalar: bool = False) -> Any:
        """What is computed from it is an array of NumPy."""
        return array[()] if return_scalar else array


def compared(values: NDArray[Any], other: Any, where: str) -> Any:
    """Where two arrays are equal."""
    try:
        return np.asarray(values == other).view(Equality)
    except ValueError as error:
        raise InvalidInputError(
            f"values of shape {values.shape} cannot be compared with those ({error})",
            where=where,
            hint="Give a number, or an array whose shape fits",
        ) from error

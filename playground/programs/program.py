"""A planned program: steps over named values of known shape and type. Plain frozen data; engines execute it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from playground.errors import EngineError, InvalidInputError

if TYPE_CHECKING:
    from playground.programs.lowering import Lowering


@dataclass(frozen=True, slots=True)
class Value:
    """Shape and NumPy dtype name of something a program computes."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        """Bytes it takes."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One operation: which values it reads, the one it makes, what it computes, and by which kernels."""

    inputs: tuple[str, ...]
    output: str

    is_product: ClassVar[bool] = False
    """Whether it is a convolution or a product of matrices."""

    def compute(self, inputs: list[NDArray[Any]], out: Value) -> NDArray[Any]:
        """The result by NumPy, of the shape and dtype that ``out`` states. Kernels are tested against it.

        Raises:
            EngineError: the step has no rule.
        """
        raise EngineError(
            f"the step {type(self).__name__} has no rule", where="program", hint="Define compute() for it"
        )

    def lower(self, to: Lowering) -> None:
        """Append the kernel calls that compute the same, bit for bit.

        Raises:
            EngineError: there is no kernel for the step.
        """
        raise EngineError(
            f"the step {type(self).__name__} has no kernel", where="program", hint="Define lower() for it"
        )

    def check_feeds(self, feeds: Mapping[str, NDArray[Any]], values: Mapping[str, Value]) -> None:
        """Raise InvalidInputError if one of the program's inputs, read by this step, holds what it cannot take."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What a graph became for one set of input shapes.

    Attributes:
        inputs: names of the values that are fed, all float32 or codes.
        outputs: graph output name -> name of the value it is.
        steps: in the order of execution.
        values: every value by name, constants included.
        constants: values that are known.
    """

    inputs: tuple[str, ...]
    outputs: Mapping[str, str]
    steps: tuple[Step, ...]
    values: Mapping[str, Value]
    constants: Mapping[str, NDArray[Any]]

    def checked_feeds(self, feeds: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The feeds, if they are exactly what the program takes.

        Raises:
            InvalidInputError: one is missing, unknown, or of another shape or dtype.
        """
        if set(feeds) != set(self.inputs):
            raise InvalidInputError(
                f"{sorted(feeds)} are not the inputs of the program",
                where="feeds",
                hint=f"Give exactly {sorted(self.inputs)}",
            )
        for name in self.inputs:
            wanted, given = self.values[name], feeds[name]
            if given.shape != wanted.shape or given.dtype != wanted.dtype:
                raise InvalidInputError(
                    f"{given.dtype} of shape {given.shape} does not fit this input",
                    where=name,
                    hint=f"Give {wanted.dtype} of shape {wanted.shape}",
                )
        for step in self.steps:
            step.check_feeds(feeds, self.values)
        return dict(feeds)

"""How a tensor is to be quantized, as one frozen value that is checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from playground.errors import InvalidInputError, UnsupportedError
from playground.number_formats import FORMATS, NumberFormat
from playground.presets import CONVENTIONS
from playground.rounding import ROUNDINGS

GRANULARITIES = ("tensor", "channel", "token", "block")

Argument = float | int | str | bool


@dataclass(frozen=True, slots=True)
class Scheme:
    """How to quantize: which codes, with how many scales, found how, computed by whose rules.

    Attributes:
        format: number format id, see ``playground.formats()``.
        granularity: one scale per ``"tensor"`` or ``"channel"`` (``"token"`` and ``"block"`` are not available yet).
        axis: the channel axis, negative counts from the end; only with ``"channel"``. None: to be filled in by whoever
            knows the operator.
        block_size: values per scale; only with ``"block"``.
        symmetric: the range is widened to ``-a .. a`` and the zero-point is fixed.
        narrow_range: give up the smallest code, so that a signed format is symmetric.
        rounding: from real to integer: ``"half_even"``, ``"half_away"`` or ``"toward_zero"``.
        convention: whose rules, bit for bit, see ``playground.conventions()``.
        calibrator: how a range is found, see ``playground.calibrators()``.
        calibrator_args: its parameters as (name, value) pairs; a mapping is accepted too.

    Raises:
        InvalidInputError: a field has a value that is not accepted, or two fields contradict each other.
    """

    format: str = "int8"
    granularity: str = "tensor"
    axis: int | None = None
    block_size: int | None = None
    symmetric: bool = True
    narrow_range: bool = False
    rounding: str = "half_even"
    convention: str = "onnxruntime"
    calibrator: str = "minmax"
    calibrator_args: tuple[tuple[str, Argument], ...] = ()

    def __post_init__(self) -> None:
        """Check every field, and the fields against each other."""
        _one_of("format", self.format, FORMATS)
        _one_of("granularity", self.granularity, GRANULARITIES)
        _one_of("rounding", self.rounding, ROUNDINGS)
        _one_of("convention", self.convention, CONVENTIONS)
        for name in ("symmetric", "narrow_range"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidInputError(
                    f"{getattr(self, name)!r} is not accepted", where=name, hint="Use True or False"
                )
        _only_with("axis", self.axis, "channel", self.granularity, minimum=None)
        _only_with("block_size", self.block_size, "block", self.granularity, minimum=1)
        if not isinstance(self.calibrator, str):
            raise InvalidInputError(f"{self.calibrator!r} is not accepted", where="calibrator", hint="Use an id")
        object.__setattr__(self, "calibrator_args", _as_pairs(self.calibrator_args))

    @property
    def number_format(self) -> NumberFormat:
        """The number format itself."""
        return FORMATS[self.format]

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest code that encoding produces."""
        return self.number_format.limits(self.narrow_range)

    def qparams_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that scales have for a tensor of ``shape``: its rank, 1 along the axes that share a scale.

        Raises:
            InvalidInputError: ``axis`` is missing or not an axis of the tensor.
            UnsupportedError: the granularity is not available yet.
        """
        if self.granularity == "tensor":
            return (1,) * len(shape)
        if self.granularity != "channel":
            raise UnsupportedError(
                f"{self.granularity!r} is not available yet", where="granularity", hint="Use 'tensor' or 'channel'"
            )
        if self.axis is None or not -len(shape) <= self.axis < len(shape):
            raise InvalidInputError(
                f"{self.axis} is no axis of a tensor of shape {shape}",
                where="axis",
                hint=f"Use {-len(shape)} to {len(shape) - 1}" if shape else "Use granularity 'tensor' for a scalar",
            )
        axis = self.axis % len(shape)
        return tuple(size if i == axis else 1 for i, size in enumerate(shape))

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data that JSON can hold; ``Scheme(**plain)`` makes an equal scheme."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**plain, "calibrator_args": dict(self.calibrator_args)}


def _one_of(field: str, value: object, accepted: Mapping[str, object] | tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in accepted:
        raise InvalidInputError(f"{value!r} is not accepted", where=field, hint=f"Use one of: {', '.join(accepted)}")


def _only_with(field: str, value: object, needed: str, granularity: str, minimum: int | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or (minimum is not None and value < minimum):
        least = "" if minimum is None else f" from {minimum} on"
        raise InvalidInputError(f"{value!r} is not accepted", where=field, hint=f"Use an integer{least}, or None")
    if granularity != needed:
        raise InvalidInputError(
            f"{field}={value} contradicts granularity {granularity!r}",
            where=field,
            hint=f"Leave it out, or use granularity {needed!r}",
        )


def _as_pairs(args: Any) -> tuple[tuple[str, Argument], ...]:
    pairs = args.items() if isinstance(args, Mapping) else args
    try:
        checked = tuple((name, value) for name, value in pairs)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{args!r} is not accepted", where="calibrator_args", hint="Use name: value") from error
    if not all(isinstance(name, str) and isinstance(value, float | int | str) for name, value in checked):
        raise InvalidInputError(
            f"{args!r} is not accepted", where="calibrator_args", hint="Names are text, values numbers or text"
        )
    return checked

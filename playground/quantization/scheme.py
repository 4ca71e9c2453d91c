"""How a tensor is to be quantized, as one frozen value that is checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from playground.calls import Public, public_class, unknown_field
from playground.convention_rules import CONVENTIONS, Convention
from playground.errors import InvalidInputError, one_of, shown
from playground.number_formats import FORMATS, BlockFormat, NumberFormat, Procedure, format_id, id_of, suggested
from playground.quantization import other_names
from playground.quantization.grouping import GRANULARITIES, Grouping
from playground.quantization.other_names import FIELDS, ON_SCHEME, SCHEME_ATTRIBUTES
from playground.quantization.rotation import ROTATIONS
from playground.rounding import ROUNDINGS, Rounding

ZERO_POINT_TYPES = ("integer", "float", "offset")

_NONE: Mapping[str, str] = {}

Argument = float | int | str | bool


@public_class(
    "Scheme('int4', granularity='channel', axis=0)",
    FIELDS,
    SCHEME_ATTRIBUTES,
    on_class=ON_SCHEME,
    refused={
        "__getitem__": "Use scheme.format, or scheme.as_dict()['format']",
        "__iter__": "Use scheme.as_dict()",
        "__len__": "Use len(scheme.as_dict())",
        "__call__": "Use quantize(x, scheme)",
        "__or__": "Use dataclasses.replace(scheme, format='int4')",
        "__add__": "Use dataclasses.replace(scheme, format='int4')",
        "keys": "Use {**scheme.as_dict()}, or dataclasses.replace(scheme, format='int4')",
    },
)
@dataclass(frozen=True, slots=True)
class Scheme(metaclass=Public):
    """How to quantize: which codes, with how many scales, found how, computed by whose rules.

    Attributes:
        format: number format id, see ``playground.formats()``.
        granularity: one scale per ``"tensor"``, ``"channel"``, ``"token"`` or ``"block"``, see :class:`Grouping`. A
            block format brings this, ``block_size`` and ``scale_scheme`` with it, and runs along the last axis if none
            is given.
        axis: the axis of channels or blocks, or that a token's values lie along; negative counts from the end. None
            with ``"channel"``: to be filled in where the operator is known.
        block_size: values per scale; only with ``"block"``.
        symmetric: the range is widened to ``-a .. a`` and the zero-point is fixed.
        narrow_range: give up the smallest code, so that a signed format is symmetric.
        rounding: from real to integer, see ``playground.rounding``; None: as the convention does.
        convention: whose rules, bit for bit, see ``playground.conventions()``.
        calibrator: how a range is found, see ``playground.calibrators()``.
        calibrator_args: its parameters as (name, value) pairs; a mapping is accepted too.
        scaled: whether there are scales at all. None: yes, but not for a float format with granularity ``"tensor"``,
            which then is a plain cast, and not for a codebook that is made for the data.
        scale_scheme: how the scales themselves are stored: ``Scheme("fp16")`` casts them, a scheme with scales of its
            own quantizes them once more; a mapping of its fields is accepted too. None: float32.
        zero_point_type: what an asymmetric scheme stores: an ``"integer"`` zero-point, a ``"float"`` one, or the
            ``"offset"`` that is added to the scaled code. None: integer for integer formats, else offset.
        zero_in_range: zero is drawn into an asymmetric range; with an integer zero-point it then is a code.
        centre: the mean of all values is subtracted first and stored as the offset, as QLoRA does with scales.
        saturate: beyond its largest number a float format gives that number; otherwise infinity or NaN if it has them.
        rotation: ``"hadamard"``: rows along the last axis are rotated first and turned back after decoding, see
            ``playground.quantization.rotation``; a range then is that of the rotated values.
        seed: of the random numbers that stochastic rounding and rotations use.

    Raises:
        InvalidInputError: a field has an invalid value, or two fields contradict each other.
    """

    format: str = "int8"
    granularity: str = "tensor"
    axis: int | None = None
    block_size: int | None = None
    symmetric: bool = True
    narrow_range: bool = False
    rounding: str | None = None
    convention: str = "onnxruntime"
    calibrator: str = "minmax"
    calibrator_args: tuple[tuple[str, Argument], ...] = ()
    scaled: bool | None = None
    scale_scheme: Scheme | None = None
    zero_point_type: str | None = None
    zero_in_range: bool = True
    centre: bool = False
    saturate: bool = True
    rotation: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every field, and the fields against each other."""
        object.__setattr__(self, "format", format_id(self.format))
        given = self.scale_scheme
        object.__setattr__(self, "scale_scheme", None if given is None else as_scheme(given, "scale_scheme"))
        if isinstance(self.number_format, BlockFormat):
            self._take_blocks_of(self.number_format)
        _one_of("granularity", self.granularity, GRANULARITIES, other_names.GRANULARITIES)
        _one_of("convention", self.convention, CONVENTIONS)
        if self.rounding is not None:
            _one_of("rounding", self.rounding, ROUNDINGS)
        if self.rotation is not None:
            _one_of("rotation", self.rotation, ROTATIONS)
        if self.zero_point_type is not None:
            _one_of("zero_point_type", self.zero_point_type, ZERO_POINT_TYPES)
        for name in ("symmetric", "narrow_range", "zero_in_range", "centre", "saturate", "scaled"):
            value = getattr(self, name)
            if not isinstance(value, bool) and not (name == "scaled" and value is None):
                raise InvalidInputError(f"{value!r} is neither True nor False", where=name, hint="Use True or False")
        _only_with("axis", self.axis, ("channel", "token", "block"), self.granularity, minimum=None)
        _only_with("block_size", self.block_size, ("block",), self.granularity, minimum=1)
        low, high = self.element.limits(self.narrow_range)
        if self.narrow_range and (self.element.family != "integer" or low == high):
            raise InvalidInputError(
                f"narrow_range=True contradicts format {self.format!r}",
                where="narrow_range",
                hint="Use narrow_range=False, or an integer format of at least two bits",
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InvalidInputError(
                f"{self.seed!r} is not a valid seed", where="seed", hint="Use a non-negative integer"
            )
        if not isinstance(self.calibrator, str):
            raise InvalidInputError(
                f"{self.calibrator!r} is not a calibrator", where="calibrator", hint="Use an id such as 'minmax'"
            )
        object.__setattr__(self, "calibrator_args", _as_pairs(self.calibrator_args))

    def _take_blocks_of(self, number_format: BlockFormat) -> None:
        """Fill in the fields that a block format decides, or refuse others."""
        fields_of_scales = dict(number_format.scale_fields)
        if "axis" in fields_of_scales:  # scales of scales lie along the blocks' axis too
            fields_of_scales["axis"] = self.block_axis
        own_scales = Scheme(**fields_of_scales)
        decided = {"granularity": "block", "block_size": number_format.block_size, "scale_scheme": own_scales}
        for name, own in decided.items():
            given, unset = getattr(self, name), "tensor" if name == "granularity" else None
            other_scales = name == "scale_scheme" and number_format.procedure is None
            if given not in (unset, own) and not other_scales:
                raise InvalidInputError(
                    f"{name}={given!r} contradicts format {self.format!r}",
                    where=name,
                    hint=f"Leave it out: this format uses {own!r}" if name != "scale_scheme" else "Leave it out",
                )
            if given == unset:
                object.__setattr__(self, name, own)
        if self.axis is None:
            object.__setattr__(self, "axis", -1)
        fixed = {"symmetric": True, "narrow_range": False, "scaled": None, "zero_point_type": None, "centre": False}
        for name, own in {**fixed, **({"rounding": None} if number_format.procedure else {})}.items():
            if getattr(self, name) != own:
                raise InvalidInputError(
                    f"{name}={getattr(self, name)!r} contradicts format {self.format!r}",
                    where=name,
                    hint=f"Leave it out: a block format sets its own {name}",
                )

    @property
    def number_format(self) -> NumberFormat:
        """The number format itself."""
        return FORMATS[self.format]

    @property
    def element(self) -> NumberFormat:
        """The format of a single code: the number format, or what a block format consists of."""
        return self.number_format.element.with_boundaries(self.convention_rules.codebook_boundaries)

    @property
    def convention_rules(self) -> Convention:
        """The convention itself."""
        return CONVENTIONS[self.convention]

    @property
    def rounding_rule(self) -> Rounding:
        """The rounding itself: the one that is asked for, else the convention's."""
        return ROUNDINGS[self.rounding or self.convention_rules.rounding]

    @property
    def is_scaled(self) -> bool:
        """Whether there are scales: see ``scaled``."""
        if self.scaled is not None:
            return self.scaled
        if self.number_format.is_fitted:
            return False
        return self.granularity != "tensor" or self.number_format.family != "float"

    @property
    def procedure(self) -> Procedure | None:
        """The format's own way from values to codes, which no range, rounding or convention changes; None if none."""
        return self.number_format.procedure if isinstance(self.number_format, BlockFormat) else None

    @property
    def block_axis(self) -> int:
        """The axis along which the blocks of a block format lie."""
        return -1 if self.axis is None else self.axis

    @property
    def needs_range(self) -> bool:
        """Whether its parameters follow from a clip range."""
        return self.is_scaled and self.procedure is None

    @property
    def zero_rule(self) -> str:
        """What an asymmetric scheme stores: see ``zero_point_type``."""
        return self.zero_point_type or ("integer" if self.number_format.family == "integer" else "offset")

    @property
    def limits(self) -> tuple[int, int]:
        """Smallest and largest code that encoding produces."""
        return self.number_format.limits(self.is_narrow)

    @property
    def is_narrow(self) -> bool:
        """Whether the smallest code is given up: ``narrow_range``, or as the convention does in symmetric schemes."""
        least, element = self.convention_rules.symmetric_narrow_from, self.element
        wide = least is not None and element.family == "integer" and element.signed and element.bits >= least
        return self.narrow_range or (self.symmetric and wide)

    @property
    def grouping(self) -> Grouping:
        """Which values share a scale."""
        return Grouping(self.granularity, self.axis, self.block_size)

    def qparams_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the scales of a tensor of ``shape``: a dimension is 1, the tensor's, or ceil(n / block_size).

        Raises:
            InvalidInputError: ``axis`` or ``block_size`` is missing, or ``axis`` is not an axis of the tensor.
        """
        return self.grouping.scales_shape(shape)

    def __repr__(self) -> str:
        """What differs from the defaults, as one would type it."""
        return f"Scheme({', '.join([repr(self.format), *changed_fields(self, Scheme(self.format))])})"

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain data that JSON can hold; ``Scheme(**plain)`` makes an equal scheme."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        inner = self.scale_scheme.as_dict() if self.scale_scheme is not None else None
        return {**plain, "calibrator_args": dict(self.calibrator_args), "scale_scheme": inner}


def _one_of(
    field: str, value: object, accepted: Mapping[str, object] | tuple[str, ...], elsewhere: Mapping[str, str] = _NONE
) -> None:
    if not isinstance(value, str) or value not in accepted:
        meant = elsewhere.get(str(value).lower().replace("-", "_"))
        hint = f"Use {meant!r}" if meant else one_of(value, accepted)
        raise InvalidInputError(f"{value!r} is not a valid {field}", where=field, hint=hint)


def _only_with(field: str, value: object, needed: tuple[str, ...], granularity: str, minimum: int | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or (minimum is not None and value < minimum):
        least = "" if minimum is None else f" of at least {minimum}"
        raise InvalidInputError(
            f"{value!r} is not a valid {field}", where=field, hint=f"Use an integer{least}, or None"
        )
    if granularity not in needed:
        raise InvalidInputError(
            f"{field}={value} contradicts granularity {granularity!r}",
            where=field,
            hint=f"Leave it out, or use granularity={' or '.join(map(repr, needed))} with it",
        )


def changed_fields(value: Any, base: Any) -> list[str]:
    """``name=value`` for each public field of a dataclass that differs from that of ``base``."""
    pairs = [(held.name, getattr(value, held.name)) for held in fields(value) if held.init]
    return [f"{name}={own!r}" for name, own in pairs if own != getattr(base, name)]


def as_scheme(given: Any, where: str = "scheme", base: Scheme | None = None, **changes: Any) -> Scheme:
    """A scheme from what people write for one.

    Args:
        given: a scheme; the id of a number format, or a dtype of its name; or a mapping of a scheme's fields.
        where: what it is, for errors.
        base: the scheme that a format's id is put into; a block format has all of its own and takes none.
        changes: fields to change in it.

    Raises:
        InvalidInputError: it is none of these, or a field does not exist, has an invalid value or contradicts another.
    """
    if isinstance(given, Mapping):
        given, changes = Scheme(), {**given, **changes}
    unknown = next((name for name in changes if name not in Scheme.__dataclass_fields__), None)
    if unknown is not None:
        raise unknown_field(str(unknown), changes[unknown], Scheme.__dataclass_fields__, where, FIELDS)
    try:
        if isinstance(given, Scheme):
            return replace(given, **changes) if changes else given
        name = given if isinstance(given, str) else id_of(given, FORMATS)
        if name is not None:
            name = format_id(name)
            own = isinstance(FORMATS[name], BlockFormat)
            return replace(Scheme(name) if own else replace(base or Scheme(), format=name), **changes)
    except InvalidInputError as error:
        raise error if where == "scheme" else error.at(f"{where}: {error.where}") from error
    meant = suggested(given, FORMATS) or "int4"
    raise InvalidInputError(
        f"{shown(given)} is not a scheme",
        where=where,
        hint=f"Use Scheme({meant!r}), {meant!r} or {{'format': {meant!r}}}",
    )


def _as_pairs(args: Any) -> tuple[tuple[str, Argument], ...]:
    pairs = args.items() if isinstance(args, Mapping) else args
    try:
        checked = tuple((name, value) for name, value in pairs)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"{args!r} is not a mapping", where="calibrator_args", hint="Use {'name': value}"
        ) from error
    if not all(isinstance(name, str) and isinstance(value, float | int | str) for name, value in checked):
        raise InvalidInputError(
            f"{args!r} has a name or value of another type",
            where="calibrator_args",
            hint="Use text as names, and numbers or text as values",
        )
    return checked

"""A scheme is checked when it is made; what it cannot know then, when it is used."""

import dataclasses
import json
from typing import Any

import pytest

from playground import Scheme
from playground.errors import InvalidInputError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "int17"}, r"^format: 'int17' is not a valid format\. Use one of 82 names such as int7"),
        ({"format": 8}, "^format: 8 is not a valid format"),
        (
            {"granularity": "row"},
            r"^granularity: 'row' is not a valid granularity\. Use 'token'$",
        ),
        (
            {"granularity": "plane"},
            r"^granularity: 'plane' is not a valid granularity\. Use one of: tensor, channel, token, block$",
        ),
        ({"rounding": "up"}, r"^rounding: 'up' .* half_even, half_away, .*toward_zero, stochastic$"),
        ({"convention": ["pytorch"]}, r"^convention: \['pytorch'\] .* onnxruntime, pytorch, pytorch_fake"),
        ({"symmetric": 1}, "^symmetric: 1 is neither True nor False. Use True or False$"),
        ({"narrow_range": None}, "^narrow_range: None is neither True nor False"),
        ({"axis": 0}, "^axis: axis=0 contradicts granularity 'tensor'"),
        ({"granularity": "token", "block_size": 4}, "^block_size: block_size=4 contradicts granularity 'token'"),
        ({"zero_point_type": "int"}, r"^zero_point_type: 'int' .* integer, float, offset$"),
        ({"scaled": 1}, "^scaled: 1 is neither True nor False"),
        ({"format": "uint1", "narrow_range": True}, "^narrow_range: narrow_range=True contradicts format 'uint1'"),
        ({"seed": -1}, "^seed: -1 is not a valid seed"),
        (
            {"scale_scheme": 16},
            r"^scale_scheme: 16 is not a scheme. Use Scheme\('int16'\), 'int16' or \{'format': 'int16'\}",
        ),
        ({"scale_scheme": {"format": "fp17"}}, "^scale_scheme: format: 'fp17' is not a valid format"),
        ({"granularity": "channel", "axis": 1.0}, "^axis: 1.0 is not a valid axis"),
        ({"granularity": "channel", "axis": True}, "^axis: True is not a valid axis"),
        ({"block_size": 32}, "^block_size: block_size=32 contradicts granularity 'tensor'"),
        (
            {"granularity": "block", "block_size": 0},
            "^block_size: 0 is not a valid block_size. Use an integer of at least 1",
        ),
        ({"calibrator": None}, "^calibrator: None is not a calibrator"),
        ({"calibrator_args": 3}, "^calibrator_args: 3 is not a mapping"),
        ({"calibrator_args": {"percentile": None}}, "^calibrator_args: .* has a name or value of another type"),
    ],
)
def test_a_field_that_is_not_accepted_is_named_with_what_is(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Scheme(**fields)


def test_scales_have_the_tensor_s_rank() -> None:
    assert Scheme().qparams_shape((2, 3, 4)) == (1, 1, 1)
    assert Scheme().qparams_shape(()) == ()
    assert Scheme(granularity="channel", axis=1).qparams_shape((2, 3, 4)) == (1, 3, 1)
    assert Scheme(granularity="channel", axis=-1).qparams_shape((2, 3, 4)) == (1, 1, 4)


@pytest.mark.parametrize(
    ("axis", "shape", "message"),
    [
        (2, (3, 4), r"axis: 2 is not a valid axis of a tensor of shape \(3, 4\)\. Use a number from -2 to 1"),
        (-3, (3, 4), r"axis: -3 is not a valid axis"),
        (None, (3, 4), r"axis: None is not a valid axis"),
        (0, (), r"axis: a scalar has no axis 0\. Use granularity 'tensor' for a scalar"),
    ],
)
def test_an_axis_the_tensor_does_not_have_is_refused_when_used(
    axis: int | None, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Scheme(granularity="channel", axis=axis).qparams_shape(shape)


def test_blocks_and_tokens() -> None:
    assert Scheme(granularity="token").qparams_shape((2, 3, 40)) == (2, 3, 1)
    assert Scheme(granularity="token", axis=1).qparams_shape((2, 3, 40)) == (2, 1, 40)
    assert Scheme(granularity="block", axis=-1, block_size=16).qparams_shape((2, 3, 40)) == (2, 3, 3)
    assert Scheme(granularity="block", block_size=16).qparams_shape((2, 3, 40)) == (1, 1, 15)
    with pytest.raises(InvalidInputError, match=r"^block_size: a block size is missing"):
        Scheme(granularity="block", axis=0).qparams_shape((3, 4))


def test_scales_may_have_a_scheme_of_their_own() -> None:
    scheme = Scheme("int4", "block", -1, 32, scale_scheme={"format": "uint8", "granularity": "block", "block_size": 4})
    assert scheme.scale_scheme == Scheme("uint8", "block", block_size=4)
    assert Scheme(**json.loads(json.dumps(scheme.as_dict()))) == scheme


def test_a_scheme_is_a_value() -> None:
    scheme = Scheme(
        "uint4", "channel", -1, symmetric=False, calibrator="percentile", calibrator_args={"percentile": 99}
    )
    assert scheme.calibrator_args == (("percentile", 99),)
    assert Scheme(**json.loads(json.dumps(scheme.as_dict()))) == scheme
    assert hash(dataclasses.replace(scheme)) == hash(scheme)
    with pytest.raises(dataclasses.FrozenInstanceError):
        scheme.format = "int8"  # type: ignore[misc]


def test_limits_follow_the_format_and_the_narrow_range() -> None:
    assert Scheme("int4").limits == (-8, 7)
    assert Scheme("int4", narrow_range=True).limits == (-7, 7)
    assert Scheme("uint3", narrow_range=True).limits == (1, 7)

"""Calls of kernels held against their structs: fields by name, numbers in range, buffers as large as needed."""

import json

import numpy as np
import pytest

from playground.errors import EngineError, InvalidInputError, MissingError
from playground.host import kernel_structs
from playground.host.kernel import ANY, FLAG, Kernel, Part, box, fixed, floats, octets
from playground.host.kernel_checks import arguments

STRUCTS = {
    "k_one": {"x": "read", "n": "word", "scale": "float", "out": "write"},
    "k_two": {"sizes": "word[2]", "to": {"lo": "float", "inner": {"kind": "word"}, "out": "write"}},
}


@pytest.fixture(autouse=True)
def built(monkeypatch, tmp_path):
    """Two kernels that no build has."""
    (tmp_path / "structs.json").write_text(json.dumps(STRUCTS))
    monkeypatch.setattr(kernel_structs, "FILE", tmp_path / "structs.json")
    kernel_structs.structs.cache_clear()
    yield
    kernel_structs.structs.cache_clear()


def one(**stated):
    return Kernel("k_one", **({"reach": {"x": floats("n"), "out": octets("n")}} | stated))


def two():
    return Kernel("k_two", {"to.out": octets("sizes")}, {"to.inner.kind": (1, 4)})


def room(argument, written):
    return (0, argument.nbytes) if isinstance(argument, np.ndarray) else None


def call(kernel, **given):
    return arguments(kernel, given, room, "int16")


def usual(n=3, **others):
    return {"x": np.zeros(3, np.float32), "n": n, "scale": 0.5, "out": np.zeros(3, np.uint8)} | others


def nested(sizes=(2, 3), lo=0, kind=4, out=None):
    out = np.zeros(6, np.uint8) if out is None else out
    return {"sizes": sizes, "to": {"lo": lo, "inner": {"kind": kind}, "out": out}}


def test_arguments_come_in_the_order_of_the_struct_whatever_that_of_the_call():
    given = usual(n=np.int64(3), scale=np.float32(0.25))
    x, n, scale, out = call(one(), **dict(reversed(given.items())))
    assert x is given["x"] and out is given["out"]
    assert (n, scale) == (3, 0.25) and (type(n), type(scale)) == (int, float)


def test_structs_inside_are_laid_out_one_after_the_other():
    given = nested(lo=7)
    made = call(two(), **given)
    assert made[:4] == [2, 3, 7.0, 4] and made[4] is given["to"]["out"]
    assert type(made[2]) is float


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"x": None}, r"missing: n, out, scale; unknown: none"),
        (usual(m=1), r"missing: none; unknown: m"),
        ({**usual(), "to": {}}, "missing: none; unknown: to"),
    ],
)
def test_every_field_is_named(given, told):
    with pytest.raises(InvalidInputError, match=f"k_one: the call does not name the fields of the struct .{told}"):
        call(one(), **given)


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ({"lo": 0.0, "inner": {}, "out": None}, "missing: to.inner.kind; unknown: none"),
        ({"lo": 0.0, "inner": 4, "out": None}, "missing: to.inner.kind; unknown: none"),
        ({"lo": 0.0, "inner": {"kind": 1}, "hi": 1, "out": None}, "missing: none; unknown: to.hi"),
    ],
)
def test_every_field_of_a_struct_inside_is_named(to, told):
    with pytest.raises(InvalidInputError, match=told):
        call(two(), sizes=(1, 1), to=to)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("n", -1, "n is -1. Use 0 to 2147483647"),
        ("n", 2**31, "n is 2147483648. Use 0 to 2147483647"),
        ("n", 2**32 + 3, "n is 4294967299"),  # which would be 3 as an int32
        ("n", 3.0, "n is 3.0. Give an integer"),
        ("n", None, "n is None. Give an integer"),
        ("n", np.zeros(1, np.int32), "n is .*. Give an integer"),
        ("scale", 1e39, "scale is 1e.39. Give a number that float32 holds"),
        ("scale", 10**400, ".*Give a number that float32 holds"),
        ("scale", "1", "scale is '1'. Give a number"),
        ("x", 4096, "x is 4096. Give an address"),
        ("x", None, "x is None. Give an address"),
    ],
)
def test_what_a_field_cannot_be_is_refused(field, value, told):
    with pytest.raises(InvalidInputError, match=f"k_one: {told}"):
        call(one(), **usual(**{field: value}))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3.4028234e38, -0.0, 1e-45])
def test_floats_that_float32_holds_are_taken(value):
    assert call(one(), **usual(scale=value))[2] == value


@pytest.mark.parametrize(("stated", "bad", "told"), [(FLAG, 2, "Use 0 to 1"), ((1, 4), 2, r"Use one of \(1, 4\)")])
def test_ranges_may_be_stated(stated, bad, told):
    kernel = one(ranges={"n": stated})
    assert call(kernel, **usual(n=1))[1] == 1
    with pytest.raises(InvalidInputError, match=f"n is {bad}. {told}"):
        call(kernel, **usual(n=bad))
    assert call(one(ranges={"n": ANY}, reach={"x": fixed(0), "out": fixed(0)}), **usual(n=-(2**31)))[1] == -(2**31)


@pytest.mark.parametrize("sizes", [(2,), (1, 2, 3), 2, (2, -1), (2, 2**31)])
def test_arrays_have_their_length_and_range(sizes):
    with pytest.raises(InvalidInputError, match="k_two: sizes"):
        call(two(), **nested(sizes))


def test_buffers_have_to_hold_what_is_touched():
    call(one(), **usual(n=3))
    with pytest.raises(InvalidInputError, match="x is touched from byte 0 to 16, but there are 0 bytes before and 12"):
        call(one(), **usual(n=4))
    with pytest.raises(InvalidInputError, match="out is touched from byte 0 to 3, but there are 0 bytes before and 2"):
        call(one(), **usual(out=np.zeros(2, np.uint8)))


def test_products_of_sizes_do_not_overflow():
    """2^31 times 2^31 is 0 in 64 bits of which 32 are left, and would fit any buffer."""
    with pytest.raises(InvalidInputError, match=f"to.out is touched from byte 0 to {(2**31 - 1) ** 2}"):
        call(two(), **nested((2**31 - 1, 2**31 - 1)))


def test_no_buffer_is_touched_over_more_than_int32_counts():
    with pytest.raises(InvalidInputError, match=f"to.out is touched from byte 0 to {2**31}"):
        arguments(two(), nested((2**16, 2**15)), lambda *_: (0, 2**40), "int16")


def test_addresses_may_be_optional():
    kernel = one(optional=frozenset({"x"}))
    assert call(kernel, **usual(x=None))[0] == 0
    with pytest.raises(InvalidInputError, match=r"out is None\. Give an address that may be written to"):
        call(kernel, **usual(out=None))


def test_rules_and_parts_are_added():
    part = Part(ranges={"n": range(1, 4)}, rules=(lambda w: "n is two" if w["n"] == 2 else None,))
    kernel = one(parts=(part,), rules=(lambda w: f"dot is {w['dot']}" if w["n"] == 3 else None,))
    call(kernel, **usual(n=1))
    for n, told in ((2, "n is two"), (3, "dot is int16"), (0, "n is 0")):
        with pytest.raises(InvalidInputError, match=f"k_one: {told}"):
            call(kernel, **usual(n=n))


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        ({"reach": {"x": floats("n")}}, "out"),
        ({"reach": {"x": floats("n"), "out": octets("n"), "y": fixed(1)}}, "y"),
        ({"ranges": {"scale": FLAG}}, "scale"),
        ({"optional": frozenset({"n"})}, "n"),
    ],
)
def test_a_kernel_of_which_not_everything_is_stated_cannot_be_called(stated, field):
    with pytest.raises(EngineError, match=f"k_one: the statements about {field} do not match"):
        call(one(**stated), **usual())


def test_a_kernel_that_is_not_built_cannot_be_called():
    with pytest.raises(MissingError, match="no kernel 'k_three'"):
        call(Kernel("k_three"))


def test_without_structs_the_error_says_what_to_build(monkeypatch, tmp_path):
    monkeypatch.setattr(kernel_structs, "FILE", tmp_path / "none.json")
    with pytest.raises(MissingError, match=r"build\.py site"):
        call(one(), **usual())


@pytest.mark.parametrize(
    ("sizes", "strides", "width", "reach"),
    [
        ((3, 4), (4, 1), 1, (0, 12)),
        ((3, 4), (-4, 1), 1, (-8, 4)),
        ((3, 4), (-4, -2), 2, (-14, 2)),
        ((3, 4), (0, 0), 8, (0, 8)),
        ((3, 0), (-4, 9), 4, (0, 0)),
    ],
)
def test_boxes_reach_from_the_lowest_byte_to_the_highest(sizes, strides, width, reach):
    assert box(sizes, strides, width) == reach

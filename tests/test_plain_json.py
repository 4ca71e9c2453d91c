"""JSON from outside is held against limits before it is parsed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import InvalidInputError
from playground.limits import MOST_JSON_DEPTH
from playground.plain_json import parse

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def read(text, most_bytes=10**6):
    return parse(text, InvalidInputError, "a.json", most_bytes=most_bytes)


@given(VALUES, st.booleans())
def test_what_json_writes_is_read(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert read(text) == value
    if ascii_only:
        assert read(text.encode("utf-16")) == value


def test_brackets_in_texts_do_not_count():
    value = {"[" * 100 + '\\"': ["]" * 100, "{\\", '\\"[']}
    assert read(json.dumps(value)) == value


def test_the_deepest_that_is_read():
    text = "[" * MOST_JSON_DEPTH + "]" * MOST_JSON_DEPTH
    assert read(text)
    with pytest.raises(InvalidInputError, match="nested too deep"):
        read(f"[{text}]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"),
        ("[1,]", "not valid JSON"),
        ("[}", "not valid JSON"),
        ('{"a": 1, "b": 2, "a": 3}', "the name 'a' twice"),
        ("NaN", "not a JSON number"),
        ("-Infinity", "not a JSON number"),
        (b"\xff\xfe\xff", "not valid JSON"),
        ("9" * 5000, "not valid JSON"),
        ("[" + "1," * 450_000 + "1]", "fields and values"),
        (" " * 1_000_001, "1000001 bytes"),
    ],
)
def test_refuses(text, message):
    with pytest.raises(InvalidInputError, match=message) as error:
        read(text)
    assert str(error.value).startswith("a.json: ")

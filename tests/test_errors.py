"""Error messages are one sentence that says what, where and what to do."""

import pytest

from playground import errors


def kinds():
    return [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.PlaygroundError)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "it is broken"),
        ({"where": "model.onnx"}, "model.onnx: it is broken"),
        ({"hint": "Mend it"}, "it is broken. Mend it"),
        ({"where": "model.onnx", "hint": "Mend it"}, "model.onnx: it is broken. Mend it"),
    ],
)
def test_message(arguments, message):
    error = errors.BadFileError("it is broken", **arguments)
    assert str(error) == message
    assert error.as_dict() == {"kind": "bad_file", "message": message}


def test_kinds_are_told_apart():
    assert len({c.kind for c in kinds()}) == len(kinds()) == 8

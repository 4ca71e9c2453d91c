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


OFFER = errors.Offer("partial", in_code="Set partial=True", in_page="Or go on without it")


@pytest.mark.parametrize(("hint", "before"), [("", ""), ("Mend it", "Mend it. "), ("Mend it.", "Mend it. ")])
def test_an_offer_is_worded_for_code_and_for_the_page(hint, before):
    error = errors.EngineError("it is broken", where="net", hint=hint, offer=OFFER)
    assert str(error) == f"net: it is broken. {before}Set partial=True"
    assert error.as_dict() == {"kind": "engine", "message": str(error), "offer": "partial"}
    assert error.as_dict(in_page=True)["message"] == f"net: it is broken. {before}Or go on without it"
    elsewhere = error.at("other")
    assert (type(elsewhere), elsewhere.offer) == (errors.EngineError, OFFER)
    assert str(elsewhere).startswith("other: it is broken")

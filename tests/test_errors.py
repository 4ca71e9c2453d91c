"""Error messages are one sentence that says what, where and what to do."""

import gc
import weakref

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
    assert len({c.kind for c in kinds()}) == len(kinds()) == 9


OFFER = errors.Offer(
    "partial", in_code="Set partial=True", in_page="Or go on without it", at_terminal="Leave out --strict"
)


@pytest.mark.parametrize(("hint", "before"), [("", ""), ("Mend it", "Mend it. "), ("Mend it.", "Mend it. ")])
def test_an_offer_is_worded_for_code_and_for_the_page(hint, before):
    error = errors.EngineError("it is broken", where="net", hint=hint, offer=OFFER)
    assert str(error) == f"net: it is broken. {before}Set partial=True"
    assert error.as_dict() == {"kind": "engine", "message": str(error), "offer": "partial"}
    assert error.as_dict(in_page=True)["message"] == f"net: it is broken. {before}Or go on without it"
    elsewhere = error.at("other")
    assert (type(elsewhere), elsewhere.offer) == (errors.EngineError, OFFER)
    assert str(elsewhere).startswith("other: it is broken")


@pytest.mark.parametrize(
    "raised", [OSError("gone"), MemoryError(), RecursionError("deep"), IndexError(), KeyError("a")]
)
def test_whatever_is_raised_behind_a_boundary_becomes_one_of_ours(raised):
    with (
        pytest.raises(errors.BadFileError) as caught,
        errors.typed(errors.BadFileError, "it cannot be read", where="a"),
    ):
        raise raised
    assert caught.value.where == "a"
    assert caught.value.__cause__ is raised
    assert ("more memory" if isinstance(raised, MemoryError) else type(raised).__name__) in str(caught.value)


@pytest.mark.parametrize("raised", [errors.MissingError("it is gone"), KeyboardInterrupt(), SystemExit(3)])
def test_our_errors_and_interrupts_pass_a_boundary(raised):
    with pytest.raises(type(raised)) as caught, errors.typed(errors.BadFileError, "it cannot be read"):
        raise raised
    assert caught.value is raised


def test_a_boundary_lets_go_of_what_failed():
    class Kept:
        pass

    def fail(held):
        raise OSError(str(held))

    held = Kept()
    there = weakref.ref(held)
    with pytest.raises(errors.BadFileError) as caught, errors.typed(errors.BadFileError, "it cannot be read"):
        fail(held)
    del held
    gc.collect()
    assert caught.value is not None
    assert there() is None


def test_names_of_hundreds_of_characters_are_printed_with_their_ends():
    name = "StatefulPartitionedCall/" + "/".join(f"functional_1/block_{n}/conv2d_{n}" for n in range(12)) + "/Conv2D"
    error = errors.UnsupportedError(
        f"node {name!r} (Conv) has no integer form", where=f"{name}: weight", hint=f"Leave out {name}"
    )
    where, what = str(error).split(": ", 1)
    assert where.startswith("StatefulPartitionedCall/functional_1/block_0/")
    assert where.endswith("/Conv2D")
    assert "…" in where
    assert len(f"{where}:") == errors._MOST_OF_A_NAME - 1
    assert "/Conv2D' (Conv) has no integer form. " in what
    # a remedy is to be copied, and code that asks for the name gets it
    assert str(error).endswith(f"Leave out {name}")
    assert name in error.where
    assert name in error.at(name).what
    assert str(error.at(name)).startswith(f"{errors.short_names(name)}: node 'Stateful")
    assert error.as_dict()["message"] == error.for_terminal == str(error)


def test_names_that_fit_are_whole():
    name = "x" * 120
    assert str(errors.MissingError(f"there is no {name}", where=name)) == f"{name}: there is no {name}"
    many = "\n".join([name] * 5)
    assert str(errors.MissingError(many)) == many
    assert errors.short_names("x" * 121) == f"{'x' * 59}…{'x' * 59}"


def test_many_long_names_leave_the_sentence_legible():
    error = errors.UnsupportedError(f"{' and '.join(['a' * 400] * 5)} cannot run")
    assert str(error) == f"{' and '.join(['a' * 59 + '…' + 'a' * 59] * 5)} cannot run"


def test_messages_quote_a_part_of_what_is_long():
    error = errors.BadFileError("a" * 10**6, where="b" * 10**6, hint="c" * 10**6)
    assert len(str(error)) < 3100
    assert errors.shown("x" * 1000) == f"'{'x' * 38}…{'x' * 38}'"
    assert errors.shown(10**5000) == "a value of type int"

"""Messages in the page name its controls, and not the arguments of Python."""

from pathlib import Path

import pytest

import playground
from playground.app.page_words import WORDS, in_page
from tests.app.conftest import RefusedError

SOURCE = "\n".join(
    path.read_text(encoding="utf-8")
    for path in Path(playground.__file__).parent.rglob("*.py")
    if path.name != "page_words.py"
).replace('"\n            "', "")


@pytest.mark.parametrize("words", list(WORDS))
def test_the_words_are_in_a_message(words):
    assert words.removesuffix(", any") in SOURCE
    assert WORDS[words] != words


def test_none_is_lost_to_a_shorter_one_before_it():
    known = list(WORDS)
    assert not [(a, b) for i, a in enumerate(known) for b in known[i + 1 :] if a in b]


def test_a_format_that_needs_activations_in_float_names_the_control(page):
    page.set(formats="fc2.weight=nf4")
    with pytest.raises(RefusedError) as found:
        page.ask("quantize")
    told = found.value.message
    assert "weight-only" not in told
    assert "'Activations in int8' on 'Stay float'" in told


def test_other_text_stays():
    assert in_page("fc1.weight: 3 bits.") == "fc1.weight: 3 bits."

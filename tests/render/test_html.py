"""Nothing that a file brings along becomes markup; what is written is well formed."""

from xml.etree import ElementTree

import pytest

from playground.render import html

EVIL = "<script>alert('x')</script>&\""


def parsed(text):
    text = text.replace("class=number", "class='number'")  # HTML, not XML
    return ElementTree.fromstring(f"<all>{text}</all>")  # noqa: S314


@pytest.mark.parametrize(
    "text",
    [
        html.cards([html.Number(EVIL, EVIL, EVIL, "better")]),
        html.title(EVIL, EVIL),
        html.note(EVIL, bad=True),
        html.bullets([EVIL]),
        html.table([EVIL, EVIL], [[EVIL, EVIL]]),
    ],
)
def test_texts_are_escaped_and_shown_as_they_are(text):
    tree = parsed(text)
    assert EVIL in [element.text for element in tree.iter()]
    assert not list(tree.iter("script"))


def test_cards():
    tree = parsed(html.cards([html.Number("SQNR", "12.0 dB", "good", "better"), html.Number("Size", "3 kB")]))
    assert [element.text for element in tree.iter("dt")] == ["SQNR", "Size"]
    assert [element.text for element in tree.iter("dd")] == ["12.0 dB", "3 kB"]
    assert [element.get("class").split() for element in tree.iter("div")][1:] == [["aside", "better"], ["aside"]]


def test_note_is_loud_if_it_is_bad():
    assert parsed(html.note("a")).find("p").get("class") == "note"
    assert parsed(html.note("a", bad=True)).find("p").get("class") == "note bad"


def test_table_numbers_are_set_right():
    tree = parsed(html.table(["Engine", "Median"], [["ours", "1 ms"], ["theirs", "2 ms"]]))
    assert [cell.get("class") for cell in tree.iter("td")] == [None, "number"] * 2
    assert [row[0].text for row in tree.find(".//tbody")] == ["ours", "theirs"]


def test_block_brings_its_style():
    block = html.block("name-of-it", "text")
    assert (block.name, block.text) == ("name-of-it", "text")
    assert block.stylesheets[0].css == html.SHEET
    assert ".cards" in html.SHEET


def test_a_legend_shows_each_colour_before_its_words():
    text = html.legend(("float", "left <in> float"), ("quant", "quantized"))
    assert text.index("var(--float)") < text.index("left &lt;in&gt; float") < text.index("var(--quant)")
    assert text.endswith("quantized</span></p>")

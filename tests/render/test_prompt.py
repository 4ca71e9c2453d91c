"""Two continuations of a text as HTML."""

from playground.render.prompt import likely_table, side_by_side, visible


def test_what_was_added_is_marked_and_all_is_escaped():
    text = side_by_side("a < b ", "& c", "& c")
    assert text.count("a &lt; b") == 2
    assert '<mark class="float">&amp; c</mark>' in text
    assert '<mark class="quant">&amp; c</mark>' in text
    assert "… " + "x" * 80 + "<mark" in side_by_side("y" + "x" * 80, "z", "z")


def test_the_first_character_that_differs_is_marked_in_both():
    text = side_by_side("", "the <a", "the >b")
    assert text.count('class="parts"') == 2
    assert all(part in text for part in ("the <b", ">&lt;</b>a", ">&gt;</b>b"))


def test_while_one_is_ahead_nothing_differs_yet():
    assert 'class="parts"' not in side_by_side("", "th", "th")


def test_characters_that_cannot_be_seen_have_names():
    assert (visible(" "), visible("\n"), visible("<")) == ("␣ space", "↵ new line", "<")


def test_both_models_characters_stand_side_by_side():
    table = likely_table([("a", 0.5), (" ", 0.25)], [("b", 0.75), ("a", 0.125)])
    rows = table.split("<tr>")[2:]
    assert all(part in rows[0] for part in (">a<", "50.0", ">b<", "75.0"))
    assert all(part in rows[1] for part in ("␣ space", "25.0", ">a<", "12.5"))

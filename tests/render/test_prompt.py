"""Two continuations of a text as HTML."""

from playground.render.prompt import continued, likely_table, visible


def test_what_was_added_is_marked_and_all_is_escaped():
    text = continued("Float:", "a < b ", "& c", "float")
    assert "a &lt; b" in text
    assert '<mark class="float">&amp; c</mark>' in text
    assert "… " + "x" * 80 + "<mark" in continued("Float:", "y" + "x" * 80, "z", "quant")


def test_characters_that_cannot_be_seen_have_names():
    assert (visible(" "), visible("\n"), visible("<")) == ("␣ space", "↵ new line", "<")


def test_both_models_characters_stand_side_by_side():
    table = likely_table([("a", 0.5), (" ", 0.25)], [("b", 0.75), ("a", 0.125)])
    rows = table.split("<tr>")[2:]
    assert all(part in rows[0] for part in (">a<", "50.0", ">b<", "75.0"))
    assert all(part in rows[1] for part in ("␣ space", "25.0", ">a<", "12.5"))

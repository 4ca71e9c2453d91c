"""The file comes first and its tensors second; a file that has grown is told so, and not in green."""

import pytest

from playground.render.file_told import after_number, before_number, file_told


def report(before, after, tensors=(1000, 250)):
    names = ("file_bytes_before", "file_bytes", "bytes_before", "bytes_after")
    return dict(zip(names, (before, after, *tensors), strict=True))


@pytest.mark.parametrize(
    ("sizes", "sentence", "remark", "tone"),
    [
        (
            report(4000, 2000),
            "The file is 2.00 times smaller (4.00 kB before, 2.00 kB now); its tensors are 4.00 times smaller.",
            "file ÷\N{NO-BREAK SPACE}2.00; its tensors ÷\N{NO-BREAK SPACE}4.00",
            "better",
        ),
        (
            report(728, 2810),
            "The file is larger than before (728 B before, 2.81 kB now); its tensors are 4.00 times smaller.",
            "file × 3.86; its tensors ÷\N{NO-BREAK SPACE}4.00",
            "worse",
        ),
        (
            report(800, 800, (100, 200)),
            "The file is no smaller (800 B before, 800 B now); its tensors are 2.00 times larger.",
            "file ÷\N{NO-BREAK SPACE}1.00; its tensors ÷\N{NO-BREAK SPACE}0.500",
            "",
        ),
        (
            report(0, 800, (100, 100)),
            "The file has 800 B; its tensors are as large as before.",
            "file; its tensors ÷\N{NO-BREAK SPACE}1.00",
            "",
        ),
    ],
)
def test_sentence_and_card(sizes, sentence, remark, tone):
    assert file_told(sizes) == sentence
    assert (after_number(sizes).remark, after_number(sizes).tone) == (remark, tone)


def test_what_was_read():
    assert before_number(728, 500).value == "728 B"
    assert before_number(728, 500).remark == "file; its tensors 500 B"
    assert before_number(0, 500).value == "500 B"

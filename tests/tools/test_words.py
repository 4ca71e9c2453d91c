"""Old words are found in names and in prose; nothing else is."""

import pytest

from tools import words
from tools.steps import BuildError


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.py", "from playground.presets import x\n", "presets -> convention_rules"),
        ("a.py", "def quantize_work(): ...\n", "quantize_work -> quantize_task"),
        ("a.py", "planner.settle(1)\n", "settle -> resolve"),
        ("a.py", 'raise ValueError("0 is no scale")\n', "is no scale -> is not a valid"),
        ("a.mjs", "const text = `${n} tensor(s)`;\n", "tensor(s) -> the singular"),
        ("a.md", "It takes 12 KB.\n", "12 KB -> kB"),
    ],
)
def test_an_old_word_is_refused(tmp_path, name, text, found):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    with pytest.raises(BuildError) as error:
        words.check([path], tmp_path)
    assert found in str(error.value)
    assert f"{name}:1: " in str(error.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", 'work = "the work of others"\nresolved = run_sync(a_task)\n'),
        ("a.md", "There is no tensor. It takes 12 kB. The page settles.\n"),
        ("CHANGELOG.md", "presets became convention_rules; it took 12 KB\n"),
        ("a.bin", "12 KB"),
    ],
)
def test_other_words_pass(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    words.check([path], tmp_path)

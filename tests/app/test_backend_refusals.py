"""What the page's Python refuses: one sentence each, and nothing is lost."""

import pytest


def snapshot(page):
    """What the page would lose if a failure cost the state."""
    workspace = page.workspace
    return [workspace.settings, workspace.model, workspace.report, workspace.score, workspace.result, workspace.subject]


def same(before, page):
    return all(a is b for a, b in zip(before, snapshot(page), strict=True))


BAD_REQUESTS = [
    ("nothing", {}, "invalid_input"),
    ("", {}, "invalid_input"),
    ("view", {}, "invalid_input"),
    ("view", {"view": "lab"}, "invalid_input"),
    ("view", {"view": ["tensor"]}, "invalid_input"),
    ("patch", {}, "invalid_input"),
    ("patch", {"view": "tensor", "patch": {}}, "invalid_input"),
    ("set", {}, "invalid_input"),
    ("set", {"changes": "format"}, "invalid_input"),
    ("set", {"changes": {"self": 1}}, "invalid_input"),
    ("set", {"changes": {"format": None}}, "invalid_input"),
    ("set", {"changes": {"format": "int8", "tensor": "nothing"}}, "missing"),
    ("set", {"changes": {"model": "upload"}}, "missing"),
    ("load", {}, "invalid_input"),
    ("calibration", {}, "invalid_input"),
    ("run", {}, "invalid_input"),
    ("run", {"inputs": [1]}, "invalid_input"),
    ("run", {"inputs": {"image": [[1], [1, 2]]}}, "invalid_input"),
    ("run", {"inputs": {"image": "nine"}}, "invalid_input"),
    ("run", {"inputs": {"other": [1]}}, "invalid_input"),
    ("run", {"inputs": {"image": []}}, "invalid_input"),
    ("sample", {}, "invalid_input"),
    ("sample", {"index": "first"}, "invalid_input"),
    ("sample", {"pixels": [1, 2]}, "invalid_input"),
    ("sample", {"pixels": ["a"] * 64}, "invalid_input"),
    ("sample", {"pixels": [[1], 2]}, "invalid_input"),
]


@pytest.mark.parametrize(("kind", "content", "expected"), BAD_REQUESTS)
def test_bad_requests_are_refused_in_one_sentence_and_change_nothing(page, refused, kind, content, expected):
    before = snapshot(page)
    with pytest.raises(refused) as refusal:
        page.ask(kind, **content)
    assert refusal.value.kind == expected
    assert refusal.value.message
    assert same(before, page)
    assert page.set(format="int8")["format"] == "int8"


@pytest.mark.parametrize("text", ["", "{", "3", "[]", "null", '"set"'])
def test_bad_content(page, refused, text):
    with pytest.raises(refused):
        page.ask_text("state", text)
    assert page.ask("state")["model"] == "digits-mlp.onnx"


def test_what_nobody_foresaw_is_an_answer_too(page, refused, monkeypatch):
    monkeypatch.setattr("playground.app.exporting.exports", lambda workspace, models: 1 / 0)
    with pytest.raises(refused) as refusal:
        page.ask("export")
    assert (refusal.value.kind, refusal.value.message) == ("internal", "ZeroDivisionError: division by zero")
    monkeypatch.setattr(page.backend, "state", lambda: 1 / 0)
    with pytest.raises(refused, match="ZeroDivisionError"):
        page.ask("set", changes={"format": "int8"})


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize(
    ("kind", "remedy"), [("load", "Give the files of one model"), ("calibration", "Send exactly one file")]
)
def test_one_file_at_a_time(page, refused, files, kind, remedy, count):
    with pytest.raises(refused, match=remedy):
        page.ask(kind, [files.gallery_file()] * count)


@pytest.mark.parametrize("content", [b"", b"\x08", b"PK\x03\x04" + b"x" * 50, b"\xff" * 1000])
def test_a_bad_file_costs_nothing(page, refused, files, content):
    page.ask("load", [files.gallery_file()])
    before = snapshot(page)
    with pytest.raises(refused) as refusal:
        page.ask("load", [files.source(content, "broken.onnx")])
    assert refusal.value.kind == "bad_file"
    assert "broken.onnx" in refusal.value.message
    assert same(before, page)

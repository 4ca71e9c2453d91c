"""The open model beside a second file: what the page is told, and that the model stays the open one."""

import json

import numpy as np
import pytest

from playground import gallery
from playground.cli import main
from tests.hostile.make_gguf import gguf, info

RNG = np.random.default_rng(7)
W = RNG.normal(0, 1, (8, 32)).astype(np.float32)
V = RNG.normal(0, 2, (4, 8)).astype(np.float32)


def q8(values):
    """Values in blocks of Q8_0."""
    blocks = values.reshape(-1, 32)
    scales = (np.abs(blocks).max(axis=1, keepdims=True) / 127).astype("<f2")
    codes = np.rint(blocks / scales.astype(np.float32)).astype(np.int8)
    return np.concatenate([scales.view(np.uint8), codes.view(np.uint8)], axis=1).tobytes()


@pytest.fixture
def opened(page, files):
    """A page with an .npz of four tensors."""
    page.ask("load", [files.npz("a.npz", **{"m.w": W, "m.v": V, "gone": V, "turned": V})])
    return page


def second(files):
    return files.npz("b.npz", w=W + np.float32(0.01), v=V.astype(np.float16), new=V, turned=V.T.copy())


def test_the_comparison_is_that_of_the_command_line(page, files, capsys, tmp_path):
    np.savez(tmp_path / "a.npz", **{"w": W, "v": V, "only": V})
    (tmp_path / "b.gguf").write_bytes(gguf([], [info("w", W.shape, 8, 0)], q8(W)))
    page.ask("load", [files.source((tmp_path / "a.npz").read_bytes(), "a.npz")])
    found = page.ask("compare", [files.source((tmp_path / "b.gguf").read_bytes(), "b.gguf")], second="file")
    assert main(["compare", str(tmp_path / "a.npz"), str(tmp_path / "b.gguf"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    for side in "ab":
        assert told[side].pop("file").endswith(found["comparison"][side].pop("file"))
    assert found["comparison"] == told
    assert found["picture"]["name"] == "w"
    for counts in found["picture"]["histograms"]["counts"]:
        assert sum(counts) == W.size
    assert "1 tensor matches by name and shape; w differs most (SQNR " in found["sentence"]
    assert "2 tensors only in A" in found["sentence"]


def test_names_that_differ(opened, files):
    found = opened.ask("compare", [second(files)], second="file")
    assert [pair["name"] for pair in found["comparison"]["pairs"]] == []
    assert [entry["name"] for entry in found["comparison"]["other_shapes"]] == ["turned"]
    renamed = opened.ask("compare", second="again", rename="^x=y\n\n^m\\.=\n")
    assert [pair["other"] for pair in renamed["comparison"]["pairs"]] == ["w", "v"]
    assert (renamed["comparison"]["missing"], renamed["comparison"]["added"]) == (["gone"], ["new"])
    assert renamed["picture"]["sentence"].startswith("m.w beside w: float32 → float32, 1.02 kB → 1.02 kB; SQNR 39")
    assert opened.ask("compared_tensor", name="m.v")["sentence"].startswith("m.v beside v: float32 → float16")


def test_without_a_name_in_common_both_files_names_are_told(opened, files):
    found = opened.ask("compare", [files.npz("b.npz", other=W)], second="file")
    assert found["picture"] is None
    assert found["sentence"].startswith("No tensor of a.npz has the name of one in b.npz: A has ")
    assert found["comparison"]["added"] == ["other"]
    assert opened.ask("state")["beside"] == "current"


def test_a_pattern_is_proposed_where_few_names_match(opened, files):
    found = opened.ask("compare", [second(files)], second="file")
    assert found["comparison"]["proposal"] == ["^m\\.="]
    again = opened.ask("compare", second="again", rename="\n".join(found["comparison"]["proposal"]))
    assert [pair["other"] for pair in again["comparison"]["pairs"]] == ["w", "v"]
    assert again["comparison"]["proposal"] == []
    found = opened.ask("compare", [files.npz("b.npz", **{"other.w": W, "other.v": V})], second="file")
    assert found["sentence"].endswith(". Below is how they match.")


@pytest.mark.parametrize(
    ("rename", "message"), [("x", "is not REGEX=REPLACEMENT"), ("(=x", "is not a regular expression")]
)
def test_a_wrong_pattern_is_refused_and_the_comparison_stays(opened, files, refused, rename, message):
    opened.ask("compare", [second(files)], second="file", rename="^m\\.=")
    before = opened.workspace.beside
    with pytest.raises(refused, match=message) as error:
        opened.ask("compare", second="again", rename=rename)
    assert error.value.kind == "invalid_input"
    assert opened.workspace.beside is before


@pytest.mark.parametrize("content", [b"", b"not a model", gallery.model_bytes("digits-mlp")[:5000]])
def test_a_bad_second_file_is_refused_as_a_first_one_is(opened, files, refused, content):
    opened.ask("compare", [second(files)], second="file", rename="^m\\.=")
    model, before = opened.workspace.model, opened.workspace.beside
    messages = []
    for ask in (
        lambda bad: opened.ask("compare", [bad], second="file"),
        lambda bad: opened.ask("load", [bad]),
    ):
        with pytest.raises(refused) as error:
            ask(files.source(content, "bad.onnx"))
        messages.append(error.value.message)
    assert messages[0] == messages[1]
    assert opened.workspace.model is model
    assert opened.workspace.beside is before


def test_a_tensor_that_cannot_be_compared_says_why(page, files):
    broken = W.copy()
    broken[0, 0] = np.nan
    page.ask("load", [files.npz("a.npz", w=W, v=V)])
    found = page.ask("compare", [files.npz("b.npz", w=broken, v=V)], second="file")
    assert found["sentence"].startswith("2 tensors match by name and shape, 1 could not be compared; the others have")
    assert found["picture"]["name"] == "v"
    told = page.ask("compared_tensor", name="w")
    assert told["histograms"] is None
    assert "was not compared: " in told["sentence"]
    assert "NaN" in told["sentence"]


def test_the_second_file_is_no_step_and_in_no_link(opened, files):
    before = opened.ask("state")
    opened.ask("compare", [second(files)], second="file", rename="^m\\.=")
    after = opened.ask("state")
    assert after == {**before, "beside": "current"}


def test_another_model_and_closing_end_the_comparison(opened, files, refused):
    opened.ask("compare", [second(files)], second="file", rename="^m\\.=")
    opened.ask("end_comparison")
    assert opened.ask("state")["beside"] == ""
    with pytest.raises(refused, match="no files are compared"):
        opened.ask("compared_tensor", name="m.w")
    with pytest.raises(refused, match="the second file is no longer open"):
        opened.ask("compare", second="again")
    opened.ask("compare", [second(files)], second="file", rename="^m\\.=")
    opened.set(model="digits-mlp")
    assert opened.ask("state")["beside"] == ""


@pytest.mark.parametrize(
    ("weights", "changes"),
    [("int8", {}), ("nf4", {"runtime": "npz"}), ("q8_0", {"runtime": "gguf", "partial": True})],
)
def test_before_and_after_of_tensors_alone(opened, refused, weights, changes):
    with pytest.raises(refused, match="no model has been quantized"):
        opened.ask("compare", second="quantized")
    opened.set(weights=weights, **changes)
    report = opened.ask("quantize")["report"]
    found = opened.ask("compare", second="quantized")
    told = {entry["name"]: entry["sqnr_db"] for entry in report["tensors"]}
    pairs = {pair["name"]: pair for pair in found["comparison"]["pairs"]}
    assert set(pairs) == {"m.w", "m.v", "gone", "turned"}
    for name, quality in told.items():
        assert pairs[name]["sqnr_db"] == pytest.approx(quality)
        assert pairs[name]["dtypes"] == ["float32", weights]
    assert found["comparison"]["b"]["bytes"] == report["file_bytes"]


def test_before_and_after_of_a_graph_and_after_a_change(page):
    report = page.ask("quantize")["report"]
    found = page.ask("compare", second="quantized")
    told = {entry["name"]: entry["sqnr_db"] for entry in report["tensors"]}
    pairs = {pair["name"]: pair["sqnr_db"] for pair in found["comparison"]["pairs"]}
    assert {name: pairs[name] for name in told} == pytest.approx(told)
    assert found["comparison"]["a"]["bytes"] == len(gallery.model_bytes("digits-mlp"))
    assert page.ask("state")["beside"] == "current"
    page.set(weights="int4")
    assert page.ask("state")["beside"] == "earlier"


def test_before_and_after_of_a_file_of_another_kind(page):
    page.set(runtime="tflite")
    report = page.ask("quantize")["report"]
    found = page.ask("compare", second="quantized")
    assert found["comparison"]["b"]["file"] == "digits-mlp-int8.tflite"
    pairs = {pair["name"]: pair["sqnr_db"] for pair in found["comparison"]["pairs"]}
    told = {entry["name"]: entry["sqnr_db"] for entry in report["tensors"]}
    assert {name: pairs[name] for name in told} == pytest.approx(told)


def test_progress_names_tensors_and_a_cancel_changes_nothing(opened, files, refused):
    opened.port.on_message = lambda message: (
        opened.backend.jobs.cancel(message["id"]) if message["kind"] == "progress" else None
    )
    with pytest.raises(refused) as error:
        opened.ask("compare", [second(files)], second="file", rename="^m\\.=")
    assert error.value.kind == "cancelled"
    assert opened.said("progress")[0]["message"] == "Comparing m.w"
    assert opened.workspace.beside is None


def test_nothing_to_compare_with(opened, refused):
    with pytest.raises(refused, match="second: 'third' is nothing to compare with"):
        opened.ask("compare", second="third")
    with pytest.raises(refused, match="no files are given"):
        opened.ask("compare", second="file")


def test_only_ranges_of_the_second_file_are_read(opened):
    """A file with a large tensor that has no counterpart: its values are not touched."""
    header = {"m.w": {"dtype": "F32", "shape": [8, 32], "data_offsets": [0, 1024]}}
    header["large"] = {"dtype": "F32", "shape": [1 << 20, 1 << 10], "data_offsets": [1024, 1024 + (1 << 32)]}
    text = json.dumps(header).encode()
    head = len(text).to_bytes(8, "little") + text

    class Large:
        """A safetensors file of 4 GB, of which the first kilobytes are there."""

        name, size, most = "large.safetensors", len(head) + 1024 + (1 << 32), 0

        def read(self, offset, size):
            self.most = max(self.most, offset + size)
            return (head + W.tobytes())[offset : offset + size]

    large = Large()
    found = opened.ask("compare", [large], second="file")
    assert [pair["max_error"] for pair in found["comparison"]["pairs"]] == [0]
    assert found["comparison"]["added"] == ["large"]
    assert large.most <= len(head) + 1024

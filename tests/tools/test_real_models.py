"""Real models: what is fetched, what is measured, and how it is told."""

import json
import math
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tools.real_models import __main__ as command
from tools.real_models import table, wheels
from tools.real_models.catalogue import CALIBRATION, HELD_OUT, MODELS
from tools.real_models.comparing import Data, fidelity, largest_difference, run_file
from tools.real_models.results import Form, Measured, said
from tools.real_models.samples import audio, files, images, text_lines
from tools.real_models.tool import FORMS, NOTHING, best_of_tool
from tools.steps import BuildError


def test_each_package_is_pinned_and_used():
    assert wheels.pins().keys() == wheels.MEGABYTES.keys() == {model.package for model in MODELS.values()}
    assert all("--hash=sha256:" in lines for _, lines in wheels.pins().values())
    assert set(wheels.SMALL) == {model.package for model in MODELS.values() if model.small}


@pytest.fixture
def wheel(tmp_path):
    def make(*names):
        path = tmp_path / "some-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as content:
            for name in names:
                content.writestr(name, name)
        return path

    return make


def test_models_of_one_name_in_two_folders_are_both_kept(wheel, tmp_path):
    wheels._unpack(wheel("p/one/a.onnx", "p/two/a.onnx", "p/code.py"), tmp_path / "models")
    found = {str(path.relative_to(tmp_path / "models")): path.read_text() for path in tmp_path.rglob("*.onnx")}
    assert found == {"one/a.onnx": "p/one/a.onnx", "two/a.onnx": "p/two/a.onnx"}


def test_a_wheel_without_models_is_an_error(wheel, tmp_path):
    with pytest.raises(BuildError, match=r"holds no \.onnx file\. Correct requirements/models\.in"):
        wheels._unpack(wheel("p/code.py"), tmp_path / "models")


def test_fidelity_is_over_all_feeds_and_whole_numbers_count():
    exact = [{"y": np.float32([3, 4]), "i": np.array([1, 2])}, {"y": np.float32([0, 5]), "i": np.array([3])}]
    found = [{"y": np.float32([3, 4.5]), "i": np.array([1, 2])}, {"y": np.float32([0.5, 5]), "i": np.array([3, 3])}]
    assert fidelity(exact, found) == {"y": pytest.approx(10 * math.log10(50 / 0.5)), "i": 0.5}
    assert fidelity(exact, exact) == {"y": math.inf, "i": 1.0}
    assert fidelity(exact, [{**feed, "y": feed["y"] * np.nan} for feed in exact])["y"] == -math.inf


def test_the_largest_difference_is_relative_to_the_output():
    exact = [{"y": np.float32([10, -20]), "z": np.float32(0.5)}]
    assert largest_difference(exact, [{"y": np.float32([10, -19]), "z": np.float32(0.5)}]) == pytest.approx(0.05)
    assert largest_difference(exact, [{"y": np.float32([10, -20]), "z": np.float32(0.4)}]) == pytest.approx(0.2)
    assert largest_difference(exact, [{"y": np.float32([[10, -20]]), "z": np.float32(0.5)}]) == math.inf


MAKERS = {
    "lines": (text_lines.turned_lines("x", 96, 48, 2), (2, 3, 48, 96), -1, 1),
    "pages": (text_lines.pages("x", 96), (1, 3, 96, 96), -1, 1),
    "grey": (text_lines.grey_words("x", 64), None, -1, 1),
    "pictures": (images.pictures("x", 64, 255), (1, 3, 64, 64), 0, 1),
    "files": (files.packages("x", 3), (3, 2048), 0, 256),
    "signals": (audio.signals("x", 0.5), (1, 8000), -1, 1),
    "melodies": (audio.melodies("x", 5000, 22050), (1, 5000, 1), -1, 1),
    "levels": (audio.levels("x", 900, 120, 320), (1, 900, 120), -1, 1),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_samples_are_the_same_in_every_run_and_held_out_ones_are_others(kind, tmp_path):
    make, shape, low, high = MAKERS[kind]
    feeds = make(2, CALIBRATION, tmp_path)
    assert [(feed["x"] == again["x"]).all() for feed, again in zip(feeds, make(2, CALIBRATION, tmp_path), strict=True)]
    others = make(2, HELD_OUT, tmp_path)
    arrays = [feed["x"] for feed in feeds + others]
    assert len({array.tobytes() for array in arrays}) == 4
    for array in arrays:
        assert array.shape == (shape or array.shape)
        assert low <= array.min() < array.max() <= high


def row(name="p/a", static=30.0, tool=25.0, **changed):
    ours = {form: Form(file_bytes=1000, quantized=3, skipped=1, sqnr_db={"y": static}) for form in table.WORDS}
    theirs = {form: Form(file_bytes=1100, sqnr_db={"y": tool}) for form in FORMS}
    made = Measured(name, "a model", 4000, 12, "", 17, 1234, 56789, ours=ours, theirs=theirs)
    for key, value in changed.items():
        setattr(made, key, value)
    return made


def test_a_row_has_ours_beside_the_tools():
    lines = table.fidelity_table([row()]).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        *("p/a: a model", "12 → 17", "1\u202f234", "56\u202f789"),
        *("30.0 dB", "25.0 dB", "30.0 dB", "25.0 dB", "30.0 dB"),
    ]


def test_a_refusal_stands_in_its_table_and_nowhere_as_a_number():
    refused = row(ours={form: Form("UnsupportedError: no Foo") for form in table.WORDS})
    assert table.fidelity_table([refused]).splitlines()[2].count("none") == 3
    assert table.refusals_table([refused]).count("UnsupportedError: no Foo") == 3
    assert table.refusals_table([row()]) == "None.\n"
    assert table.means([refused], "static") == (0.0, 0.0, 0)
    assert table.is_behind(refused, "static")


def test_a_file_of_the_tool_without_codes_is_no_rival(tmp_path):
    node = helper.make_node("Sin", ["x"], ["y"])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy")
    opset = [helper.make_opsetid("", 17)]
    path = tmp_path / "sine.onnx"
    onnx.save(helper.make_model(helper.make_graph([node], "g", [x], [y]), opset_imports=opset, ir_version=8), path)
    feeds = [{"x": np.float32([0.5, 1])}]
    found = best_of_tool(path, "dynamic", Data(feeds, feeds, run_file(path, feeds)))
    assert (found.error, found.first) == (NOTHING, math.inf)
    assert not table.is_behind(row(theirs={"static": found, "dynamic": found}), "dynamic")


def test_what_is_exact_counts_as_much_as_80_db():
    rows = [row(static=math.inf, tool=100.0), row(static=20.0, tool=30.0)]
    assert table.means(rows, "static") == (50.0, 55.0, 2)
    assert [table.is_behind(each, "static") for each in rows] == [False, True]
    assert not table.is_behind(row(static=29.1, tool=30.0), "dynamic")
    assert not table.is_behind(row(static=29.1, tool=30.0), "weight_only")


def test_tables_are_written_where_the_document_has_them():
    text = "Before\n<!-- measured: summary -->\nold\n<!-- end -->\nafter\n"
    written = table.with_measured(text, [row()])
    assert written.startswith("Before\n<!-- measured: summary -->\n\n| form |")
    assert written.endswith("\n<!-- end -->\nafter\n")
    assert table.with_measured(written, [row()]) == written


def test_the_document_has_every_table_and_every_model():
    text = table.DOCUMENT.read_text("utf-8")
    assert [name for name in table._TABLES if f"<!-- measured: {name} -->" not in text] == []
    assert [name for name in MODELS if f"| {name}: " not in text] == []


def test_an_unknown_name_is_one_line(capsys):
    assert command.main(["--only", "nothing-like-it"]) == 1
    assert "--only nothing-like-it: no model is called so. There are rapidocr" in capsys.readouterr().err


def test_json_holds_all_that_was_measured(monkeypatch, capsys):
    monkeypatch.setattr(command.wheels, "fetch", list)
    monkeypatch.setattr(command.measures, "measure", lambda model: row(model.id))
    assert command.main(["--only", "rapidocr", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [each["id"] for each in rows] == [name for name in MODELS if name.startswith("rapidocr")]
    assert rows[0]["ours"]["static"]["sqnr_db"] == {"y": 30.0}


def test_of_what_an_error_says_the_first_line_is_told():
    assert said(ValueError("one\ntwo")) == "ValueError: one"
    assert said(ValueError()) == "ValueError: "

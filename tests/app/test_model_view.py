"""The Model view: the recipe's controls, the inventory and the report."""

import numpy as np
import pytest

from playground import gallery
from playground.analysis.inventory import inventory
from playground.app.document import build_document
from playground.app.model_jobs import ModelJobs
from playground.app.model_view import ModelView
from playground.host.sources import BytesSource
from playground.tasks import run_sync
from playground.units import size
from tests.hostile.make_gguf import TEXT, entry, gguf, info


@pytest.fixture
def view(workspace):
    return ModelView(workspace)


@pytest.mark.parametrize(
    ("widget", "value"),
    [("weights", "int4"), ("weights_granularity", "tensor"), ("activations", "weight_only"), ("exclude", "fc1*")],
)
def test_controls_are_settings(view, workspace, widget, value):
    view.widgets[widget].value = value
    assert getattr(workspace.settings, widget) == value
    workspace.reset()
    assert view.widgets[widget].value == getattr(workspace.settings, widget)


def test_a_refused_move_is_taken_back_and_said(view, workspace):
    view.widgets["exclude"].value = "x" * 2000
    assert workspace.problem
    assert view.widgets["exclude"].value == ""


def test_inventory_and_search(view, workspace):
    expected = gallery.open_model("digits-mlp").tensors
    assert view.source.data["name"] == list(expected)
    assert view.source.data["bytes"] == [tensor.nbytes for tensor in expected.values()]
    view.search.value_input = "FC1"
    assert view.source.data["name"] == [name for name in expected if "fc1" in name]


def test_the_search_finds_the_operator_that_reads_a_tensor_and_ends_with_the_model(view, workspace):
    rows = inventory(workspace.model)
    node = rows[0].node
    assert node
    view.search.value_input = node.upper()
    assert view.source.data["name"] == [row.name for row in rows if node.lower() in f"{row.name} {row.node}".lower()]
    workspace.change(model="digits-convnet")
    assert view.search.value_input == ""
    assert len(view.source.data["name"]) == len(inventory(workspace.model))


def test_the_page_gets_the_rows_with_the_document(view):
    document = build_document("model", view.roots())
    assert document.get_model_by_name("inventory") is view.source


def test_the_report_stands_beside_the_inventory_and_is_marked_when_the_recipe_changes(view, workspace):
    workspace.change(exclude="fc3.weight")
    result = run_sync(ModelJobs(workspace).quantize_task())
    data = {name: dict(zip(view.source.data["name"], column, strict=True)) for name, column in view.source.data.items()}
    for tensor in result.report.tensors:
        assert data["sqnr"][tensor.name] == tensor.sqnr_db
        assert data["after"][tensor.name] == tensor.bytes_after
        assert data["format"][tensor.name] == "int8, channel"
    assert data["format"]["fc3.weight"] == "skipped"
    assert np.isnan(data["sqnr"]["fc3.weight"])
    assert "fc3.weight: " in view.report.text
    assert ">Accuracy<" in view.numbers.text
    assert f"<dd>{size(result.report.file_bytes)}<" in view.numbers.text
    assert f"<dd>{size(result.report.file_bytes_before)}<" in view.numbers.text
    assert "before the last change" not in view.heading.text + view.numbers.text
    workspace.change(exclude="")
    assert "int8, channel" in view.source.data["format"]
    assert "before the last change" in view.heading.text
    assert "before the last change" in view.numbers.text


def test_a_slider_step_elsewhere_does_not_send_the_table_again(view, workspace):
    data, numbers = view.source.data, []
    view.numbers.on_change("text", lambda attr, old, new: numbers.append(new))
    workspace.change(format="int8", lo=-0.5)
    assert view.source.data is data
    assert numbers == []


def test_names_of_a_file_are_not_markup(view, workspace, files):
    workspace.open(files.npz("<img src=x>.npz", **{"<b>w</b>": np.ones(3)}))
    assert "<img" not in view.heading.text
    assert view.source.data["name"] == ["<b>w</b>"]


def test_what_the_file_says_besides_its_tensors_is_shown(view, workspace):
    entries = [entry("general.name", TEXT, "<b>a model"), entry("split.count", 2, 3), entry("split.no", 2, 0)]
    data = gguf(entries, [info("w", (2, 32), 8, 0)], bytes(68))
    workspace.open(BytesSource(data, "m-00001-of-00003.gguf"))
    text = view.numbers.text
    assert "<li>The model is split into 3 files, of which 2 are missing (m-00002-of-00003.gguf" in text
    assert "<summary>Metadata of the file, 3 entries</summary>" in text
    assert "<td>&lt;b&gt;a model</td>" in text

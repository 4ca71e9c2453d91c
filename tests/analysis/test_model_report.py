"""The report as plain data."""

import json

from playground import __version__
from playground.analysis.model_report import model_report, versions
from playground.analysis.sensitivity import sensitivity
from playground.host.page import plain
from playground.model.graph import Model
from playground.model.recipe import Recipe
from playground.ptq.pipeline import QuantizedModel


def test_json_holds_everything(net: Model, net_data: dict, net_quantized: QuantizedModel) -> None:
    found = sensitivity(net.graph, net_quantized.quantization, net_data)
    report = model_report(net_quantized, data="noise", sensitivity=found)
    data = json.loads(json.dumps(plain(report.as_dict()), allow_nan=False))
    assert data["version"] == 1
    assert data["data"] == "noise"
    assert [r["layer"]["node"] for r in data["sensitivity"]["layers"]] == [
        "conv1",
        "conv2",
        "add",
        "fc",
        "softmax",
    ]
    assert data["sensitivity"]["original"]["sqnr_db"] is None  # infinite
    assert Recipe.from_dict(data["quantization"]["recipe"]).weights.format == "int4"
    assert data["mixed_precision"] is None
    assert data["versions"]["playground"] == __version__


def test_versions_are_those_installed() -> None:
    import numpy

    assert versions()["numpy"] == numpy.__version__

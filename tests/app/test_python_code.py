"""The code that the Export view shows really runs, and gives the numbers that the Tensor view shows."""

import numpy as np
import pytest

from playground.app.python_code import python_code


def run(code, folder, monkeypatch):
    monkeypatch.chdir(folder)
    names = {}
    exec(compile(code, "shown", "exec"), names)  # noqa: S102
    return names["playground"].compare(names["x"], names["q"].dequantize()), names["q"]


CHANGES = [
    {},
    {"format": "uint4", "narrow_range": True},
    {"symmetric": True, "convention": "pytorch"},
    {"calibrator": "percentile", "percentile": 98.5},
    {"lo": -0.123456789, "hi": 0.25},
    {"hi": 0.25},
    {"lo": 0.5, "hi": -0.25},
    {"zero_point": 2},
    {"symmetric": True, "zero_point": 2},
    {"granularity": "channel"},
    {"granularity": "channel", "axis": 9},
    {"granularity": "channel", "axis": -7, "zero_point": -3},
    {"granularity": "channel", "axis": 1, "lo": -0.1},
    {"granularity": "channel", "hi": -0.1, "lo": 0.2},
    {"granularity": "channel", "symmetric": True, "lo": -0.1, "hi": 0.1, "calibrator": "percentile"},
    {"model": "digits-convnet", "granularity": "channel", "format": "int8"},
    {"format": "nf4", "granularity": "block", "block_size": 64},
    {"format": "fp8_e4m3", "granularity": "token", "hi": 0.25},
    {"format": "fp16"},
    {"format": "q4_k", "lo": -0.5, "hi": 0.25},
    {"format": "mxfp4", "granularity": "channel"},
    {"format": "kmeans3", "hi": 0.3},
    {"format": "nvfp4", "hi": 0.3},
]


@pytest.mark.parametrize("changes", CHANGES)
def test_same_numbers(workspace, tmp_path, monkeypatch, changes):
    workspace.change(**changes)
    report = workspace.report
    metrics, q = run(python_code(workspace), tmp_path, monkeypatch)
    assert metrics == report.metrics
    assert q.bits_per_weight == report.bits_per_weight
    shown = report.shown_channel or 0
    assert q.qparams.scale_values.reshape(-1)[shown] == np.float32(report.scale)
    assert q.qparams.zero_point.reshape(-1)[shown] == report.zero_point


def test_an_upload_of_odd_names(workspace, files, tmp_path, monkeypatch):
    name = "w'\"\\ é\x1f{}/%"
    file = files.npz("it's {mine}.npz", **{name: np.linspace(-1, 2, 24, dtype=np.float16).reshape(2, 3, 4)})
    workspace.open(file)
    (tmp_path / file.name).write_bytes(file.read(0, file.size))
    workspace.change(granularity="channel", axis=2, hi=1.0)
    metrics, _ = run(python_code(workspace), tmp_path, monkeypatch)
    assert metrics == workspace.report.metrics

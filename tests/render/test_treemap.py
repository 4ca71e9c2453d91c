"""The treemap of a file's bytes: areas in proportion, none over another, and nothing as markup."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest

from playground import gallery
from playground.analysis.report_json import report_data
from playground.ptq.pipeline import quantize_model
from playground.render.treemap import MOST, areas_of, boxes, treemap


@pytest.mark.parametrize(
    "sizes", [[1], [5, 5], [6, 6, 4, 3, 2, 2, 1], [1000, 1, 1], list(range(60, 0, -1)), [7] * 40 + [100]]
)
def test_areas_fill_the_whole_in_proportion(sizes: list[int]) -> None:
    found = list(boxes(sizes))
    np.testing.assert_allclose([w * h for _, _, w, h in found], np.array(sizes) / sum(sizes), rtol=1e-9)
    for left, top, width, height in found:
        assert min(left, top) > -1e-9
        assert max(left + width, top + height) < 1 + 1e-9
    for one, other in combinations(found, 2):
        across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
        down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
        assert min(across, down) < 1e-9


def test_areas_are_near_squares() -> None:
    """Of a box four times as wide as high."""
    ratios = [4 * width / height for _, _, width, height in boxes([6, 6, 4, 3, 2, 2, 1])]
    assert max(max(ratio, 1 / ratio) for ratio in ratios) < 5


def test_all_bytes_of_a_file_are_there() -> None:
    made = quantize_model(gallery.open_model("moby-dick-transformer"), activations="weight_only", verify=False)
    report = report_data(made)
    areas = areas_of(report)
    assert sum(area.nbytes for area in areas) == len(made.onnx)
    assert len(areas) <= MOST + 2
    assert {area.css for area in areas} == {"quant", "float", "rest"}
    assert areas[-1].name == "names, operators, metadata"
    assert len(re.findall("<span", treemap(report))) == len(areas)


def test_names_are_no_markup() -> None:
    report = {"tensors": [], "kept": {"<img src=x>\"'": 10}, "file_bytes": 30}
    text = treemap(report)
    assert "<img" not in text
    assert '"\'"' not in text
    assert "names, operators, metadata, 20 B, 66.7 %" in text.replace("\u202f", " ").replace("\u00a0", " ")

"""Every convention says whose it is, and no two are the same."""

import dataclasses
from urllib.parse import urlsplit

import pytest

import playground
from playground.rounding import ROUNDINGS

CONVENTIONS = playground.conventions()
PROMISED = {
    "onnxruntime",
    "pytorch",
    "pytorch_fake",
    "tflite",
    "keras",
    "qwix",
    "bitsandbytes",
    "ggml",
    "onnx_spec",
    "torchao_mx",
}


def test_the_promised_conventions_exist() -> None:
    assert set(CONVENTIONS) >= PROMISED


@pytest.mark.parametrize("name", CONVENTIONS)
def test_each_names_its_source_with_a_version_and_an_address(name: str) -> None:
    convention = CONVENTIONS[name]
    assert convention.title
    assert any(character.isdigit() for character in convention.source)
    assert urlsplit(convention.url).scheme == "https"


def test_no_two_conventions_follow_the_same_rules() -> None:
    rules = [dataclasses.replace(c, id="x", title="", source="", url="") for c in CONVENTIONS.values()]
    assert all(a != b for i, a in enumerate(rules) for b in rules[:i])


@pytest.mark.parametrize("name", CONVENTIONS)
def test_what_they_name_exists(name: str) -> None:
    convention, formats = CONVENTIONS[name], playground.formats()
    assert convention.rounding in ROUNDINGS
    assert {*convention.symmetric_narrow_formats, *convention.block_scale_formats} <= set(formats)
    for fmt, zero_point in convention.symmetric_zero_points.items():
        assert formats[fmt].qmin <= zero_point <= formats[fmt].qmax

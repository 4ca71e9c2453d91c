"""What the unit tests under Node hold the page's JavaScript against: the package's own answers, as JSON has them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from playground.app.fast_path import fast_path_tag, subject_content
from playground.app.tensor_view import SEPARATOR
from playground.app.workspace import Workspace
from playground.host.page import plain
from playground.render import numbers
from playground.settings import FIELDS, Settings, from_query, schema
from playground.tensor_view.content import picture_content
from tests.hostile.formats import FORMATS

TIES = [0.5, 1.5, 2.5, 2.0**-13, 1.220703125e-4, 123456788.5, 123456789.5]
"""Halves of the ninth digit among them, which a setting rounds to even."""
CARRIES = [999.6, 9.996, 99.95, 999.9999999999999, 9.995e-5, 999.4999, 9.995]
SIZES = [1234.5, 1e7, 123456789.0, 1e-5, 0.000123456, 3.4e38, 1.2e-38, 1 / 3, 2e22, 5e-324, 999.6e6]

TENSORS: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("digits-mlp", "fc2.weight"): [
        {},
        {"format": "int8", "symmetric": True},
        {"format": "uint2"},
        {"format": "int4", "symmetric": True, "narrow_range": True},
        {"format": "uint8", "lo": -0.1, "hi": 0.25},
        {"format": "uint4", "zero_point": 3},
        {"format": "uint5", "symmetric": True, "convention": "pytorch"},
        {"format": "int6", "zoom": True},
        {"format": "int3", "granularity": "channel", "axis": 0},
        {"format": "int8", "granularity": "channel", "axis": 1, "symmetric": True, "convention": "pytorch"},
        {"format": "uint7", "granularity": "channel", "axis": -1, "hi": 0.2},
        {"format": "int5", "granularity": "channel", "axis": 1, "channel": 17},
        {"format": "int4", "granularity": "channel", "channel": 5000, "zoom": True},
        {"format": "int4", "lo": 0.05, "hi": 0.4},
    ],
    ("digits-convnet", "pointwise2.weight"): [
        {"format": "int4"},
        {"format": "int4", "granularity": "channel", "axis": 1},
        {"format": "uint8", "granularity": "channel", "axis": 7},
    ],
    ("digits-mlp", "fc1.bias"): [{"format": "int8"}, {"format": "int2", "granularity": "channel"}],
}
"""Tensor -> schemes under which the page draws it without Python."""

REFUSED: list[dict[str, Any]] = [
    {"format": "fp8_e4m3"},
    {"format": "int9"},
    {"format": "int1"},
    {"granularity": "block"},
    {"calibrator": "entropy"},
    {"convention": "tflite"},
    {"granularity": "channel", "calibrator": "mse"},
]
"""What is left to Python."""

MOVES: list[tuple[dict[str, Any], str, Any, dict[str, Any]]] = [
    ({}, "bits", 5, {"format": "int5"}),
    ({"format": "uint4"}, "bits", 2, {"format": "uint2"}),
    ({}, "format", "uint", {"format": "uint3"}),
    ({"format": "nf4"}, "format", "int", {"format": "int4"}),
    ({"format": "fp16"}, "format", "uint", {"format": "uint8"}),
    ({}, "format", "nf4", {"format": "nf4"}),
    ({"granularity": "block"}, "block_size", 64, {"block_size": 64}),
    ({"zero_point": 1}, "symmetric", True, {"symmetric": True}),
    ({"zero_point": 1}, "granularity", "channel", {"granularity": "channel"}),
    ({"lo": -0.1, "hi": 0.1}, "calibrator", "mse", {"calibrator": "mse"}),
    ({"lo": -0.1, "calibrator": "percentile"}, "percentile", 99.123456789123, {"percentile": 99.1234568}),
    ({"lo": -0.1, "calibrator": "mse"}, "parameter0", 40, {"calibrator_parameters": "mse.steps=40"}),
    (
        {"calibrator": "mse", "calibrator_parameters": "mse.steps=40, hqq.p=0.5"},
        "parameter0",
        32,
        {"calibrator_parameters": "hqq.p=0.5"},
    ),
    ({"lo": -0.1, "hi": 0.1}, "hi", 0.123456789123, {"lo": -0.1, "hi": 0.123456789, "zero_point": None}),
    ({"lo": -0.1, "hi": 0.1}, "lo", 0.5, {"lo": 0.0, "hi": 0.1, "zero_point": None}),
    ({"lo": -0.1, "hi": 0.1}, "hi", -0.5, {"lo": -0.1, "hi": 0.0, "zero_point": None}),
    ({"convention": "keras", "lo": 0.1, "hi": 0.4}, "lo", 0.2, {"lo": 0.2, "hi": 0.4, "zero_point": None}),
    ({"symmetric": True}, "lo", -0.2, {"lo": -0.2, "hi": 0.2, "zero_point": None}),
    ({"symmetric": True}, "hi", 0.05, {"lo": -0.05, "hi": 0.05, "zero_point": None}),
    ({"lo": -0.1, "zero_point": 1}, "calibrated", None, {"lo": None, "hi": None, "zero_point": None}),
    ({}, "zero_point", 2, {"zero_point": 2}),
    ({"lo": -0.1, "hi": 0.1}, "zero_point", -1, {"zero_point": -1}),
    ({"lo": -0.1, "zero_point": 1}, "zoom", True, {"zoom": True}),
    ({"lo": -0.1, "zero_point": 1}, "tensor", f"digits-mlp{SEPARATOR}fc1.weight", {"tensor": "fc1.weight"}),
    ({"granularity": "channel", "channel": 3}, "axis", 1, {"axis": 1}),
    ({"granularity": "channel"}, "channel", 7, {"channel": 7}),
]
"""Settings, the control that is moved, what to, and which change that is: what follows from it, the package knows."""

QUERIES = [
    "?v=1&format=int5&symmetric=1",
    "?v=1&lo=-0.123456789123&hi=0.5",
    "?v=1&symmetric=true&narrow_range=TRUE&zoom=0",
    "?v=1&granularity=channel&axis=1&theme=dark",
    "?v=1&weights=int4&view=model",
    "?v=1&model=digits-convnet&tensor=fc.weight&zero_point=2",
    "?v=1&percentile=99.5&calibrator=percentile&lo=",
]


_WRONG = ["NaN", "nan", "1e999", "-1e400", "1e400", "Infinity", "0x10", "1_0", "many", "1e-400", "%2B5", "5.", " 5 "]


def everything() -> dict[str, Any]:
    """All of it."""
    controls = Workspace(Settings())
    return {
        "tag": fast_path_tag({}),
        "defaults": controls.settings.as_dict(),
        "numbers": _numbers(),
        "tensors": [_tensor(*key, schemes) for key, schemes in TENSORS.items()],
        "refused": [controls.settings.with_(**changes).as_dict() for changes in REFUSED],
        "moves": [_move(*move) for move in MOVES],
        "queries": [_linked(query) for query in QUERIES],
        "links": [_linked(query, wrong=True) for query in _hostile_queries()],
        "schema": schema(),
        "spaces": [_space(-0.3, 0.7, 11), _space(0.0, 1e-3, 121), _space(-5.5, -1.25, 2)],
    }


def _numbers() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    random_ones = (rng.normal(size=200) * 10.0 ** rng.integers(-8, 9, 200)).tolist()
    dyadic = (rng.integers(-4000, 4000, 200) / 2.0 ** rng.integers(0, 12, 200)).tolist()
    some = [*TIES, *CARRIES, *SIZES]
    values = [*some, *(-value for value in some), *random_ones]
    return {
        "digits": [(v, numbers.digits(v)) for v in values],
        "two": [(v, numbers.digits(v, 2)) for v in values],
        "size": [(n, numbers.size(n)) for n in (round(abs(v)) for v in values if abs(v) < 1e15)],
        "percent": [(v, numbers.percent(v)) for v in values if 0 <= v <= 1],
        "points": [(share, ",".join(numbers.points(share))) for share in (0.0, 0.0341, -0.21, 0.0004, -0.0004, 1.0)],
        # A setting has one zero.
        "nine": [(v, float(f"{v:.9g}") + 0.0) for v in [*values, *dyadic]],
        "grouped": [(n, numbers.grouped(n)) for n in (0, 7, 999, 1000, 65536, 1234567, 10**12)],
    }


def _tensor(model: str, tensor: str, schemes: list[dict[str, Any]]) -> dict[str, Any]:
    workspace = Workspace(Settings(model=model, tensor=tensor))
    assert workspace.subject is not None
    content, _ = subject_content(workspace.subject)
    pictures = []
    for changes in schemes:
        workspace = Workspace(Settings(model=model, tensor=tensor, **changes))
        pictures.append({"settings": workspace.settings.as_dict(), "picture": _content(workspace)})
    values = workspace.subject.values
    return {"model": model, "tensor": tensor, **content, "values": values.ravel().tolist(), "pictures": pictures}


def _content(workspace: Workspace) -> dict[str, Any]:
    assert workspace.report is not None
    told: dict[str, Any] = plain(picture_content(workspace.report))
    return told


def _move(before: dict[str, Any], control: str, value: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """A moved control, what is on screen, and the settings that the package comes to."""
    workspace = Workspace(Settings(**before))
    settings, report = workspace.settings, workspace.report
    assert report is not None
    told = {"before": settings.as_dict(), "control": control, "value": value, "shown": picture_content(report)}
    workspace.change(**changes)
    return plain(told | {"after": workspace.settings.as_dict()})


def _hostile_queries() -> list[str]:
    """Links that kept a page from starting once, and 1,500 that are generated."""
    numbers = [f"?v=1&{name}={text}" for name in ("lo", "hi", "zero_point", "percentile") for text in _WRONG]
    made = [FORMATS["queries"].make(random.Random(f"links {index}")) for index in range(1500)]
    return [*numbers, "?v=1&parameters=a.b%3D" + "9" * 400, "??lo=1", "?v=2&lo=1", "?lo=1&lo=x&lo=2", *made]


def _linked(query: str, *, wrong: bool = False) -> dict[str, Any]:
    """What a link changes of the Tensor view's settings."""
    settings, problems = from_query(query)
    assert wrong or not problems, problems
    default, given = Settings().as_dict(), settings.as_dict()
    tensor = [name for name, field in FIELDS.items() if field.view == "tensor"]
    return {"query": query, "changes": {name: given[name] for name in tensor if given[name] != default[name]}}


def _space(first: float, last: float, count: int) -> dict[str, Any]:
    first, last = float(np.float32(first)), float(np.float32(last))
    return {"first": first, "last": last, "values": np.linspace(first, last, count).tolist()}

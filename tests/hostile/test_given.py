"""The inputs that were found, as they are: every one is taken or refused, whatever is done with it."""

import json
from pathlib import Path

import pytest

import playground
from playground.analysis.inventory import inventory
from playground.settings import Settings, from_query
from tests.hostile.guard import guarded

CASES = Path(__file__).parent / "cases"
FILES = sorted([*CASES.iterdir(), *Path(__file__).parent.glob("*.onnx")])
ENDINGS = {"npz": ".npz"}

LINKS = {
    "?v=1&lo=NaN": "lo",
    "?v=1&hi=1e999": "hi",
    "?v=1&zero_point=1e400": "zero_point",
    "?v=1&percentile=nan": "percentile",
    "?v=1&parameters=a.b%3D" + "9" * 400: "parameters",
}


def opened(path):
    model = playground.load(path.read_bytes(), path.stem + ENDINGS.get(path.name[:3], ".onnx"))
    inventory(model)
    for tensor in model.tensors.values():
        tensor.numpy()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file(path):
    outcome = guarded(lambda: opened(path))
    assert outcome.fine, outcome


def test_there_are_files_that_are_taken_and_that_are_not():
    kinds = {guarded(lambda path=path: opened(path)).kind for path in FILES}
    assert kinds == {"accepted", "refused"}


@pytest.mark.parametrize("query", LINKS, ids=LINKS.values())
def test_a_link_starts_with_the_default_and_says_what_was_refused(query):
    settings, (note,) = from_query(query + "&format=int4")
    assert settings == Settings().with_(format="int4")
    assert note.startswith(f"{LINKS[query]}: ")
    assert len(note) < 300
    json.dumps(settings.as_dict(), allow_nan=False)

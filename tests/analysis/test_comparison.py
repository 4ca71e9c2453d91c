"""Two models compared, against differences that were made on purpose."""

import io
import math
from typing import Any

import numpy as np
import pytest

import playground
from playground import Recipe, Scheme, gallery
from playground.analysis.comparison import Comparison, comparison_task
from playground.analysis.renaming import renamed
from playground.errors import InvalidInputError, MissingError
from playground.model.graph import Model
from playground.tasks import run_sync

RNG = np.random.default_rng(2)
A = RNG.normal(0, 1, (8, 16)).astype(np.float32)


def model(**arrays: Any) -> Model:
    made = io.BytesIO()
    np.savez(made, **arrays)
    return playground.load(made.getvalue(), "w.npz")


def compare(a: Model, b: Model, *patterns: str) -> Comparison:
    return run_sync(comparison_task(a, b, renamed(patterns)))


def test_pairs_are_sorted_by_harm_and_have_the_measures() -> None:
    a = model(same=A, little=A, much=A, gone=A, turned=A, none=A[:0], ids=np.arange(3), broken=A)
    nan = A.copy()
    nan[0, 0] = np.nan
    b = model(
        same=A,
        little=A + np.float32(1e-3),
        much=(A * 0.5).astype(np.float16),
        new=A,
        turned=A.T,
        none=A[:0],
        broken=nan,
    )
    found = compare(a, b)
    assert [pair.name for pair in found.pairs] == ["broken", "none", "much", "little", "same"]
    assert "NaN" in found.pairs[0].problem
    assert found.pairs[1].problem == "it has no values"
    much = found.pairs[2]
    assert (much.dtypes, much.bytes, much.shape) == (("float32", "float16"), (512, 256), (8, 16))
    assert much.sqnr_db == playground.compare(A, (A * 0.5).astype(np.float16))["sqnr_db"]
    assert found.pairs[4].sqnr_db == math.inf
    assert [(entry.name, entry.shapes) for entry in found.other_shapes] == [("turned", ((8, 16), (16, 8)))]
    assert (found.missing, found.added) == (("gone",), ("new",))


def test_names_that_differ_by_a_pattern() -> None:
    a, b = model(**{"model.fc.weight": A}), model(**{"fc.w": A})
    assert compare(a, b, r"^model\.=", r"weight$=w").pairs[0].other == "fc.w"
    with pytest.raises(MissingError, match=r"no tensor of w\.npz is in w\.npz.*--rename"):
        compare(a, b)
    for pattern, message in (
        ("x", "is not REGEX=REPLACEMENT"),
        ("(=x", "not a regular expression"),
        (r"a=\9", "not a regular"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            renamed((pattern,))


@pytest.mark.parametrize("activations", ["static", "weight_only"])
def test_a_quantized_graph_is_compared_by_what_its_codes_stand_for(activations: str) -> None:
    original = gallery.open_model("digits-mlp")
    recipe = Recipe(weights=Scheme("int8", granularity="channel"), activations=activations)
    made = playground.quantize_model(original, recipe, gallery.calibration("digits-mlp"), verify=False)
    found = compare(original, playground.load(made.onnx, "q.onnx"))
    told = {tensor.name: tensor.sqnr_db for tensor in made.report.tensors}
    pairs = {pair.name: pair for pair in found.pairs}
    assert set(told) == {name for name in pairs if name.endswith("weight")}
    for name, quality in told.items():
        assert pairs[name].sqnr_db == pytest.approx(quality)
        assert pairs[name].dtypes == ("float32", "int8")
        assert pairs[name].bytes[0] > 3.5 * pairs[name].bytes[1]
    assert not found.missing
    assert not [name for name in found.added if "scale" in name and "weight" in name]


BLOCKS = Scheme("int4", granularity="block", block_size=32)


@pytest.mark.parametrize("name", ["digits-mlp", "digits-convnet", "moby-dick-transformer"])
@pytest.mark.parametrize(("activations", "weights"), [("static", Scheme("int8", "channel")), ("weight_only", BLOCKS)])
def test_operators_on_codes_are_compared_as_the_pairs_are(name: str, activations: str, weights: Scheme) -> None:
    """Whichever of the files comes first; a matrix is turned as its counterpart is."""
    original, data = gallery.open_model(name), gallery.calibration(name)
    found = []
    for representation in ("qdq", "qoperator"):
        recipe = Recipe(weights=weights, activations=activations, representation=representation)
        made = playground.quantize_model(original, recipe, data, verify=False)
        found.append(playground.load(made.onnx, "q.onnx"))
    pairs, operators = ({pair.name: pair for pair in compare(original, model).pairs} for model in found)
    assert set(pairs) == set(operators)
    # rows of a table are dequantized after they are looked up: what it holds is not compared in either form
    weighed = [tensor.name for tensor in made.report.tensors if tensor.name in pairs]
    assert len(weighed) >= len(made.report.tensors) - 1
    for each in weighed:
        assert operators[each].sqnr_db == pytest.approx(pairs[each].sqnr_db)
        assert operators[each].shape == pairs[each].shape
        assert operators[each].bytes[0] > 2.5 * operators[each].bytes[1]
    for other in (compare(found[1], original), compare(found[0], found[1])):
        assert {pair.name for pair in other.pairs} >= set(weighed)
    assert not [pair.name for pair in compare(*found).pairs if pair.name in weighed and not pair.sqnr_db > 120]

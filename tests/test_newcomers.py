"""What somebody types who has not read the documentation: it works, or one sentence shows what does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest

import playground
from playground import gallery
from playground.errors import InvalidInputError, MissingError, PlaygroundError, UnsupportedError
from playground.model.recipe import AlgorithmCall, Rule

DIGITS = gallery.open_model("digits-mlp")
X = np.random.default_rng(7).normal(size=(8, 64)).astype(np.float32)


class Lent:
    """An array that another package would lend: by DLPack alone."""

    def __init__(self, held: np.ndarray[Any, Any]) -> None:
        self.held = held

    def __dlpack__(self, **options: Any) -> Any:
        return self.held.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.held.__dlpack_device__()


class Tracked:
    """A tensor that gives an array only when cut off from gradients, and bfloat16 only as floats, as PyTorch's do."""

    def __init__(self, held: np.ndarray[Any, Any], *, attached: bool = True, narrow: bool = True) -> None:
        self.held, self.attached, self.narrow = held, attached, narrow

    def detach(self) -> Tracked:
        return Tracked(self.held, attached=False, narrow=self.narrow)

    def float(self) -> Tracked:
        return Tracked(self.held, attached=self.attached, narrow=False)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if self.attached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        if self.narrow:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.held


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(gallery.model_bytes("digits-mlp"))
    return path


def same(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


INT4 = playground.quantize(X, playground.Scheme("int4"))


@pytest.mark.parametrize(
    "typed",
    [
        lambda: playground.quantize(X, "int4"),
        lambda: playground.quantize(X, format="int4"),
        lambda: playground.quantize(X, {"format": "int4"}),
        lambda: playground.quantize(X, scheme="int4", calibrator="minmax"),
        lambda: playground.quantize(X.tolist(), "int4"),
        lambda: playground.quantize(Lent(X), "int4"),
        lambda: playground.quantize(Tracked(X), "int4"),
        lambda: playground.quantize(X.astype(np.float64), "int4", None),
    ],
)
def test_one_scheme_typed_in_many_ways(typed: Callable[[], playground.QTensor]) -> None:
    found = typed()
    assert found.scheme == INT4.scheme
    same(found, INT4)


def test_blocks_lie_along_the_last_axis_unless_one_is_named() -> None:
    found = playground.quantize(X, format="int4", granularity="block", block_size=32)
    assert found.scheme == playground.Scheme("int4", granularity="block", axis=-1, block_size=32)
    assert found.qparams.scale.shape == (8, 2)
    down = playground.quantize(X, format="int4", granularity="block", block_size=4, axis=0)
    assert down.qparams.scale.shape == (2, 64)


def test_two_numbers_are_a_range() -> None:
    same(playground.quantize(X, "int8", (-1, 1)), playground.quantize(X, "int8", playground.Range(-1, 1)))
    same(playground.quantize(X, "int8", range=[-1, 1]), playground.quantize(X, "int8", playground.Range(-1, 1)))


def test_a_quantized_tensor_is_an_array_of_real_values() -> None:
    same(INT4, INT4.dequantize())
    assert np.asarray(INT4, np.float64).dtype == np.float64
    assert float(np.abs(INT4 - X).max()) <= INT4.qparams.scale.item() / 2 * 1.0001
    assert playground.compare(X, INT4) == playground.compare(X, INT4.dequantize())
    with pytest.raises(ValueError, match="Leave copy out"):
        np.asarray(INT4, copy=False)


def test_tensors_that_gradients_flow_through_are_taken_in_lists_sums_and_batches(model_file: Path) -> None:
    same(playground.quantize([Tracked(X), Tracked(X)], "int4"), playground.quantize(np.stack([X, X]), "int4"))
    for found in (INT4 + Tracked(X), INT4 - Tracked(X, narrow=False)):
        assert type(found) is np.ndarray
    same(INT4 + Tracked(X), INT4.dequantize() + X)
    digits = gallery.digits().images[:32]

    class Loader:
        """Batches of tensors, as often as asked for."""

        def __iter__(self) -> Iterator[Tracked]:
            return map(Tracked, np.split(digits, 4))

    result = playground.quantize_model(model_file, calibration=Loader())
    assert result.onnx == playground.quantize_model(model_file, calibration=np.split(digits, 4)).onnx


def test_narrow_floats_of_other_packages_become_float32() -> None:
    """JAX lends bfloat16 as an array of a type that ml_dtypes adds to NumPy."""
    narrow = X.astype(ml_dtypes.bfloat16)
    same(playground.quantize(narrow, "int4"), playground.quantize(narrow.astype(np.float32), "int4"))
    with pytest.raises(InvalidInputError, match="not real numbers"):
        playground.quantize(np.zeros(3, "V2"))


def test_modules_are_told_from_their_tensors() -> None:
    class Module:
        """What PyTorch's modules have."""

        def state_dict(self) -> dict[str, Any]:
            return {"weight": X}

    with pytest.raises(InvalidInputError, match=r"model\.state_dict\(\)\['weight'\]"):
        playground.quantize(Module())


def test_a_quantized_tensor_can_be_quantized_again() -> None:
    same(playground.quantize(INT4, "int8"), playground.quantize(INT4.dequantize(), "int8"))


def test_a_quantized_tensor_tells_its_scale_and_zero_point() -> None:
    found = playground.quantize(X, format="uint8", symmetric=False)
    assert np.array_equal(found.scale, found.qparams.scale)
    assert playground.quantize(X, "q4_k").scale.dtype == np.float32
    assert found.zero_point is found.qparams.zero_point


def test_a_tensor_of_a_model_is_an_array() -> None:
    tensor = DIGITS.tensors["fc1.weight"]
    same(playground.quantize(tensor, "int4"), playground.quantize(tensor.numpy(), "int4"))
    assert playground.compare(tensor, playground.quantize(tensor, "int8"))["sqnr_db"] > 30
    assert np.asarray(tensor, np.float64).dtype == np.float64


def test_the_result_of_quantizing_runs(model_file: Path) -> None:
    result = playground.quantize_model(model_file, "int8")
    samples = gallery.calibration("digits-mlp")
    assert playground.load(result) is result.model
    (name,) = playground.run(result, samples)
    assert np.array_equal(playground.run(result, samples)[name], playground.run(result.model, samples)[name])


def test_models_are_given_in_many_ways(model_file: Path) -> None:
    expected = playground.load(model_file)
    for given in (str(model_file), model_file.read_bytes(), onnx.load(model_file), expected):
        found = playground.load(given)
        assert (list(found.tensors), found.required_graph().nodes) == (
            list(expected.tensors),
            expected.required_graph().nodes,
        )


def test_arrays_by_name_are_a_model_without_a_graph() -> None:
    model = playground.load({"w": X, "ids": np.arange(3), "from elsewhere": Tracked(X), "list": [1.0, 2.0]})
    assert {name: tensor.shape for name, tensor in model.tensors.items()} == {
        "w": (8, 64),
        "ids": (3,),
        "from elsewhere": (8, 64),
        "list": (2,),
    }
    same(model.tensors["w"].numpy(), X)
    with pytest.raises(UnsupportedError, match="graph"):
        playground.run(model, X)


RECIPE = playground.Recipe(weights=playground.Scheme("int4", granularity="channel"), activations="weight_only")


@pytest.mark.parametrize(
    "typed",
    [
        lambda path, at: playground.quantize_model(path, RECIPE),
        lambda path, at: playground.quantize_model(str(path), "weight-only", weights="int4"),
        lambda path, at: playground.quantize_model(path, "int4", activations="weight_only"),
        lambda path, at: playground.quantize_model(path, {"weights": "int4", "activations": "weight-only"}),
        lambda path, at: playground.quantize_model(path.read_bytes(), activations="weight-only", weights="int4"),
        lambda path, at: playground.quantize_model(onnx.load(path), recipe=at),
        lambda path, at: playground.quantize_model(playground.load(path), str(at)),
        lambda path, at: playground.quantize_model(path, at.read_text()),
    ],
)
def test_one_recipe_typed_in_many_ways(typed: Callable[[Path, Path], Any], model_file: Path) -> None:
    file = model_file.with_name("recipe.json")
    file.write_text(RECIPE.to_json())
    result = typed(model_file, file)
    assert result.report.recipe == RECIPE.as_dict()
    assert result.report.tensors[0].scheme["format"] == "int4"


def test_the_samples_of_a_model_with_one_input_need_no_name(model_file: Path) -> None:
    digits = gallery.digits().images[:32]
    named = playground.quantize_model(model_file, calibration={"image": digits})
    assert playground.quantize_model(model_file, calibration=digits).onnx == named.onnx
    assert playground.quantize_model(model_file, None, Tracked(digits)).onnx == named.onnx
    same(playground.run(named.model, digits)["logits"], playground.run(named.model, {"image": digits})["logits"])


def test_parts_of_recipes_are_typed_as_texts_and_mappings() -> None:
    assert playground.Recipe(weights="int4").weights == playground.Scheme("int4", granularity="channel")
    with pytest.raises(UnsupportedError, match="nf4"):
        playground.Recipe(weights="nf4")
    assert playground.Recipe(activation_scheme="int8").activation_scheme == playground.Scheme("int8", symmetric=False)
    recipe = playground.Recipe(
        algorithms=["gptq", "smoothquant:alpha=0.5"], rules=[{"pattern": "fc1.*", "scheme": "int8"}, Rule("fc3.*")]
    )
    assert recipe.algorithms == (AlgorithmCall("gptq"), AlgorithmCall("smoothquant", {"alpha": 0.5}))
    assert recipe.rules == (Rule("fc1.*", playground.Scheme("int8", granularity="channel")), Rule("fc3.*"))
    assert playground.Recipe.from_dict({"algorithms": ["gptq"], "weights": "int4"}).weights.format == "int4"
    assert playground.Recipe.from_json(json.dumps(recipe.as_dict())) == recipe


def test_run_takes_the_engine_that_can_and_says_which(model_file: Path) -> None:
    digits = gallery.digits().images[:4]
    found = playground.run(model_file, digits)
    assert (found.engine, found.reasons) == ("wasm", ())
    named = playground.run(model_file, {"image": digits}, engine="reference")
    assert named.engine == "reference"
    np.testing.assert_allclose(found["logits"], named["logits"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("typed", "kind", "shown"),
    [
        (lambda: playground.quantize(X, "int4x"), InvalidInputError, "int4"),
        (lambda: playground.quantize(X, bits=4), InvalidInputError, "format"),
        (lambda: playground.quantize(X, 4), InvalidInputError, "Use Scheme('int4'), 'int4'"),
        (lambda: playground.quantize(X, "int8", 1.0), InvalidInputError, "(-1.0, 1.0)"),
        (lambda: playground.quantize(X, "int8", granularity="channel"), InvalidInputError, "axis=0"),
        (lambda: playground.quantize(X, granularity="per-channel"), InvalidInputError, "channel"),
        (lambda: playground.quantize("weights"), InvalidInputError, "Give integers or floats"),
        (lambda: playground.quantize([[1], [1, 2]]), InvalidInputError, "Give rows of one length"),
        (lambda: playground.quantize(object()), InvalidInputError, "Give integers or floats"),
        (lambda: playground.load("missing.onnx"), MissingError, "Check the path"),
        (lambda: playground.load(X), InvalidInputError, "{'weight': array}"),
        (lambda: playground.load({1: X}), InvalidInputError, "{'weight': array}"),
        (lambda: playground.load({"w": np.array(["a"])}), InvalidInputError, "{'weight': array}"),
        (lambda: playground.quantize_model({"w": X}), UnsupportedError, "quantize_tensors(load(...))"),
        (lambda: playground.quantize_model(DIGITS, "fast"), InvalidInputError, "weight-only"),
        (
            lambda: playground.quantize_model(DIGITS, "no.json"),
            MissingError,
            "Check the path",
        ),
        (lambda: playground.quantize_model(DIGITS, 8), InvalidInputError, "Use 'int8'"),
        (lambda: playground.quantize_model(DIGITS, bits=8), InvalidInputError, "weights"),
        (lambda: playground.Recipe(weights=4), InvalidInputError, "'int4'"),
        (lambda: playground.Recipe(algorithms="gptq"), InvalidInputError, "algorithms=['gptq'"),
        (lambda: playground.Recipe(algorithms=["smoothquant:alpha"]), InvalidInputError, "damping=0.1"),
        (lambda: playground.run(DIGITS, "image"), InvalidInputError, "{'image': ...}"),
        (lambda: playground.run(gallery.open_model("moby-dick-transformer"), np.zeros(3)), PlaygroundError, ""),
        (lambda: playground.run(DIGITS, X, engine="gpu"), InvalidInputError, "auto"),
        (lambda: playground.dequantize(INT4.codes), InvalidInputError, "dequantize(quantize(x, 'int8'))"),
        (lambda: playground.load("gallery:digits-mlp"), MissingError, "gallery.open_model('digits-mlp')"),
        (lambda: playground.quantize_model(DIGITS, calibration="samples.npz"), InvalidInputError, "dict(numpy.load("),
        (lambda: playground.compare(X, X[:2]), InvalidInputError, "Give two arrays of one shape"),
    ],
)
def test_what_is_not_taken_is_said_with_what_is(typed: Callable[[], Any], kind: type, shown: str) -> None:
    with pytest.raises(kind) as caught:
        typed()
    assert shown in str(caught.value)


def test_reprs_fit_in_two_lines(model_file: Path) -> None:
    model = playground.load(model_file)
    result = playground.quantize_model(model, "int4")
    values = [INT4, INT4.qparams, INT4.scheme, playground.Range(-1, 1), model, RECIPE, result.report, result]
    values += [playground.quantize(np.tile(X, 4), name) for name in playground.formats()]
    assert all(len(repr(value)) <= 240 for value in values)
    assert repr(INT4) == "QTensor(Scheme('int4'), shape (8, 64), 1 scale, 260 B)"
    assert eval(repr(RECIPE), {"Recipe": playground.Recipe, "Scheme": playground.Scheme}) == RECIPE  # noqa: S307


def test_notebooks_show_tables_and_names_are_text_there() -> None:
    model = playground.load({"<script>alert(1)</script>": X, **{f"w{i}": X for i in range(20)}})
    shown = model._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "and 9 more" in shown
    result = playground.quantize_model(DIGITS, "int4")
    for value in (INT4, result, result.report):
        assert "<table" in value._repr_html_()
        assert "<svg" in value._repr_html_()
    assert "int4" in playground.Recipe(weights="int4")._repr_html_()
    assert "defaults" in playground.Recipe()._repr_html_()


def test_public_names_only() -> None:
    assert dir(playground) == sorted(playground.__all__)
    for name in playground.__all__:
        assert getattr(playground, name) is not None


CONSUMER = """
import ml_dtypes
import numpy as np
import playground

q: playground.QTensor = playground.quantize(np.zeros(3), "int4", granularity="tensor")
error: dict[str, float] = playground.compare(np.zeros(3), q)
result: playground.QuantizedModel = playground.quantize_model("model.onnx", activations="dynamic")
outputs = playground.run(result.model, {"x": np.zeros(3)})
reveal_type(outputs.engine)
playground.quantize(np.zeros(3), zero_point="one")
"""


@pytest.mark.slow
def test_type_checkers_see_the_public_names(tmp_path: Path) -> None:
    """py.typed is there, and what a consumer's checker says is what the functions take and return."""
    (tmp_path / "consumer.py").write_text(CONSUMER)
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "consumer.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": "", "MYPYPATH": str(Path(playground.__file__).parents[1]), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in checked.stdout.splitlines() if "consumer.py" in line and "note: See" not in line]
    assert len(told) == 2, checked.stdout
    assert 'Revealed type is "str"' in told[0] or 'Revealed type is "builtins.str"' in told[0]
    assert "zero_point" in told[1]


def test_the_stub_names_what_the_package_does() -> None:
    stub = Path(playground.__file__).with_name("__init__.pyi").read_text("utf-8")
    assert {name for name in playground.__all__ if f" as {name}\n" in stub} == set(playground.__all__) - {"__version__"}
    assert stub.count(" as ") == len(playground.__all__) - 1

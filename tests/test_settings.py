"""Settings survive their permalink, and no link can do harm."""

import dataclasses
from urllib.parse import parse_qs, quote, urlencode

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import playground
from playground.analysis.answer_kinds import AUTO, answer_kinds
from playground.errors import InvalidInputError
from playground.model.recipe import ONNX_FORMATS
from playground.model.runtimes import runtimes
from playground.ptq.algorithms import algorithms
from playground.quantization.grouping import GRANULARITIES as SCHEME_GRANULARITIES
from playground.settings import (
    ACTIVATIONS,
    ANSWERS,
    GRANULARITIES,
    VERSION,
    VIEWS,
    Settings,
    formats_of,
    formats_text,
    from_query,
    parameters_of,
    parameters_text,
    sizes_of,
    sizes_text,
)

NAMES = [field.name for field in dataclasses.fields(Settings)]
FORMATS = st.sampled_from(list(playground.formats()))
REALS = st.none() | st.floats(-3.4e38, 3.4e38)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)

VALUES = {
    "view": st.sampled_from(VIEWS),
    "model": TEXTS,
    "tensor": TEXTS,
    "format": FORMATS,
    "granularity": st.sampled_from(SCHEME_GRANULARITIES),
    "axis": st.integers(-16, 15),
    "block_size": st.integers(1, 65536),
    "symmetric": st.booleans(),
    "narrow_range": st.booleans(),
    "convention": st.sampled_from(list(playground.conventions())),
    "calibrator": st.sampled_from(list(playground.calibrators())),
    "percentile": st.floats(50, 100),
    "calibrator_parameters": st.sampled_from(["", "mse.steps=40", "mean_sigma.k=2.5, hqq.p=0.5"]),
    "lo": REALS,
    "hi": REALS,
    "zero_point": st.none() | st.integers(-(2**15), 2**16),
    "zoom": st.booleans(),
    "channel": st.none() | st.integers(0, 2**31 - 1),
    "weights": FORMATS,
    "weights_granularity": st.sampled_from(GRANULARITIES),
    "activations": st.sampled_from(ACTIVATIONS),
    "activation_calibrator": st.sampled_from(list(playground.calibrators())),
    "activation_percentile": st.floats(0, 100),
    "exclude": TEXTS,
    "formats": st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=9),
        st.sampled_from(ONNX_FORMATS),
    ).map(formats_text),
    "runtime": st.sampled_from(list(runtimes())),
    "algorithms": st.lists(st.sampled_from(list(algorithms())), max_size=3).map(", ".join),
    "parameters": st.dictionaries(
        st.sampled_from(list(algorithms())),
        st.dictionaries(
            st.sampled_from(["damping", "steps", "p"]),
            st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False),
            min_size=1,
        ),
        max_size=3,
    ).map(parameters_text),
    "partial": st.booleans(),
    "representation": st.sampled_from(["qdq", "qoperator"]),
    "sizes": st.lists(st.lists(st.integers(1, 10**6), min_size=1, max_size=5), max_size=3).map(sizes_text),
    "answer": st.sampled_from(ANSWERS),
}


def test_the_kinds_of_answers_are_those_there_are():
    assert (AUTO, *answer_kinds()) == ANSWERS


def test_every_setting_is_tried_here():
    assert list(VALUES) == NAMES


@given(st.fixed_dictionaries({}, optional=VALUES))
def test_any_settings_survive_their_permalink(changes):
    settings = Settings().with_(**changes)
    again, problems = from_query("?" + settings.query())
    assert again == settings
    assert problems == ()


@given(st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**127), max_value=2.0**127))
def test_every_float32_is_kept_to_the_bit(value):
    assert np.float32(Settings().with_(lo=value).lo) == np.float32(value)


def test_the_link_holds_what_differs_and_its_version():
    assert Settings().query() == f"v={VERSION}"
    settings = Settings().with_(format="uint4", narrow_range=True, lo=-0.5)
    assert parse_qs(settings.query()) == {"v": ["1"], "format": ["uint4"], "narrow_range": ["1"], "lo": ["-0.5"]}


PIECES = st.sampled_from([*NAMES, "v", "theme", "=", "&", "1", "nan", "inf", "1e999", "%", "%ff", "%00", "+", "true"])


@given(st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join))
@example("lo=1e999&axis=1.5&format=&symmetric=perhaps&%ff=%ff")
@example("tensor=%ED%A0%80")
def test_no_query_raises(query):
    settings, problems = from_query(query)
    assert Settings().with_(**{name: getattr(settings, name) for name in NAMES}) == settings
    assert all(isinstance(problem, str) and problem for problem in problems)


BAD = {
    "view": ["lab", ""],
    "format": ["int99", "int", ""],
    "granularity": ["row"],
    "block_size": ["0", "many"],
    "axis": ["-17", "16", "0.5", "", "first", "nan"],
    "symmetric": ["perhaps", "", "2"],
    "convention": ["mine"],
    "calibrator": ["guess"],
    "percentile": ["49", "100.1", "inf", ""],
    "lo": ["-3.5e38", "-inf", "nan", "low"],
    "hi": ["1e999"],
    "zero_point": ["65537", "0.25"],
    "weights": ["fp3"],
    "runtime": ["a b"],
    "algorithms": ["gptq; x"],
    "parameters": ["gptq", "gptq.damping", "damping=1", "gptq.damping=much", "gptq.damping=nan", "gptq.a b=1"],
    "partial": ["maybe"],
    "representation": ["pairs"],
    "sizes": ["1x0", "x", "image=1x3", "1x-3", "1x2.5", "1x1000001", "1x٣"],
    "weights_granularity": ["block"],
    "activations": ["sometimes"],
    "activation_calibrator": ["guess", ""],
    "activation_percentile": ["-1", "100.1", "most"],
    "model": ["m" * 1001],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_what_a_link_gets_wrong_is_named_and_the_rest_is_used(name, text):
    settings, (problem,) = from_query(urlencode({name: text, "exclude": "conv*"}))
    assert problem.startswith(f"{name}: ")
    assert settings == Settings().with_(exclude="conv*")


def test_every_wrong_property_has_its_sentence():
    _, problems = from_query("format=int99&lo=low&axis=1&theme=dark")
    assert [problem.partition(":")[0] for problem in problems] == ["format", "lo"]


def test_a_link_of_another_version_is_not_guessed_at():
    settings, (problem,) = from_query("v=99&format=int8")
    assert settings == Settings()
    assert "99" in problem


@pytest.mark.parametrize(
    "changes",
    [{"bits": 3}, {"lo": [1]}, {"axis": None}, {"format": ["int8"]}, {"lo": 10**400}, {"tensor": 3},
     {"tensor": "\ud800"}, {"self": 1}, {"symmetric": 1.0}],
)  # fmt: skip
def test_unusable_changes_are_refused(changes):
    with pytest.raises(InvalidInputError):
        Settings().with_(**changes)


@pytest.mark.parametrize("text", ["1", "true", "TRUE"])
def test_booleans_in_links(text):
    assert from_query(f"symmetric={text}")[0].symmetric is True


def test_names_of_any_characters_are_quoted():
    name = "a/b&c=d#é\x1f%20 +"
    query = Settings().with_(tensor=name).query()
    assert f"tensor={quote(name, safe='')}" in query.replace("/", "%2F")
    assert from_query(query)[0].tensor == name


def test_scheme():
    settings = Settings().with_(format="uint5", granularity="channel", axis=1, convention="pytorch", narrow_range=True)
    assert settings.scheme == playground.Scheme(
        "uint5", "channel", axis=1, symmetric=False, narrow_range=True, convention="pytorch"
    )
    assert settings.with_(granularity="tensor").scheme.axis is None
    clipped = settings.with_(calibrator="percentile", percentile=99)
    assert dict(clipped.scheme.calibrator_args) == {"percentile": 99}


@pytest.mark.parametrize("name", list(playground.formats()))
def test_bits(name):
    assert Settings(format=name).bits == playground.formats()[name].bits


def test_recipe_differs_exactly_when_the_quantized_model_does():
    settings = Settings()
    other = {"weights": "int4", "weights_granularity": "tensor", "activations": "weight_only", "exclude": "a"}
    assert all(settings.with_(**{name: value}).recipe != settings.recipe for name, value in other.items())
    assert settings.with_(format="int8", view="run", lo=1, tensor="x").recipe == settings.recipe


def test_as_dict_is_all_of_it():
    assert Settings().as_dict() == {"version": VERSION} | dataclasses.asdict(Settings())


@given(VALUES["formats"])
def test_formats_of_weights_survive_their_text(text):
    assert formats_text(formats_of(text)) == text


def test_formats_of_weights():
    found = formats_of(" fc1.weight=int4,conv*= int6 ,a=b=uint3, x%2Cy=int2,,")
    assert found == {"fc1.weight": "int4", "conv*": "int6", "a=b": "uint3", "x,y": "int2"}
    assert formats_text({"x,y%": "int2"}) == "x%2Cy%25=int2"


@pytest.mark.parametrize("text", ["fc1", "=int4", "fc1=int99", "fc1=int33", "x" * 20_001])
def test_formats_that_are_none(text):
    with pytest.raises(InvalidInputError, match="formats"):
        Settings().with_(formats=text)


def test_sizes_of_inputs_as_text():
    assert sizes_of(" 1x3x224 x 224,1×77, ") == ((1, 3, 224, 224), (1, 77))
    assert sizes_text(((1, 3, 224, 224), (1, 77))) == "1x3x224x224, 1x77"


def test_parameters_of_algorithms_as_text():
    text = "gptq.damping=0.02,hqq.p=1e-3 , gptq.ordered=0"
    assert parameters_of(text) == {"gptq": {"damping": 0.02, "ordered": 0}, "hqq": {"p": 0.001}}
    assert isinstance(parameters_of(text)["gptq"]["ordered"], int)
    assert parameters_text(parameters_of(text)) == "gptq.damping=0.02, gptq.ordered=0, hqq.p=0.001"

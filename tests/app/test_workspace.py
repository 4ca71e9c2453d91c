"""One state, changed as a whole or not at all."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from playground import gallery
from playground.app import workspace as module
from playground.app.workspace import Workspace, open_workspace
from playground.errors import BadFileError, InvalidInputError, MissingError, PlaygroundError
from playground.settings import Settings

SHOWN = ("settings", "model", "report", "score", "result", "problem")


def state(workspace):
    return {name: getattr(workspace, name) for name in SHOWN} | {"subject": workspace.subject}


def unchanged(before, workspace):
    return all(before[name] is value for name, value in state(workspace).items())


def test_opens_with_a_report_and_a_score(workspace):
    assert workspace.report.settings == workspace.settings == Settings()
    assert workspace.subject.name == "fc2.weight"
    assert workspace.model.name == "digits-mlp.onnx"
    expected = workspace.evaluator.with_weight("fc2.weight", np.asarray(workspace.model.tensors["fc2.weight"].numpy()))
    assert workspace.score.accuracy < expected.accuracy


def test_a_change_brings_settings_report_and_score_at_once(workspace):
    seen = []
    workspace.param.watch(
        lambda *_: seen.append((workspace.settings.format, workspace.report.settings.format)), "settings"
    )
    before = workspace.score
    workspace.change(format="int8")
    assert seen == [("int8", "int8")]
    assert workspace.score.cross_entropy < before.cross_entropy


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"format": "int99"}, InvalidInputError),
        ({"nothing": 1}, InvalidInputError),
        ({"format": "int8", "lo": "low"}, InvalidInputError),
        ({"model": "nothing"}, InvalidInputError),
        ({"model": "upload"}, MissingError),
        ({"tensor": "nothing"}, MissingError),
        ({"tensor": "input_shape"}, MissingError),
        ({"format": "int4", "zero_point": 99}, InvalidInputError),
        ({"model": "digits-convnet", "zero_point": 99}, InvalidInputError),
        ({"lo": -3.4e38, "hi": 3.4e38}, PlaygroundError),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_a_refused_change_leaves_everything_as_it_was(workspace, changes, error):
    before = state(workspace)
    with pytest.raises(error):
        workspace.change(**changes)
    assert unchanged(before, workspace)


def test_another_model_is_shown_by_its_own_tensor(workspace):
    workspace.change(model="digits-convnet", format="int8")
    assert workspace.settings.tensor == gallery.entries()["digits-convnet"].tensor
    assert workspace.model.name == "digits-convnet.onnx"
    workspace.change(model="digits-convnet", tensor="fc.weight")
    workspace.change(model="digits-convnet", format="int4")
    assert workspace.settings.tensor == "fc.weight"


def test_another_tensor_forgets_what_was_dragged(workspace):
    workspace.change(lo=-0.5, hi=0.25)
    workspace.change(zero_point=1)
    workspace.change(tensor="fc1.weight")
    assert (workspace.settings.lo, workspace.settings.hi, workspace.settings.zero_point) == (None, None, None)
    workspace.change(tensor="fc2.weight", hi=0.5)
    assert (workspace.settings.lo, workspace.settings.hi) == (None, 0.5)
    workspace.change(tensor="fc2.weight", format="int4")
    assert workspace.settings.hi == 0.5


@pytest.mark.parametrize(
    "change", [{"format": "int8"}, {"symmetric": True}, {"narrow_range": True}, {"granularity": "channel"},
               {"convention": "pytorch"}],
)  # fmt: skip
def test_another_grid_forgets_the_zero_point_but_not_the_range(workspace, change):
    workspace.change(lo=-0.5, zero_point=1)
    workspace.change(**change)
    assert (workspace.settings.lo, workspace.settings.zero_point) == (-0.5, None)


@pytest.mark.parametrize("change", [{"calibrator": "percentile"}, {"percentile": 99}])
def test_calibrating_again_forgets_the_dragged_range(workspace, change):
    workspace.change(lo=-0.5, hi=0.25)
    workspace.change(**change)
    assert (workspace.settings.lo, workspace.settings.hi) == (None, None)
    workspace.change(**change, hi=0.5)
    assert workspace.settings.hi == 0.5


@pytest.mark.parametrize("axis", [-5, 3, 15])
def test_an_axis_that_the_tensor_lacks_is_no_trouble(workspace, axis):
    workspace.change(granularity="channel", axis=axis)
    assert workspace.report.scales == workspace.report.channels == workspace.report.shape[workspace.report.axis]


def test_the_tensor_is_read_once(workspace, monkeypatch):
    before = workspace.subject
    monkeypatch.setattr(module, "subject_of", None)
    workspace.change(format="int8", granularity="channel")
    assert workspace.subject is before


def test_uploads(workspace, files):
    workspace.change(format="int4", lo=-0.5)
    model = workspace.open(files.npz(a=np.ones(3, np.float32), b=np.arange(12, dtype=np.float32).reshape(3, 4)))
    assert workspace.model is model
    assert (workspace.settings.model, workspace.settings.tensor, workspace.settings.lo) == ("upload", "b", None)
    assert workspace.settings.format == "int4"
    assert workspace.score is None
    workspace.change(model="digits-mlp")
    assert workspace.score is not None
    workspace.change(model="upload")
    assert (workspace.model, workspace.settings.tensor) == (model, "b")


@pytest.mark.parametrize("first", [True, False])
def test_a_file_that_cannot_be_used_changes_nothing(workspace, files, first):
    if not first:
        workspace.open(files.npz(good=np.ones((2, 2))))
    before = state(workspace)
    bad = [
        (files.source(b"", "empty.onnx"), BadFileError),
        (files.source(b"\x00\x01nonsense" * 9, "random.bin"), BadFileError),
        (files.npz(whole=np.arange(4)), MissingError),
        (files.npz(scalar=np.float32(1), empty=np.zeros((0, 2))), MissingError),
        (files.npz(broken=np.array([1, np.nan])), InvalidInputError),
    ]
    for source, error in bad:
        with pytest.raises(error):
            workspace.open(source)
        assert unchanged(before, workspace)
    assert workspace.is_open("upload") is not first


def test_whatever_goes_wrong_the_previous_upload_stays(workspace, files, monkeypatch):
    good = workspace.open(files.npz(good=np.ones((2, 2))))

    def out_of_memory(*_):
        raise MemoryError

    monkeypatch.setattr(module, "first_subject", out_of_memory)
    with pytest.raises(MemoryError):
        workspace.open(files.npz(other=np.ones((2, 2))))
    assert workspace.model_named("upload") is good


def test_an_upload_is_let_go_when_the_next_one_comes(workspace, files):
    old = weakref.ref(workspace.open(files.npz(w=np.ones((4, 4), np.float32))).tensors["w"].read)
    workspace.change(granularity="channel", zoom=True, calibrator="percentile")
    values = weakref.ref(workspace.subject.values)
    workspace.open(files.npz(w=np.ones((4, 4), np.float32)))
    gc.collect()
    assert (old(), values()) == (None, None)


def with_results(workspace):
    workspace.param.update(result=SimpleNamespace(file=b"result"), answer="answer", compared="compared", race="race")


def results(workspace):
    return [getattr(workspace, name) for name in ("result", "answer", "compared", "race")]


@pytest.mark.parametrize(
    "change", [{"weights": "int4"}, {"weights_granularity": "tensor"}, {"activations": "weight_only"},
               {"exclude": "fc1*"}, {"model": "digits-convnet"}],
)  # fmt: skip
def test_results_of_another_model_or_recipe_are_dropped(workspace, change):
    with_results(workspace)
    workspace.change(**change)
    assert results(workspace) == [None] * 4


@pytest.mark.parametrize("change", [{"format": "int8"}, {"view": "run"}, {"tensor": "fc1.weight"}, {"weights": "int8"}])
def test_results_stay_where_they_still_hold(workspace, change):
    with_results(workspace)
    workspace.change(**change)
    assert None not in results(workspace)


def test_another_upload_drops_the_results(workspace, files):
    workspace.open(files.gallery_file())
    with_results(workspace)
    workspace.open(files.gallery_file())
    assert results(workspace) == [None] * 4


def test_reset_keeps_the_view_and_the_upload(workspace, files):
    workspace.open(files.npz(a=np.ones(3)))
    workspace.change(view="run", weights="int4")
    workspace.reset()
    assert workspace.settings == Settings(view="run")
    assert workspace.is_open("upload")


def test_a_problem_is_over_with_the_next_change(workspace):
    workspace.problem = "error_payload"
    workspace.change(format="int8")
    assert workspace.problem == ""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(model="nothing", view="model"), "nothing"),
        (Settings(model="upload"), "Open it again"),
        (Settings(tensor="nothing"), "nothing"),
        (Settings(zero_point=99), "99"),
    ],
)
def test_a_link_to_what_is_not_there_opens_the_default_and_says_so(settings, words):
    opened, (problem,) = open_workspace(settings)
    assert words in problem
    assert opened.settings == Settings(view=settings.view)


def test_a_link_that_names_the_model_alone():
    opened, problems = open_workspace(Settings(model="digits-convnet"))
    assert problems == ()
    assert opened.settings.tensor == gallery.entries()["digits-convnet"].tensor


def test_opening_raises_as_a_change_does():
    with pytest.raises(MissingError):
        Workspace(Settings(tensor="nothing"))

"""Undo and redo: every change of the settings is a step, a gesture is one, and opening a file is one."""

import itertools

import numpy as np
import pytest

from playground.app.steps import MOST, Place, Steps
from playground.errors import MissingError
from playground.settings import Settings


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def place(**changes):
    return Place(Settings(**changes), None, None, "")


def noted(steps, *places, clock=None, every=10.0):
    for before, after in itertools.pairwise(places):
        steps.note(before, after)
        if clock is not None:
            clock.now += every


def test_a_fast_sequence_of_the_same_setting_is_one_step_and_a_slow_one_is_several():
    for every, expected in [(0.1, 1), (2.0, 3)]:
        clock = Clock()
        steps = Steps(clock)
        noted(steps, *(place(lo=value) for value in (None, -0.3, -0.2, -0.1)), clock=clock, every=every)
        assert len(steps._undo) == expected
        assert steps.before().settings.lo == (None if expected == 1 else -0.2)


def test_another_setting_begins_another_step_however_fast():
    steps = Steps(Clock())
    noted(steps, place(), place(format="int4"), place(format="int4", symmetric=True))
    assert steps.undo_about == "symmetric"
    assert steps.before().settings == Settings(format="int4")


def test_what_is_switched_is_a_step_each_time_however_fast():
    steps = Steps(Clock())
    noted(steps, place(), place(weights="int4"), place(weights="int8"), place(weights="uint8"))
    assert len(steps._undo) == 3


def test_the_view_is_no_step():
    steps = Steps(Clock())
    noted(steps, place(), place(view="run"))
    assert steps.undo_about == ""
    with pytest.raises(MissingError, match="nothing to undo"):
        steps.before()


def test_at_most_so_many_steps_are_kept():
    clock = Clock()
    steps = Steps(clock)
    noted(steps, *(place(lo=-float(n)) for n in range(1, MOST + 6)), clock=clock)
    assert len(steps._undo) == MOST
    assert steps._undo[0].place.settings.lo == -5.0


@pytest.mark.parametrize(
    "changes",
    [{"format": "int8"}, {"weights": "int4"}, {"exclude": "fc1*"}, {"formats": "fc1.weight=int4"}, {"zoom": True},
     {"algorithms": "bias_correction"}, {"model": "digits-convnet"}, {"lo": -0.1, "hi": 0.1}],
)  # fmt: skip
def test_undo_and_redo_of_each_kind_of_setting(workspace, changes):
    before = workspace.settings
    workspace.change(**changes)
    after = workspace.settings
    assert after != before
    workspace.undo()
    assert workspace.settings == before
    workspace.redo()
    assert workspace.settings == after


def test_undo_keeps_the_view_and_a_change_after_it_ends_redo(workspace):
    workspace.change(format="int8")
    workspace.change(view="model")
    workspace.undo()
    assert workspace.settings == Settings(view="model")
    assert workspace.steps.redo_about == "format"
    workspace.change(symmetric=True)
    with pytest.raises(MissingError, match="nothing to redo"):
        workspace.redo()


def test_opening_a_file_is_one_step_and_leads_back_to_the_file_before(workspace, files):
    workspace.open(files.npz("first.npz", a=np.ones((4, 4), np.float32)))
    workspace.open(files.npz("second.npz", b=np.ones((3, 3), np.float32)))
    assert (workspace.steps.undo_about, workspace.upload_number) == ("opening second.npz", 1)
    workspace.undo()
    assert (workspace.model.name, workspace.settings.tensor, workspace.upload_number) == ("first.npz", "a", 0)
    workspace.undo()
    assert workspace.settings == Settings()
    workspace.redo()
    workspace.redo()
    assert (workspace.model.name, workspace.settings.tensor) == ("second.npz", "b")


def test_a_recipe_is_a_step(page, files):
    page.set(weights="int4")
    page.ask("recipe", [files.source(b'{"weights": {"format": "uint8"}}', "mine.json")])
    assert page.ask("state")["undo"] == "the recipe mine.json"
    state = page.ask("undo")
    assert (state["recipe_name"], state["settings"]["weights"], state["redo"]) == ("", "int4", "the recipe mine.json")
    state = page.ask("redo")
    assert (state["recipe_name"], state["settings"]["weights"]) == ("mine.json", "uint8")


def test_reset_is_a_step(workspace):
    workspace.change(format="int8", weights="int4")
    changed = workspace.settings
    workspace.reset()
    workspace.undo()
    assert workspace.settings == changed


def test_a_refused_change_is_no_step(page, refused):
    with pytest.raises(refused):
        page.set(format="int99")
    with pytest.raises(refused, match="nothing to undo"):
        page.ask("undo")
    state = page.ask("state")
    assert (state["undo"], state["redo"]) == ("", "")


def test_a_link_is_where_steps_begin(open_page, refused):
    page = open_page("?v=1&format=int8")
    assert page.ask("state")["undo"] == ""
    page.set(format="int4")
    page.ask("forget_steps")
    with pytest.raises(refused, match="nothing to undo"):
        page.ask("undo")

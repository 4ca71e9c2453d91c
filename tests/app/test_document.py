"""What the page gets of a Bokeh document."""

import bokeh.models
import panel as pn
import panel_material_ui as pmui
from bokeh.models import Div

from playground.app.document import as_json, build_document


def types_in(value):
    """Names of all models below a value, itself included."""
    if isinstance(value, dict):
        own = {value["name"]} if value.get("type") == "object" else set()
        return own.union(*map(types_in, value.values()))
    return set().union(*map(types_in, value)) if isinstance(value, list) else set()


def test_definitions_are_those_of_the_models_that_are_there():
    """Bokeh itself would send one for every class that was ever imported; its own classes need none."""
    roots = {"text": Div(text="here"), "choice": pmui.Select(options=["a"]), "line": pn.Row(pmui.Button(label="go"))}
    made = as_json(build_document("view", roots))
    assert list(made["roots"]) == ["view-text", "view-choice", "view-line"]
    used = types_in(made["doc"]["roots"])
    defined = {definition["name"] for definition in made["doc"]["defs"]}
    assert defined
    assert defined == {name for name in used if not name.startswith("panel.") and not hasattr(bokeh.models, name)}


def test_a_document_of_bokehs_own_models_needs_no_definitions():
    pmui.Select(options=["a"])
    assert as_json(build_document("view", {"text": Div(text="here")}))["doc"]["defs"] == []

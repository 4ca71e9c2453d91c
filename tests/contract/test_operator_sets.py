"""Every operator of ONNX, in every operator set from 7 on, has the form that is known here, or is brought to it."""

from collections.abc import Iterator

import pytest
from onnx import defs

from playground import operators
from playground.model.graph import Node
from playground.opening.operator_sets import FLOOR, NEWEST, OLDEST
from playground.operators import Operator
from tests.opening.older_models import CASES

HISTORY: dict[str, list[defs.OpSchema]] = {}
for _schema in sorted(defs.get_all_schemas_with_history(), key=lambda one: one.since_version):
    if _schema.domain == "" and _schema.since_version <= NEWEST:
        HISTORY.setdefault(_schema.name, []).append(_schema)

MEANING = {
    "GroupNormalization": "before 21 a scale is of a group, not of a channel",
    "Resize": "before 11 places are counted from the corner",
    "RoiAlign": "before 16 boxes have no half pixel",
    "Split": "since 18 the number of parts is stated",
}
"""Operators whose meaning has changed beyond what their forms show."""

TRIED_ELSEWHERE = {"Scan": "tests/opening/test_operator_sets.py"}


def forms(name: str) -> list[defs.OpSchema]:
    """The schemas that hold in some operator set from 7 on, oldest first."""
    older = [schema for schema in HISTORY[name] if schema.since_version <= OLDEST]
    return older[-1:] + [schema for schema in HISTORY[name] if schema.since_version > OLDEST]


def lost(older: defs.OpSchema, newer: defs.OpSchema) -> Iterator[str]:
    """What nodes of the older form have and such of the newer one have not."""
    if newer.deprecated and not older.deprecated:
        yield "the operator"
    for name, attribute in older.attributes.items():
        if name not in newer.attributes:
            yield f"the attribute {name}"
        elif attribute.default_value != newer.attributes[name].default_value:
            yield f"the default of {name}"
    for name, attribute in newer.attributes.items():
        if attribute.required and (name not in older.attributes or not older.attributes[name].required):
            yield f"no attribute {name}"
    if newer.min_input > older.min_input:
        yield f"{older.min_input} inputs"
    if older.max_input > newer.max_input:
        yield f"{older.max_input} inputs"
    if older.max_output > newer.max_output:
        yield f"{older.max_output} outputs"


CHANGED = {
    name: tuple(what for one, other in zip(forms(name), forms(name)[1:], strict=False) for what in lost(one, other))
    for name in HISTORY
}
UPGRADED = sorted({*MEANING, *(name for name, what in CHANGED.items() if what)})


@pytest.mark.parametrize("name", UPGRADED)
def test_what_had_another_form_is_upgraded_and_tried(name: str) -> None:
    entry = operators.operator(name)
    assert entry is not None, CHANGED[name]
    assert entry.upgrade is not None, CHANGED[name]
    tried = {case.op for case in CASES} | TRIED_ELSEWHERE.keys()
    assert name in tried


def test_the_others_have_one_form() -> None:
    """What has an upgrade had another form: no rule is left over."""
    named = {entry.name for entry in operators.all_operators().values() if entry.upgrade is not None}
    assert named == set(UPGRADED)


KNOWN = {name: entry for name, entry in operators.all_operators().items() if not entry.domain and name in HISTORY}


def first(name: str, has: str) -> int:
    """The first operator set in which an operator has an attribute."""
    return min(schema.since_version for schema in HISTORY[name] if has in schema.attributes)


@pytest.mark.parametrize(
    "entry", [e for e in KNOWN.values() if e.name not in ("Upsample", "Scatter")], ids=lambda e: e.name
)
def test_nodes_need_the_operator_set_that_their_forms_came_with(entry: Operator) -> None:
    """At least: a file of the set that a node needs has the operator, its attributes and its inputs."""
    newest = HISTORY[entry.name][-1]
    bare = Node(entry.name, "n", (), ("y",), {})
    if HISTORY[entry.name][0].since_version > FLOOR:
        assert entry.needs(bare) >= HISTORY[entry.name][0].since_version
    for attribute in entry.attributes:
        came = first(entry.name, attribute.name)
        if came > FLOOR:
            stated = Node(entry.name, "n", (), ("y",), {attribute.name: attribute.default})
            assert entry.needs(stated) >= came, attribute.name
    if newest.max_input < 100:
        for place in range(newest.max_input):
            came = min(schema.since_version for schema in HISTORY[entry.name] if schema.max_input > place)
            node = Node(entry.name, "n", (*[""] * place, "x"), ("y",), {})
            assert entry.needs(node) >= came or came <= FLOOR, place

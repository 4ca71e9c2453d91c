"""Every error says what is wrong, where, and what to do: read off the syntax tree, so that rare branches count too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground import errors
from tools import words
from tools.paths import ROOT

KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}

PLANNING = (
    "playground/operators/",
    "playground/programs/",
    "playground/engines/planning/plan.py",
    "playground/model/readers/_keras",
    "playground/model/readers/_tflite_",
    "playground/model/writers/_tflite_",
)
"""Here an operator says why it cannot run (UnsupportedError, TooLargeError): planner, reader or writer add the node and
the remedy."""

WHERE_IS_ADDED = {
    "playground/cli/_near_misses.py": {"no_command"},  # the console begins with the program's name
    "playground/engines/evaluation.py": {"run_task"},  # the node around the graph
    # errors.typed names the file
    "playground/model/readers/_hdf5.py": {
        "get_object_name",
        "_decode_link_msg",
        "_check_depth",
        "_attr_value",
        "open_hdf5",
        "_walk",
        "_link",
        "_check_places",
    },
    "playground/model/readers/_hdf5_window.py": {"charge", "read"},
    "playground/model/readers/_keras.py": {"_named", "_unpacked"},
    "playground/model/readers/_keras_config.py": {"net_of", "_layer", "_leaves"},
    "playground/model/readers/_onnx_tensors.py": {"integers"},  # errors.typed names the tensor
    "playground/model/readers/_torch_objects.py": {"_refuse", "_view"},  # errors.typed names the file
    # errors.typed names the operator
    "playground/model/readers/_tflite_arithmetic.py": {"elementwise"},
    "playground/model/readers/_tflite_builder.py": {"_ordered", "give_stored"},
    "playground/model/readers/_tflite_sparse.py": {"dense", "_level", "_vector"},
    "playground/model/readers/_zip.py": {"take"},  # errors.typed names the array
    "playground/programs/row_ops.py": {"nearest_indices"},
    "playground/programs/windows.py": {"windows", "_require"},
}
"""File -> functions whose errors get their place from a caller."""

FUNCTIONS = "playground/operators/"
"""Where float functions are: the interpreter adds the node to their errors."""

REMEDIES = set(
    """
    Add Allow Await Build Call Change Check Choose Close Compare Convert Copy Correct Create Define Export Free Get
    Give Inline Leave Merge Name Open Plan Put Quantize Read Remove Rename Replace Run Save Scale See Send Shorten Sort
    Start State Stay Store Swap Try Type Use Write
    """.split()  # noqa: SIM905 - a table of words
)
"""Verbs that a remedy begins with."""

Found = tuple[str, str, ast.Call]
"""The file, the function, and the call that makes an error."""


def made_in(path: Path) -> Iterator[Found]:
    """Every call of an error's class in a file."""
    name = path.relative_to(ROOT).as_posix()

    def walk(node: ast.AST, function: str) -> Iterator[Found]:
        for child in ast.iter_child_nodes(node):
            inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
            if isinstance(child, ast.Call) and isinstance(child.func, ast.Name) and child.func.id in KINDS | {"typed"}:
                yield name, inside, child
            yield from walk(child, inside)

    yield from walk(ast.parse(path.read_text("utf-8")), "")


ALL = [found for path in sorted((ROOT / "playground").rglob("*.py")) for found in made_in(path)]


def place(found: Found) -> str:
    """File, line and function, for a failing test."""
    file, function, call = found
    return f"{file}:{call.lineno} {function}"


def argument(call: ast.Call, name: str) -> ast.expr | None:
    """An argument by name, unless it is an empty text."""
    value = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    return None if isinstance(value, ast.Constant) and not value.value else value


def beginning(text: ast.expr | None) -> str:
    """The constant text that an expression begins with; empty if there is none."""
    match text:
        case ast.Constant(value=str(found)):
            return found
        case ast.JoinedStr(values=[ast.Constant(value=str(found)), *_]):
            return found
    return ""


def is_planning(file: str, _function: str, call: ast.Call) -> bool:
    """Whether the planner adds the place and the remedy."""
    return (
        file.startswith(PLANNING)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("UnsupportedError", "TooLargeError")
    )


def test_an_error_has_a_remedy() -> None:
    bare = [place(found) for found in ALL if argument(found[2], "hint") is None and not is_planning(*found)]
    assert bare == []


def test_a_remedy_begins_with_a_verb() -> None:
    verbs = {place(found): beginning(argument(found[2], "hint")).partition(" ")[0].strip(":,") for found in ALL}
    assert {at: verb for at, verb in verbs.items() if verb and verb not in REMEDIES} == {}


def test_an_error_has_a_place() -> None:
    bare = [
        place(found)
        for found in ALL
        if argument(found[2], "where") is None
        and not found[0].startswith(FUNCTIONS)
        and found[1] not in WHERE_IS_ADDED.get(found[0], ())
        and not is_planning(*found)
    ]
    assert bare == []


def test_an_error_names_its_subject() -> None:
    texts = {place(found): next(filter(None, map(beginning, found[2].args)), "") for found in ALL}
    unclear = {"it", "its", "they", "their"}
    assert {at: text for at, text in texts.items() if text.partition(" ")[0].lower() in unclear} == {}
    assert [at for at, text in texts.items() if text.endswith(".")] == []


def test_functions_whose_place_is_added_exist() -> None:
    seen = {(file, function) for file, function, _ in ALL}
    assert {(file, name) for file, names in WHERE_IS_ADDED.items() for name in names} <= seen


def test_there_are_errors_to_read() -> None:
    assert len(ALL) > 400


@pytest.mark.parametrize(
    "phrase", ["3 is no axis", "3 is not accepted", "it is no JSON", "0 bytes were asked for", "2 tensor(s)", "3 KB"]
)
def test_idioms_are_refused(tmp_path: Path, phrase: str) -> None:
    path = tmp_path / "text.md"
    path.write_text(f"{phrase}\n", "utf-8")
    assert [line for line, _, _ in words.in_file(path)] == [1]

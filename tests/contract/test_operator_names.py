"""No file outside ``operators/`` asks a node for its operator by name: what is asked is a field of its Operator."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground import operators

PACKAGE = Path(operators.__file__).parents[1]
NAMES = frozenset(entry.name for entry in operators.all_operators().values())

ALLOWED = ("operators/", "model/", "ptq/scripts/")
"""Where names may stand: with the operators, and where files and other tools' recipes are read and written."""

SHOWN = ("app/", "render/")
WORDS = frozenset({"Shape", "Size", "Range"})
"""Headings of tables, which are names of operators too."""

PUBLIC = ("__init__.py", "quantization/__init__.py")
"""Lists of the package's own names, of which some are those of operators too."""


def asked_by_name(source: str) -> Iterator[tuple[int, str]]:
    """Lines and names: an operator's name that is compared, looked up, listed, a key or a pattern."""
    for parent in ast.walk(ast.parse(source)):
        for child in _held(parent):
            if isinstance(child, ast.Constant) and child.value in NAMES:
                yield child.lineno, child.value


def _held(parent: ast.AST) -> Iterator[ast.AST]:
    match parent:
        case ast.Compare():
            yield from (parent.left, *parent.comparators)
        case ast.Tuple() | ast.List() | ast.Set():
            yield from parent.elts
        case ast.Dict():
            yield from (key for key in parent.keys if key is not None)
        case ast.MatchValue():
            yield parent.value
        case ast.Subscript():
            yield parent.slice
        case ast.Call(func=ast.Name(id="operator") | ast.Attribute(attr="operator" | "startswith" | "endswith")):
            yield from parent.args
        case ast.Assign() | ast.AnnAssign() | ast.Return() if parent.value is not None:
            yield parent.value


@pytest.mark.parametrize(
    "source",
    [
        'node.op == "Conv"',
        'node.op in ("Conv", "Gemm")',
        'RULES = {"Conv": 1}',
        'steps["Conv"] = step',
        'match node.op:\n    case "Conv" | "Gemm": pass',
        'NAME = "Conv"',
        'node.op.startswith("Conv")',
        'operators.operator("Conv")',
        'dict.fromkeys(["Conv"])',
    ],
)
def test_names_are_noticed(source: str) -> None:
    assert next(iter(asked_by_name(source)))[1] == "Conv"


@pytest.mark.parametrize(
    "source", ['Node("Conv", "name", (), ())', 'label("Size")', 'node.op == "conv"', '"""Conv."""']
)
def test_new_nodes_and_labels_are_not(source: str) -> None:
    assert not list(asked_by_name(source))


def test_names_stand_with_the_operators() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if not str(path.relative_to(PACKAGE)).startswith(ALLOWED) and str(path.relative_to(PACKAGE)) not in PUBLIC
        for line, name in asked_by_name(path.read_text())
        if not (name in WORDS and str(path.relative_to(PACKAGE)).startswith(SHOWN))
    ]
    assert not found, "ask a field of the node's Operator instead:\n" + "\n".join(found)

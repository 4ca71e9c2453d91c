"""No circle of imports between files. Imports inside functions count; those for type checkers alone do not."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import playground

PACKAGE = Path(playground.__file__).parent


def module_name(path: Path) -> str:
    """The dotted name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from statements(child)


def imported(tree: ast.AST, modules: set[str]) -> set[str]:
    """The modules of the package that a file imports."""
    found: set[str] = set()
    for node in statements(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{name.name}" for name in node.names}
            found |= inner & modules or {node.module} & modules
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names} & modules
    return found


def require_no_circle(graph: Mapping[str, set[str]]) -> None:
    """Raise CycleError, with the circle, if there is one."""
    TopologicalSorter({name: needed - {name} for name, needed in graph.items()}).prepare()


def test_files_import_one_way() -> None:
    paths = {module_name(path): path for path in PACKAGE.rglob("*.py")}
    graph = {name: imported(ast.parse(path.read_text("utf-8")), set(paths)) for name, path in paths.items()}
    assert len(graph) > 300
    assert sum(map(len, graph.values())) > 1000
    require_no_circle(graph)


def test_a_circle_is_noticed() -> None:
    modules = {"p.a", "p.b"}
    a = imported(ast.parse("def f():\n    from p import b"), modules)
    assert a == {"p.b"}
    with pytest.raises(CycleError):
        require_no_circle({"p.a": a, "p.b": imported(ast.parse("from p.a import x"), modules)})
    assert imported(ast.parse("if TYPE_CHECKING:\n    from p import b"), modules) == set()

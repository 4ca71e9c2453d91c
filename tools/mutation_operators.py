"""Small changes of meaning at the places where tests miss them: guards, ties, boundaries, rare branches.

A mutant is the source of a module with one expression or statement replaced. Positions come from the syntax tree and
the rest of the text stays as it is.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_CALLS = {
    one: other
    for pair in (("min", "max"), ("minimum", "maximum"), ("floor", "ceil"), ("any", "all"), ("argmin", "argmax"))
    for one, other in (pair, pair[::-1])
}
_UNTESTED = (ast.JoinedStr, ast.Assert)
"""What is left alone: texts of messages, whose positions Python 3.11 does not know, and what never decides."""


@dataclass(frozen=True)
class Mutant:
    """One change of one module.

    Attributes:
        path: the module, relative to the checkout.
        line: where the change begins, counted from 1.
        kind: which sort of change it is, such as ``"comparison"``.
        before: the source that is replaced.
        after: what replaces it.
        start: where it begins, in bytes of the file.
    """

    path: str
    line: int
    kind: str
    before: str
    after: str
    start: int

    def applied(self, source: bytes) -> bytes:
        """The module with the change.

        Raises:
            ValueError: this is not the source that the mutant was made from.
        """
        before = self.before.encode()
        end = self.start + len(before)
        if source[self.start : end] != before:
            raise ValueError(f"{self.path} is not as it was when the mutant was made")
        return source[: self.start] + self.after.encode() + source[end:]


def mutants_of(source: str, path: str) -> list[Mutant]:
    """All mutants of a module, from its first line to its last.

    Args:
        source: the module's text.
        path: its name in the mutants.
    """
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def place(node: ast.expr | ast.stmt) -> tuple[int, str]:
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        return start, source.encode()[start:end].decode()

    found = []
    for node, kind, after in _changes(ast.parse(source)):
        start, before = place(node)
        found.append(Mutant(path, node.lineno, kind, before, after, start))
    return sorted(found, key=lambda mutant: (mutant.start, mutant.kind))


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str, str]]:
    """(what is replaced, the kind of change, its new source), for everything below ``tree``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, _UNTESTED) or _is_for_types(node):
            continue
        for kind, change in _KINDS.items():
            for old, new in change(node):
                # In parentheses, since the new operator may bind less tightly than the old one.
                text = ast.unparse(new)
                yield old, kind, f"({text})" if isinstance(new, (ast.BoolOp, ast.Compare, ast.UnaryOp)) else text
        yield from _changes(node)


Changes = Iterator[tuple[ast.expr | ast.stmt, ast.expr | ast.stmt]]


def _comparison(node: ast.AST) -> Changes:
    if isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops):
            operators = [*node.ops[:i], _COMPARISONS[type(operator)](), *node.ops[i + 1 :]]
            yield node, ast.Compare(node.left, operators, node.comparators)


def _boolean(node: ast.AST) -> Changes:
    if isinstance(node, ast.BoolOp):
        yield node, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def _negation(node: ast.AST) -> Changes:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node, node.operand
    elif isinstance(node, (ast.If, ast.IfExp)) and isinstance(node.test, (ast.Name, ast.Attribute, ast.Call)):
        yield node.test, ast.UnaryOp(ast.Not(), node.test)


def _boundary(node: ast.AST) -> Changes:
    """``x + 1`` becomes ``x + 0``, and ``x < 8`` becomes ``x < 9``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)) and _is_one(node.right):
        yield node.right, ast.Constant(0)
    elif isinstance(node, ast.Compare):
        for each in node.comparators:
            if isinstance(each, ast.Constant) and type(each.value) is int:
                yield each, ast.Constant(each.value + 1)


def _call(node: ast.AST) -> Changes:
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Name) and function.id in _CALLS:
            yield function, ast.Name(_CALLS[function.id])
        elif isinstance(function, ast.Attribute) and function.attr in _CALLS:
            yield function, ast.Attribute(function.value, _CALLS[function.attr])


def _guard(node: ast.AST) -> Changes:
    """A branch that leaves early does not: what it guards against goes on."""
    if (
        isinstance(node, ast.If)
        and not node.orelse
        and isinstance(node.body[-1], (ast.Return, ast.Raise, ast.Continue))
    ):
        yield node.body[-1], ast.Pass()


_KINDS: Mapping[str, Callable[[ast.AST], Changes]] = {
    "comparison": _comparison,
    "boolean": _boolean,
    "negation": _negation,
    "boundary": _boundary,
    "call": _call,
    "guard": _guard,
}


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value == 1


def _is_for_types(node: ast.AST) -> bool:
    """``if TYPE_CHECKING``: nothing of it runs."""
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def sample(files: Sequence[Path], root: Path, count: int, seed: int) -> list[Mutant]:
    """Mutants of as many modules as possible: each gives one before any gives two.

    Args:
        files: modules.
        root: what their paths are relative to.
        count: how many mutants; fewer if there are no more.
        seed: the same one gives the same mutants of the same sources.
    """
    rng = random.Random(seed)  # noqa: S311 (a sample, not a secret)
    pools = []
    for path in sorted(files):
        found = mutants_of(path.read_text("utf-8"), path.relative_to(root).as_posix())
        rng.shuffle(found)
        if found:
            pools.append(found)
    rng.shuffle(pools)
    picked: list[Mutant] = []
    while pools and len(picked) < count:
        picked += [pool.pop() for pool in pools[: count - len(picked)]]
        pools = [pool for pool in pools if pool]
    return picked

"""Refuses words that the project no longer uses, in names and in prose; ``docs/glossary.md`` has the current terms.

Names are identifiers of Python code, found on the syntax tree. Phrases are looked for in every line of code, pages and
documentation, since an error text may stand anywhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.steps import BuildError

NAMES: Mapping[str, str] = {
    "preset": "convention_rules",
    "presets": "convention_rules",
    "drain": "run_sync",
    "drive": "run_async",
    "settle": "resolve",
    "Work": "Task",
    "drawn_scale": "scale_levels",
    "parting": "divergence",
    "partings": "divergences",
    "Held": "Codes",
    "Real": "Dequantized",
    "Known": "Constant",
    "KnownReal": "ConstantDequantized",
    "Pending": "Deferred",
    "Hands": "PlacementOps",
    "Treated": "StageResult",
    "Probe": "DryRun",
    "Tap": "Capture",
    "FlatBuilder": "KernelProgramBuilder",
    "PairProduct": "ActivationMatMul",
    "steady_sum": "deterministic_sum",
    "draws_zero_in": "range_includes_zero",
    "parted_by": "with_boundaries",
    "either_engine": "first_supporting_engine",
    "fault_of": "why_not",
    "trouble": "error_payload",
    "treated_work": "run_algorithms_task",
}
"""Old name -> the one in its place."""

SUFFIXES: Mapping[str, str] = {"_work": "_task"}

_THINGS = [
    "scale",
    "axis",
    "code",
    "tensor",
    "format",
    "number",
    "calibrator",
    "size",
    "zero-point",
    "image",
    "model",
    "file",
]

PHRASES: Mapping[str, str] = {
    rf"(?<!here )\bis no ({'|'.join(_THINGS)})\b": "is not a valid ...",
    r"\b\d+(\.\d+)? ?KB\b": "kB",
    r"\b(tensor|node|layer|file|sample|byte|value|weight|batch|channel)\(s\)": "the singular or the plural",
    r"\bpieces? of work\b": "task",
    r"\b(the|this) brief\b": "nothing: readers do not have it",
    r"\b(is|are) not accepted\b": "is not a valid ...",
    r"\b(was|were) asked for\b": "the requested ...",
    r"\bexcludes? each other\b": "cannot be combined",
    r"(?<!here )\b(is|was) no (JSON|zip archive|scheme|algorithm|shape|range|pattern|list|object)\b": "is not ...",
    r"\b(whoever|nobody)\b": "the reader, caller or user, by name",
    r"\bon the clipboard\b": "copied",
}
"""Pattern in a line -> what to write instead."""

_PROSE = {".py", ".md", ".mjs", ".js", ".html", ".c", ".h"}
_QUOTING = {"CHANGELOG.md", "words.py", "test_words.py", "test_error_texts.py"}
"""Files that name old words on purpose."""


def check(files: list[Path], root: Path) -> None:
    """Look through files.

    Args:
        files: those that the project tracks.
        root: where their paths start in the report.

    Raises:
        BuildError: old words were found; says where and what to write instead.
    """
    found = [
        f"{path.relative_to(root)}:{line}: {old} -> {new}"
        for path in files
        if path.suffix in _PROSE and path.name not in _QUOTING
        for line, old, new in in_file(path)
    ]
    if found:
        raise BuildError("words that docs/glossary.md has replaced:\n    " + "\n    ".join(found))


def in_file(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, what stands there, and what to write instead."""
    text = path.read_text("utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, new in PHRASES.items():
            hit = re.search(pattern, line)
            if hit:
                yield number, hit.group(), new
    if path.suffix == ".py":
        yield from _names(ast.parse(text))


def _names(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        for name in _named_by(node):
            if name in NAMES:
                yield getattr(node, "lineno", 0), name, NAMES[name]
            for old, new in SUFFIXES.items():
                if name.endswith(old):
                    yield getattr(node, "lineno", 0), name, name.removesuffix(old) + new


def _named_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            yield name
        case ast.alias(name=dotted):
            yield from dotted.split(".")
        case ast.ImportFrom(module=str(dotted)):
            yield from dotted.split(".")
        case ast.keyword(arg=str(name)):
            yield name

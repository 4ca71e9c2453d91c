"""Read from the C sources which arguments each kernel takes: they are stated there and nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.steps import BuildError

MOST_WORDS = 64
"""Words that the hosts set aside for a call's arguments."""

Layout = Mapping[str, "str | Layout"]
"""Field name -> ``"word"`` (int32), ``"float"`` (float32), ``"read"`` or ``"write"`` (the address of what the kernel
reads or writes), each with ``[4]`` behind it for an array of four; or the layout of a struct inside."""

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_INCLUDE = re.compile(r'^#include "(\w+\.h)"$', re.MULTILINE)
_STRUCT = re.compile(r"\bstruct (\w+) \{([^{}]*)\};")
_ENUM = re.compile(r"\benum(?: \w+)? \{([^{}]*)\};")
_KERNEL = re.compile(r"^KERNEL\((\w+)\)", re.MULTILINE)
_TAKES = re.compile(r"\s*\{\s*const struct (\w+) \*\w+ = \(const void \*\)args;")
_DECLARATION = re.compile(r"(?P<const>const )?(?P<type>struct \w+|\w+) (?P<names>[^;]+)")
_DECLARATOR = re.compile(r"(?P<pointer>\*)?(?P<name>\w+)(?:\[(?P<length>\w+)\])?")
_SCALARS = {"int32_t": "word", "float": "float"}
_POINTED = {"void", "float", "double", *(f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64))}


@dataclass
class _Scope:
    """The structs and constants that one C file sees."""

    structs: dict[str, str] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)


def layouts(folder: Path) -> dict[str, Layout]:
    """Kernel name -> layout of the struct that its first line names, of all ``.c`` files in a folder.

    Raises:
        BuildError: a kernel, a struct or a field is not written as this understands it.
    """
    found: dict[str, Layout] = {}
    for path in sorted(folder.glob("*.c")):
        text = _COMMENT.sub(" ", path.read_text("utf-8"))
        scope = _scope_of(text, folder)
        for name, struct in _kernels(text, path.name):
            if name in found:
                raise BuildError(f"{path.name}: the kernel {name} is defined twice.")
            found[name] = _layout(struct, scope, f"{path.name}, {name}")
            words = word_count(found[name])
            if words > MOST_WORDS:
                raise BuildError(f"{path.name}: {name} takes {words} words. Hosts have room for {MOST_WORDS}.")
    return found


def _scope_of(text: str, folder: Path) -> _Scope:
    scope = _Scope()
    for name in _INCLUDE.findall(text):
        inner = _scope_of(_COMMENT.sub(" ", (folder / name).read_text("utf-8")), folder)
        scope.structs |= inner.structs
        scope.constants |= inner.constants
    for name, body in _STRUCT.findall(text):
        if name in scope.structs:
            raise BuildError(f"struct {name} is defined twice where one C file sees it.")
        scope.structs[name] = body
    for body in _ENUM.findall(text):
        pairs = (part.split("=") for part in body.split(",") if part.count("=") == 1)
        scope.constants |= {name.strip(): int(value) for name, value in pairs if value.strip().isdecimal()}
    return scope


def _kernels(text: str, where: str) -> Iterator[tuple[str, str]]:
    """Each kernel of a file, and the struct that its first line takes its arguments for."""
    for match in _KERNEL.finditer(text):
        taken = _TAKES.match(text, match.end())
        if taken is None:
            raise BuildError(
                f"{where}: {match[1]} does not name its struct. Begin with `const struct X *a = (const void *)args;`."
            )
        yield match[1], taken[1]


def _layout(struct: str, scope: _Scope, where: str) -> Layout:
    if struct not in scope.structs:
        raise BuildError(f"{where}: struct {struct} is not defined in that file or its headers.")
    made: dict[str, str | Layout] = {}
    for statement in scope.structs[struct].split(";")[:-1]:
        for name, kind in _fields(" ".join(statement.split()), scope, f"{where}, struct {struct}"):
            if name in made:
                raise BuildError(f"{where}: struct {struct} has two fields {name}.")
            made[name] = kind
    if not made or scope.structs[struct].rpartition(";")[2].strip():
        raise BuildError(f"{where}: struct {struct} is not a list of fields, each ended by a semicolon.")
    return made


def _fields(statement: str, scope: _Scope, where: str) -> Iterator[tuple[str, str | Layout]]:
    """The fields that one declaration states."""
    declaration = _DECLARATION.fullmatch(statement)
    declarators = declaration and [_DECLARATOR.fullmatch(part.strip()) for part in declaration["names"].split(",")]
    if not declaration or not declarators:
        raise BuildError(f"{where}: `{statement}` is not understood.")
    for declarator in declarators:
        if declarator is None:
            raise BuildError(f"{where}: `{statement}` is not understood.")
        yield declarator["name"], _kind(declaration, declarator, scope, f"{where}: `{statement}`")


def _kind(declaration: re.Match[str], declarator: re.Match[str], scope: _Scope, where: str) -> str | Layout:
    of, is_array = declaration["type"], declarator["length"] is not None
    if declarator["pointer"]:
        if of not in _POINTED or is_array:
            raise BuildError(f"{where}: only plain pointers to {', '.join(sorted(_POINTED))} are understood.")
        return "read" if declaration["const"] else "write"
    if declaration["const"]:
        raise BuildError(f"{where}: a field that is not a pointer is not const.")
    if of.startswith("struct ") and not is_array:
        return _layout(of.removeprefix("struct "), scope, where)
    if of not in _SCALARS:
        raise BuildError(f"{where}: a field is an int32_t, a float, a pointer or a struct.")
    return _SCALARS[of] + (f"[{_length(declarator['length'], scope, where)}]" if is_array else "")


def _length(text: str, scope: _Scope, where: str) -> int:
    length = int(text) if text.isdecimal() else scope.constants.get(text, 0)
    if length < 1:
        raise BuildError(f"{where}: the length {text} is neither a positive number nor such a constant of an enum.")
    return length


def word_count(layout: Layout) -> int:
    """How many 32-bit words a struct takes."""
    lengths = (re.search(r"\[(\d+)\]", kind) if isinstance(kind, str) else word_count(kind) for kind in layout.values())
    return sum(length if isinstance(length, int) else int(length[1]) if length else 1 for length in lengths)


def as_json(found: Mapping[str, Layout]) -> str:
    """For Python: ``playground/host/kernel_structs.py`` reads it."""
    return json.dumps(found, indent=1) + "\n"


def as_javascript(found: Mapping[str, Layout]) -> str:
    """For JavaScript: a module with a constant a kernel, of which a bundle has those that are used.

    A constant holds the kernel's name and its words in order: ``["k_reals", "*scale", "zero_point", ...]``. A star
    before a name marks a float; names of an array's words end in their index, those of a struct inside begin with its
    name.
    """
    lines = [f"export const {name} = {json.dumps([name, *_words(layout)])};" for name, layout in found.items()]
    return "// Made by tools/kernel_structs.py from the structs in wasm_kernels/.\n" + "\n".join(lines) + "\n"


def as_typescript(found: Mapping[str, Layout]) -> str:
    """The types of what :func:`as_javascript` gives: TypeScript then checks every call's names and values."""
    lines = [f"export declare const {name}: Struct<{_type(layout)}>;" for name, layout in found.items()]
    return 'import type { Address, Struct } from "../../static/types/kernels";\n\n' + "\n".join(lines) + "\n"


def _type(layout: Layout) -> str:
    fields = []
    for name, kind in layout.items():
        if not isinstance(kind, str):
            of = _type(kind)
        elif kind in ("read", "write"):
            of = "Address"
        else:
            of = "readonly number[]" if "[" in kind else "number"
        fields.append(f"{name}: {of}")
    return f"{{ {'; '.join(fields)} }}"


def _words(layout: Layout, before: str = "") -> Iterator[str]:
    for name, kind in layout.items():
        if not isinstance(kind, str):
            yield from _words(kind, f"{before}{name}.")
            continue
        mark = "*" if kind.startswith("float") else ""
        length = re.search(r"\[(\d+)\]", kind)
        yield from (
            (f"{mark}{before}{name}.{i}" for i in range(int(length[1]))) if length else (f"{mark}{before}{name}",)
        )

"""What one piece of third-party software is called and licensed under, read from its own package.

Some packages carry no licence text (npm's ``pyodide``), and some software comes inside another package (Bokeh's
JavaScript has jQuery in it). Their texts are in ``tools/licence_texts/``, one file each: two lines that say the SPDX id
and where the text is from, an empty line, the text.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from tools.steps import BuildError

TEXTS = Path(__file__).parent / "licence_texts"

_LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice)", re.IGNORECASE)
_SPDX = {"3-Clause BSD License": "BSD-3-Clause", "BSD 3-Clause License": "BSD-3-Clause"}
"""What packages say in words -> the id of the same licence."""

_RULE = "\n\n" + "-" * 80 + "\n\n"
_HEAD = re.compile(r"SPDX-License-Identifier: (\S[^\n]*)\nText from: [^\n]+\n\n(.+)", re.DOTALL)


@dataclass(frozen=True)
class Component:
    """A piece of software that browsers get.

    Attributes:
        name: as its package index or its project writes it.
        version: its version; empty where nothing that is shipped says it.
        licence: an SPDX expression.
        where: the parts of the site that have it in them.
        text: the licence and the notices that come with it.
    """

    name: str
    version: str
    licence: str
    where: str
    text: str


def merged(found: Iterable[Component]) -> list[Component]:
    """The same software in several parts of the site as one component; in alphabetical order."""
    together: dict[tuple[str, str], Component] = {}
    for part in found:
        key = (part.name, part.version)
        known = together.get(key, part)
        places = dict.fromkeys([*known.where.split(", "), *part.where.split(", ")])
        together[key] = Component(*key, known.licence, ", ".join(places), known.text)
    return sorted(together.values(), key=lambda part: (part.name.lower(), part.version))


def kept_text(name: str) -> tuple[str, str]:
    """SPDX expression and text from ``tools/licence_texts/``.

    Raises:
        BuildError: there is no such file, or its head is not as it should be.
    """
    path = TEXTS / text_file(name)
    if not path.is_file():
        raise BuildError(f"{name} is shipped and has no licence text. Add tools/licence_texts/{path.name}.")
    found = _HEAD.fullmatch(path.read_text("utf-8"))
    if found is None:
        raise BuildError(f"{path}: it must begin with SPDX-License-Identifier, Text from and an empty line.")
    return found[1], found[2].strip("\n")


def text_file(name: str) -> str:
    """The name of a component's file in ``tools/licence_texts/``."""
    return name.replace("/", "+") + ".txt"


def kept(name: str, version: str, where: str, said: str = "") -> Component:
    """A component whose text is in ``tools/licence_texts/``.

    Args:
        name: its name, and the file's.
        version: its version, or empty.
        where: the parts of the site that have it.
        said: the licence that its package states, if it states one.

    Raises:
        BuildError: there is no text, or the text is of another licence than the package states.
    """
    licence, text = kept_text(name)
    if said.strip("()") not in ("", licence):
        raise BuildError(f"{name} is licensed under {said}. Replace tools/licence_texts/{text_file(name)} ({licence}).")
    return Component(name, version, licence, where, text)


def from_npm(modules: Path, name: str, where: str) -> Component:
    """An installed npm package.

    Raises:
        BuildError: it has no licence text.
    """
    folder = modules / name
    stated = json.loads((folder / "package.json").read_text("utf-8"))
    said = str(stated.get("license", ""))
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and _LICENCE_FILE.match(path.name)]
    if not files:
        return kept(name, stated["version"], where, said)
    text = _RULE.join(path.read_text("utf-8").strip("\n") for path in files)
    return Component(name, stated["version"], spdx(name, said, text), where, text)


def from_lock(lock: Mapping[str, Any], name: str, where: str) -> Component:
    """A package of an npm lock file that is not installed here.

    Raises:
        BuildError: the lock file lacks it, or there is no text.
    """
    entry = lock["packages"].get(f"node_modules/{name}")
    if entry is None:
        raise BuildError(f"{name} is {where}, whose lock file does not name it. Find its version and its licence.")
    return kept(name, entry["version"], where, entry.get("license", ""))


def from_python(packages: Path, place: str, where: str) -> Component:
    """The distribution that installed the module or package ``place`` (``"google/protobuf"``).

    Raises:
        BuildError: none did, or it has no licence text.
    """
    owner = _owners(packages).get(place if place.endswith(".py") else f"{place}/__init__.py")
    if owner is None:
        raise BuildError(f"{place}: no installed distribution has it; delete .venv and build again.")
    files = [path for path in owner.files or () if ".dist-info/" in str(path) and _LICENCE_FILE.match(path.name)]
    texts = [Path(str(path.locate())).read_text("utf-8").strip("\n") for path in files]
    return _distribution(Parser().parsestr(str(owner.read_text("METADATA"))), texts, where)


def from_wheel(wheel: Path, where: str) -> Component:
    """A wheel that is not installed.

    Raises:
        BuildError: it has no licence text.
    """
    with zipfile.ZipFile(wheel) as archive:
        inside = [name for name in archive.namelist() if ".dist-info/" in name]
        (metadata,) = (name for name in inside if name.endswith(".dist-info/METADATA"))
        texts = [archive.read(name).decode().strip("\n") for name in inside if _LICENCE_FILE.match(Path(name).name)]
        return _distribution(Parser().parsestr(archive.read(metadata).decode()), texts, where)


@cache
def _owners(packages: Path) -> dict[str, Distribution]:
    """File below ``site-packages`` -> the distribution that installed it."""
    return {str(path): found for found in distributions(path=[str(packages)]) for path in found.files or ()}


def _distribution(metadata: Message, texts: list[str], where: str) -> Component:
    name = metadata["Name"]
    if not texts:
        raise BuildError(f"{name} is shipped and its wheel has no licence text.")
    classifiers = [line for line in metadata.get_all("Classifier", []) if line.startswith("License ::")]
    said = metadata["License-Expression"] or metadata["License"] or "".join(classifiers[:1]).rpartition(":: ")[2]
    said = said.partition("\n")[0]  # some put the whole text there, its title first
    text = _RULE.join(dict.fromkeys(texts))
    return Component(name, metadata["Version"], spdx(name, said, text), where, text)


def spdx(name: str, said: str, text: str) -> str:
    """The SPDX expression of a licence as a package states it.

    Raises:
        BuildError: nothing is stated, or in words that are not known.
    """
    said = _SPDX.get(said, said)
    if said in ("BSD", "BSD License"):
        said = "BSD-3-Clause" if "Neither the name" in text else "BSD-2-Clause"
    if not said or not re.fullmatch(r"[\w.+() -]+", said) or "License " in said:
        raise BuildError(f"{name}: {said!r} is not a known licence. Add it to tools/components.py.")
    return said

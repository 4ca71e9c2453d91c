"""From the assembled tree to ``dist/``: every file but the entry points gets an address that changes with its content.

A *group* is a top-level folder of the tree, or the loose files of the site's own scripts. It moves into the folder
``<group>-<hash of its files>``, whole, because the modules in it import each other and Panel asks for files below a
root. References between groups are rewritten: in our own modules (``import``, ``new URL("./...", import.meta.url)``),
in the pages (``href``, ``src``, which also get ``integrity``), and in the manifest, the table of addresses at run time.
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.steps import BuildError, files_in

ENTRY_POINTS = ("index.html", "embed.html", "bench.html", "app.webmanifest", "third_party.txt")
"""What people and browsers ask for by name: these keep their names, and are asked for again on every visit."""

APP = "app"
"""The group of the loose files: the site's own scripts."""

MANIFEST = "manifest.json"
SERVICE_WORKER = "sw.mjs"
"""Compiled by :mod:`tools.offline`; it is no part of any group."""

SEPARATE = ("python", "wheels")
"""Folders whose files do not refer to each other: each gets a hash of its own, so that an update fetches few."""

DIGITS = 10
KEPT = "docs"
"""What else may lie in ``dist/``: ``build.py docs`` writes there."""

_REFERENCE = re.compile(r"""((?:\bfrom|\bimport)\s*\(?\s*|\bnew URL\(\s*)(["'`])(\.{1,2}/[^"'`$]*)\2""")
_TAG = re.compile(r"<(?:script|link|iframe)\b[^>]*>")
_ADDRESS = re.compile(r"""\b(href|src)="([^"#?:]+)\"""")


@dataclass(frozen=True)
class Release:
    """What ``dist/`` will hold."""

    name: str
    """A hash of everything: pages carry it as ``data-release``, and the service worker."""
    contents: Mapping[str, bytes]
    """Address -> bytes."""
    addresses: Mapping[str, str]
    """Path in the tree -> address."""


def group_address(name: str, contents: Mapping[str, bytes]) -> str:
    """``<name>-<hash>`` of a group whose files (path inside the group -> bytes) refer to no other group.

    What is built before the release and has addresses in it (a document with style sheets) takes them from here.
    """
    total = hashlib.sha256()
    for inside, content in sorted(contents.items()):
        total.update(f"{inside} {len(content)}\n".encode())
        total.update(content)
    return f"{name}-{total.hexdigest()[:DIGITS]}"


def folder_address(folder: Path) -> str:
    """The address of a group that is a folder of the tree."""
    return group_address(folder.name, {p.relative_to(folder).as_posix(): p.read_bytes() for p in files_in(folder)})


def plan(tree: Path) -> Release:
    """Give every file of the assembled tree its address, and rewrite what refers to it.

    Raises:
        BuildError: a page or a module of ours refers to a file that is not there.
    """
    files = {path.relative_to(tree).as_posix(): path.read_bytes() for path in files_in(tree)}
    groups: dict[str, dict[str, bytes]] = {}
    for path, content in files.items():
        if path not in (*ENTRY_POINTS, MANIFEST, SERVICE_WORKER):
            group, inside = _place(path)
            groups.setdefault(group, {})[inside] = content
    addresses: dict[str, str] = {}
    contents: dict[str, bytes] = {}
    for group in sorted(groups, key=lambda name: (name == APP, name)):  # the scripts last: they refer to the others
        found = groups[group]
        if group == APP:
            found = {name: _relink(name, content, addresses, groups[APP]) for name, content in found.items()}
        whole = group_address(group, found)
        for inside, content in found.items():
            folder = group_address(group, {inside: content}) if group in SEPARATE else whole
            addresses[_path_of(group, inside)] = f"{folder}/{inside}"
            contents[f"{folder}/{inside}"] = content
    if MANIFEST in files:
        _add(MANIFEST, _manifest(files[MANIFEST], addresses), addresses, contents)
    entries = {entry: files[entry] for entry in ENTRY_POINTS if entry in files}
    name = group_address("", {**dict.fromkeys(contents, b""), **entries}).removeprefix("-")
    for entry, content in entries.items():
        text = _entry(entry, content.decode(), addresses, contents)
        contents[entry] = text.replace("<html ", f'<html data-release="{name}" ', 1).encode()
    return Release(name, contents, addresses)


def write(contents: Mapping[str, bytes], target: Path) -> None:
    """Write a release and delete what is no longer part of it. Groups that are there already stay as they are."""
    target.mkdir(parents=True, exist_ok=True)
    for path in target.iterdir():
        if path.name == KEPT or (path.is_dir() and _is_whole(path, contents)):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for address, content in contents.items():
        place = target / address
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


def integrity(content: bytes) -> str:
    """The value of an ``integrity`` attribute."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def _is_whole(folder: Path, contents: Mapping[str, bytes]) -> bool:
    """Whether a folder that an earlier build left holds every file, with the size it must have, and no other."""
    found = {path.relative_to(folder.parent).as_posix(): path.stat().st_size for path in files_in(folder)}
    return found == {a: len(content) for a, content in contents.items() if a.startswith(f"{folder.name}/")}


def _place(path: str) -> tuple[str, str]:
    """The group of a path in the tree, and its path inside the group."""
    group, slash, inside = path.partition("/")
    return (group, inside) if slash else (APP, path)


def _path_of(group: str, inside: str) -> str:
    """The inverse of :func:`_place`."""
    return inside if group == APP else f"{group}/{inside}"


def _add(path: str, content: bytes, addresses: dict[str, str], contents: dict[str, bytes]) -> None:
    """A loose file with the hash in its own name."""
    stem, _, suffix = path.rpartition(".")
    address = f"{stem}-{hashlib.sha256(content).hexdigest()[:DIGITS]}.{suffix}"
    addresses[path] = address
    contents[address] = content


def _resolve(path: str, addresses: Mapping[str, str]) -> str | None:
    """The address of a file, or (``path`` ends with a slash) of a folder."""
    if not path.endswith("/"):
        return addresses.get(path)
    for other, address in addresses.items():
        if other.startswith(path):
            return address.removesuffix(other.removeprefix(path))
    return None


def _relink(name: str, content: bytes, addresses: Mapping[str, str], own: Mapping[str, bytes]) -> bytes:
    """Rewrite a script's references to other groups. It will lie one folder deep, where it was not deep at all.

    Raises:
        BuildError: it refers to what is not there.
    """
    if not name.endswith((".mjs", ".js")):
        return content

    def address(match: re.Match[str]) -> str:
        before, quote, reference = match.groups()
        path = posixpath.normpath(reference) + ("/" if reference.endswith("/") else "")
        if path in own or reference in ("./", "../"):
            return match.group()
        found = _resolve(path, addresses)
        if found is None:
            raise BuildError(f"{name} refers to {reference}, which is not part of the site. Correct the reference.")
        return f"{before}{quote}../{found}{quote}"

    return _REFERENCE.sub(address, content.decode()).encode()


def _manifest(content: bytes, addresses: Mapping[str, str]) -> bytes:
    """The manifest with addresses in place of paths, whole strings only."""

    def walk(value: object) -> object:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return _resolve(value, addresses) or value if isinstance(value, str) else value

    return (json.dumps(walk(json.loads(content)), indent=1) + "\n").encode()


def _entry(name: str, text: str, addresses: Mapping[str, str], contents: Mapping[str, bytes]) -> str:
    """A page (or the web app's manifest) that names addresses; other texts stay as they are.

    Raises:
        BuildError: it refers to what is not there.
    """
    if name.endswith(".txt"):
        return text
    if not name.endswith(".html"):
        return json.dumps(json.loads(_manifest(text.encode(), addresses)), indent=1) + "\n"

    def tag(match: re.Match[str]) -> str:
        return _link(name, match.group(), addresses, contents)

    return _TAG.sub(tag, text)


def _link(page: str, tag: str, addresses: Mapping[str, str], contents: Mapping[str, bytes]) -> str:
    found = _ADDRESS.search(tag)
    if found is None or found[2] in ENTRY_POINTS:
        return tag
    address = addresses.get(found[2])
    if address is None:
        raise BuildError(f"{page} refers to {found[2]}, which is not part of the site. Correct the reference.")
    tag = tag.replace(found.group(), f'{found[1]}="{address}"')
    if "data-unchecked" in tag:  # the script that runs where integrity cannot be checked, and says so
        return tag.replace(" data-unchecked", "")
    if re.search(r'<script|rel="(stylesheet|modulepreload|preload" as="script)"', tag):
        # With crossorigin the service worker may repair its copy, and a sandboxed frame may load it if the host allows.
        checks = f' integrity="{integrity(contents[address])}"'
        tag = tag[:-1] + checks + ("" if "crossorigin" in tag else ' crossorigin="anonymous"') + ">"
    return tag

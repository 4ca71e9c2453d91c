"""Models in several .safetensors files: those that an index names, or that were given together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from playground import plain_json
from playground.errors import DAMAGED, BadFileError, MissingError, plural, shown
from playground.host.sources import Source, SourceGroup, beside
from playground.limits import MOST_HEADER_BYTES, MOST_PARTS, MOST_TENSORS
from playground.model.graph import Tensor

Found = tuple[dict[str, Tensor], dict[str, str]]
"""Tensors and metadata of a file."""


def read_several(
    source: Source, read_one: Callable[[Source], Found]
) -> tuple[dict[str, Tensor], dict[str, str], tuple[str, ...]]:
    """Tensors and metadata of all files together, and notes about what is missing.

    Raises:
        BadFileError: a file or the index is damaged, they contradict each other, or a tensor is in two files.
        MissingError: none of the files that the index names is there.
    """
    if source.name.lower().endswith(".json"):
        return _by_index(source, read_one)
    names = source.others if isinstance(source, SourceGroup) else ()
    given = [beside(source, name) for name in names if name.lower().endswith(".safetensors")]
    return *_joined([source, *filter(None, given)], source.name, read_one), ()


def _joined(sources: list[Source], where: str, read_one: Callable[[Source], Found]) -> Found:
    if len(sources) > MOST_PARTS:
        raise BadFileError(f"the model is in {len(sources)} files", where=where, hint=f"Use at most {MOST_PARTS}")
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, str] = {}
    for source in sources:
        found, about = read_one(source)
        if twice := next((name for name in found if name in tensors), None):
            raise BadFileError(
                f"tensor {twice[:80]!r} is in two of the files", where=source.name, hint="Open the files of one model"
            )
        tensors.update(found)
        metadata = about | metadata
        if len(tensors) > MOST_TENSORS:
            raise BadFileError("the files have too many tensors", where=where, hint=f"Use at most {MOST_TENSORS}")
    return tensors, metadata


def _by_index(
    source: Source, read_one: Callable[[Source], Found]
) -> tuple[dict[str, Tensor], dict[str, str], tuple[str, ...]]:
    homes = _weight_map(source)
    names = sorted(set(homes.values()))
    if len(names) > MOST_PARTS:
        raise BadFileError(f"the index names {len(names)} files", where=source.name, hint=f"Use at most {MOST_PARTS}")
    there = {name: held for name in names if (held := beside(source, name)) is not None}
    missing = [name for name in names if name not in there]
    listed = ", ".join(map(shown, missing[:3])) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    if not there:
        raise MissingError(
            f"none of the {plural(len(names), 'file')} that the index names is there: {listed}",
            where=source.name,
            hint="Put them into the index's folder, or open them together with it",
        )
    tensors, metadata = _joined(list(there.values()), source.name, read_one)
    for name, home in homes.items():
        if home in there and name not in tensors:
            raise BadFileError(
                f"the index says that tensor {name[:80]!r} is in {shown(home)}, which lacks it",
                where=source.name,
                hint=DAMAGED,
            )
    if not missing:
        return tensors, metadata, (f"The model is in {plural(len(names), 'file')}.",)
    told = (
        f"Of {len(names)} files {len(missing)} {'is' if len(missing) == 1 else 'are'} missing ({listed}): "
        f"{len(tensors)} of {len(homes)} tensors are here. Put all files into one folder, or open them together."
    )
    return tensors, metadata, (told,)


def _weight_map(source: Source) -> Mapping[str, str]:
    """The index: name of a tensor -> name of the file that it is in."""
    if source.size > MOST_HEADER_BYTES:
        raise BadFileError(
            f"the index has {source.size} bytes", where=source.name, hint=f"Use at most {MOST_HEADER_BYTES}"
        )
    text = source.read(0, source.size)
    index: Any = plain_json.parse(text, BadFileError, source.name, most_bytes=MOST_HEADER_BYTES, what="the index")
    homes = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(homes, dict) or not homes or not all(isinstance(home, str) for home in homes.values()):
        raise BadFileError(
            "the index has no weight_map from names of tensors to names of files", where=source.name, hint=DAMAGED
        )
    return homes

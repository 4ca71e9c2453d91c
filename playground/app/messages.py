"""What the page's messages consist of: a content, files, and errors in the answers."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from playground.errors import InvalidInputError, PlaygroundError
from playground.host.sources import Source


def error_payload(error: Exception) -> dict[str, str]:
    """An error as the page takes it; one that nobody foresaw brings its traceback along."""
    if isinstance(error, PlaygroundError):
        return error.as_dict(in_page=True)
    if isinstance(error, MemoryError):
        return {"kind": "memory", "message": "This page has no memory left for that. Use a smaller model or batch."}
    detail = "".join(traceback.format_exception(error))
    return {"kind": "internal", "message": f"{type(error).__name__}: {error}", "detail": detail}


def content(text: str) -> Mapping[str, Any]:
    """What a message says. Raises InvalidInputError for what is no object."""
    said = json.loads(text)
    if not isinstance(said, Mapping):
        raise InvalidInputError("its content is no object", where="message")
    return said


def mapping(content: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """A field that is an object (InvalidInputError)."""
    value = content.get(field)
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"an object is needed, not {value!r}", where=field)
    return value


def one(files: Sequence[Source]) -> Source:
    """The only file of a message (InvalidInputError)."""
    if len(files) != 1:
        raise InvalidInputError(f"one file is needed, not {len(files)}", where="message")
    return files[0]

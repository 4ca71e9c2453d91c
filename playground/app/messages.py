"""What the page's messages consist of: a content, files, and errors in the answers."""

from __future__ import annotations

import json
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from playground.app.page_words import in_page
from playground.errors import InvalidInputError, PlaygroundError, plural
from playground.host.sources import Source

Answer = tuple[Any, Sequence[bytes]]
"""A JSON-able result, and buffers that go with it."""

Handler = Callable[[int, Mapping[str, Any], Sequence[Source]], Awaitable[Answer] | Answer]
"""What answers a request: its id, its content and its files."""


def error_payload(error: Exception) -> dict[str, str]:
    """An error as the page takes it; an unexpected one has its traceback under ``detail``."""
    if isinstance(error, PlaygroundError):
        told = error.as_dict(in_page=True)
        return told | {"message": in_page(told["message"])}
    if isinstance(error, MemoryError):
        return {"kind": "memory", "message": "The page has not enough memory for this. Use a smaller model or batch."}
    detail = "".join(traceback.format_exception(error))
    return {"kind": "internal", "message": f"{type(error).__name__}: {error}", "detail": detail}


def content(text: str) -> Mapping[str, Any]:
    """The content of a message. Raises InvalidInputError for a content that is not an object."""
    said = json.loads(text)
    if not isinstance(said, Mapping):
        raise InvalidInputError("the content is not a JSON object", where="message", hint="Send an object")
    return said


def mapping(content: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """A field that is an object (InvalidInputError)."""
    value = content.get(field)
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{value!r} is not a JSON object", where=field, hint="Send an object")
    return value


def one(files: Sequence[Source]) -> Source:
    """The only file of a message (InvalidInputError)."""
    if len(files) != 1:
        raise InvalidInputError(
            f"the message has {plural(len(files), 'file')}", where="message", hint="Send exactly one file"
        )
    return files[0]

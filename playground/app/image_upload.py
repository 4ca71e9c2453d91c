"""Images that the page has decoded, one a message, as inputs of the open model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.app.input_sizes import chosen_shapes
from playground.app.inputs import Feeds, as_feeds
from playground.app.workspace import Workspace
from playground.errors import BadFileError, CancelledError, InvalidInputError, one_of, typed
from playground.host.sources import Source
from playground.limits import MOST_PICTURE_CELLS
from playground.model.graph import Graph

MOST_BYTES = 512_000_000
"""What prepared images may take in all: the browser's Python has two or four gigabytes."""

CHANNELS_OF_PAGE = 4
"""A browser gives red, green, blue and opacity."""


class ImageUpload:
    """The images of one choice of files, as they come in; forgotten with the model that they are for."""

    def __init__(self, workspace: Workspace) -> None:
        """``workspace`` holds the model."""
        self._workspace = workspace
        self.forget()
        workspace.param.watch(lambda *_: self.forget(), "model")

    def forget(self) -> None:
        """Take no more of these images."""
        self._rows: list[NDArray[np.float32]] = []
        self._for: tuple[Graph, Any] | None = None

    def add(self, content: Mapping[str, Any], source: Source) -> tuple[str, Feeds | None]:
        """Take one of several images, in their order.

        Args:
            content: ``index`` and ``total``; ``height`` and ``width``; ``choices``: fields of
                :class:`playground.ptq.images.ImageSettings`, what is left out is read off the model's input.
            source: the pixels, as a canvas has them: rows of red, green, blue, opacity, uint8.

        Returns:
            How they are read, and with the last one the model's feeds.

        Raises:
            InvalidInputError: the model reads no images, or a choice is invalid.
            BadFileError: there are more or fewer pixels than height and width say.
            CancelledError: another model, or other images, were opened meanwhile.
        """
        with typed(
            InvalidInputError, "the file cannot be used as an input", where=source.name, hint="Choose another file"
        ):
            return self._add(content, source)

    def _add(self, content: Mapping[str, Any], source: Source) -> tuple[str, Feeds | None]:
        from playground.ptq.images import image_settings, pixels_of, prepared_image

        index, total = _whole(content, "index", 0), _whole(content, "total", 1)
        height, width = _whole(content, "height", 1), _whole(content, "width", 1)
        graph = self._workspace.required_model().required_graph()
        if index == 0:
            shapes = chosen_shapes(graph, self._workspace.settings.sizes)
            settings = image_settings(graph, shapes, **_choices(content.get("choices")))
            each = 4 * settings.height * settings.width * settings.channels
            if total * each > MOST_BYTES:
                raise InvalidInputError(
                    f"{total} images of this size take too much memory",
                    where="images",
                    hint=f"Choose at most {MOST_BYTES // each}",
                )
            self._rows, self._for = [], (graph, settings)
        if self._for is None or self._for[0] is not graph or len(self._rows) != index:
            raise CancelledError(
                "another model or other images were opened", where="images", hint="Choose the images again"
            )
        settings = self._for[1]
        if source.size != height * width * CHANNELS_OF_PAGE:
            raise BadFileError(
                f"{source.size} bytes do not hold {height} x {width} pixels",
                where=source.name,
                hint="Choose another image",
            )
        if height * settings.height + width * settings.width > MOST_PICTURE_CELLS:
            raise InvalidInputError(
                f"{height} x {width} pixels cannot be resized to {settings.height} x {settings.width}",
                where=source.name,
                hint="Choose a smaller image",
            )
        pixels = np.frombuffer(source.read(0, source.size), np.uint8).reshape(height, width, CHANNELS_OF_PAGE)
        self._rows.append(prepared_image(pixels_of(pixels), settings))
        if index + 1 < total:
            return settings.described, None
        rows = self._rows
        self.forget()
        return settings.described, as_feeds({settings.name: np.stack(rows)}, graph, samples=True)


def _whole(content: Mapping[str, Any], field: str, least: int) -> int:
    value = content.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInputError(
            f"{value!r} is not a valid {field}", where=field, hint=f"Use a whole number of at least {least}"
        )
    return value


FIELDS: Mapping[str, type] = {"height": int, "width": int, "layout": str, "resize": str, "scale": float}


def _choices(given: Any) -> dict[str, Any]:
    """What was chosen, of the types that image settings have; empty texts are no choice."""
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            f"{given!r} is not a JSON object", where="choices", hint="Send an object of image settings"
        )
    found: dict[str, Any] = {}
    for name, value in given.items():
        if value in ("", None):
            continue
        try:
            if name in ("mean", "std"):
                found[name] = tuple(float(part) for part in str(value).replace(",", " ").split())
            elif name in FIELDS:
                found[name] = FIELDS[name](value)
            else:
                raise InvalidInputError(
                    f"there is no image setting {name!r}", where="images", hint=one_of(name, FIELDS)
                )
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"{value!r} is not a valid {name}", where=f"images: {name}", hint="Use numbers"
            ) from error
    return found

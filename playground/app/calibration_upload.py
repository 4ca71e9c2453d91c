"""The calibration data that a visitor gives the open model: an ``.npz``, or images that the page has decoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import gallery
from playground.app.input_sizes import chosen_shapes
from playground.app.inputs import Feeds, as_feeds, read_arrays
from playground.app.workspace import Workspace
from playground.engines.fitting import fitted
from playground.errors import BadFileError, CancelledError, InvalidInputError, one_of, plural, typed
from playground.host.sources import Source
from playground.limits import MOST_PICTURE_CELLS
from playground.model.graph import Graph

MOST_BYTES = 512_000_000
"""What prepared images may take in all: the browser's Python has two or four gigabytes."""

CHANNELS_OF_PAGE = 4
"""A browser gives red, green, blue and opacity."""


class CalibrationUpload:
    """Samples for the model that is open; they are forgotten with it."""

    def __init__(self, workspace: Workspace) -> None:
        """``workspace`` holds the model; its results are forgotten when other data comes."""
        self._workspace = workspace
        self.feeds: Feeds | None = None
        self.labels: NDArray[np.int64] | None = None
        self.name = self._how = ""
        self.count = 0
        self._rows: list[NDArray[np.float32]] = []
        self._for: tuple[Graph, Any] | None = None
        workspace.param.watch(lambda *_: self._forget(), "model")

    def _forget(self) -> None:
        self.feeds, self.labels, self.name, self._how, self.count = None, None, "", "", 0
        self._rows, self._for = [], None

    @property
    def sentence(self) -> str:
        """Where it comes from, for the page."""
        if self.name:
            one = " Ranges from one sample hold for that one: give a few dozen." if self.count == 1 else ""
            return f"{self.name}: {plural(self.count, 'sample')}.{one} {self._how}".rstrip()
        if self._workspace.settings.model in gallery.entries():
            return f"{gallery.entry(self._workspace.settings.model).data.calibration.capitalize()} of the gallery."
        return "No calibration data: inputs will be made up. This is a smoke test and says nothing about accuracy."

    def use_npz(self, source: Source) -> dict[str, Any]:
        """Take an ``.npz`` whose arrays are named as the model's inputs, and ``labels`` if the classes are known.

        Raises:
            BadFileError, InvalidInputError: it is no such file, its arrays do not fit, or its labels do not.
        """
        graph = self._graph()
        with typed(
            InvalidInputError,
            "the file cannot be used as calibration data",
            where=source.name,
            hint="Choose another file",
        ):
            return self._use_arrays(read_arrays(source), graph, source.name)

    def _use_arrays(self, arrays: Feeds, graph: Graph, name: str) -> dict[str, Any]:
        # no first view needs it
        from playground.analysis.labels import checked_labels, taken_from

        given = taken_from(arrays, graph)
        feeds = as_feeds(arrays, graph, samples=True)
        labels = None if given is None else checked_labels(given, count_of(graph, feeds), graph, name)
        how = "With labels." if given is not None else "Without labels: answers are compared with the float model's."
        return self._take(feeds, name, how, labels)

    def add_image(self, content: Mapping[str, Any], source: Source) -> dict[str, Any]:
        """Take one of several images, in their order; with the last they become the calibration data.

        Args:
            content: ``index`` and ``total``; ``height`` and ``width``; ``choices``: fields of
                :class:`playground.ptq.images.ImageSettings`, what is left out is read off the model's input.
            source: the pixels, as a canvas has them: rows of red, green, blue, opacity, uint8.

        Returns:
            ``{"described": how they are read}``, with the last one name and number too.

        Raises:
            InvalidInputError: the model reads no images, or a choice is invalid.
            BadFileError: there are more or fewer pixels than height and width say.
            CancelledError: another model, or other images, were opened meanwhile.
        """
        with typed(
            InvalidInputError,
            "the file cannot be used as calibration data",
            where=source.name,
            hint="Choose another file",
        ):
            return self._add_image(content, source)

    def _add_image(self, content: Mapping[str, Any], source: Source) -> dict[str, Any]:
        from playground.ptq.images import image_settings, pixels_of, prepared_image

        index, total = _whole(content, "index", 0), _whole(content, "total", 1)
        height, width = _whole(content, "height", 1), _whole(content, "width", 1)
        graph = self._graph()
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
            return {"described": settings.described}
        rows, self._rows, self._for = self._rows, [], None
        feeds = as_feeds({settings.name: np.stack(rows)}, graph, samples=True)
        name = source.name if total == 1 else f"{total} images"
        return {"described": settings.described, **self._take(feeds, name, settings.described)}

    def _take(self, feeds: Feeds, name: str, how: str, labels: NDArray[np.int64] | None = None) -> dict[str, Any]:
        self.feeds, self.labels, self.name, self._how = feeds, labels, name, how
        self._workspace.other_samples()
        self.count = count_of(self._graph(), feeds)
        return {"name": name, "samples": self.count}

    def _graph(self) -> Graph:
        return self._workspace.required_model().required_graph()


def count_of(graph: Graph, feeds: Mapping[str, NDArray[Any]]) -> int:
    """How many samples there are for a graph."""
    held, axes = fitted(graph, feeds)
    return axes.count(held)


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

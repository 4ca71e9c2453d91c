"""The calibration data that a visitor gives the open model: an ``.npz``, or images that the page has decoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import gallery
from playground.app.image_upload import ImageUpload
from playground.app.inputs import Feeds, as_feeds, read_arrays
from playground.app.workspace import Workspace
from playground.engines.fitting import fitted
from playground.errors import InvalidInputError, plural, typed
from playground.host.sources import Source
from playground.model.graph import Graph


class CalibrationUpload:
    """Samples for the model that is open; they are forgotten with it."""

    def __init__(self, workspace: Workspace) -> None:
        """``workspace`` holds the model; its results are forgotten when other data comes."""
        self._workspace = workspace
        self.feeds: Feeds | None = None
        self.labels: NDArray[np.int64] | None = None
        self.name = self._how = ""
        self.count = 0
        self._images = ImageUpload(workspace)
        workspace.param.watch(lambda *_: self._forget(), "model")

    def _forget(self) -> None:
        self.feeds, self.labels, self.name, self._how, self.count = None, None, "", "", 0

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
        """Take one of several images; with the last they become the calibration data. See :meth:`ImageUpload.add`.

        Returns:
            ``{"described": how they are read}``, with the last one name and number too.
        """
        described, feeds = self._images.add(content, source)
        if feeds is None:
            return {"described": described}
        total = content["total"]
        name = source.name if total == 1 else f"{total} images"
        return {"described": described, **self._take(feeds, name, described)}

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

"""The open model beside a second file, or beside what it was quantized to, tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from playground import gallery
from playground.analysis.comparison import Comparison, comparison_task, file_data, proposal_of
from playground.analysis.dequantized import both_real_tensors
from playground.analysis.pair_picture import pair_picture_task
from playground.analysis.renaming import renamed
from playground.app.model_jobs import ModelJobs
from playground.app.workspace import Workspace
from playground.errors import CancelledError, InvalidInputError, MissingError, PlaygroundError, one_of
from playground.host.sources import BytesSource, Source
from playground.model.graph import Model, Tensor
from playground.model.loading import grouped
from playground.opening import load
from playground.render import files_compared
from playground.tasks import Task

SECONDS = ("file", "quantized", "again")
"""What the model is compared with: a file that comes with the request, the quantized model, or the same as before."""


@dataclass(frozen=True, slots=True, eq=False)
class Second:
    """What the open model is compared with.

    Attributes:
        model: its tensors.
        nbytes: of its file.
        result: the quantized model that it is; None: a file of the visitor's.
    """

    model: Model
    nbytes: int
    result: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """A comparison that is open in the page.

    Attributes:
        second: what the open model was compared with.
        tensors: the real tensors by name, of both.
        data: both files and the comparison, as ``playground compare --json`` prints them.
    """

    second: Second
    tensors: tuple[Mapping[str, Tensor], Mapping[str, Tensor]]
    data: Mapping[str, Any]


class FileComparison:
    """Compares the model of a workspace, and leaves the comparison there; the model stays the open one."""

    def __init__(self, workspace: Workspace, models: ModelJobs) -> None:
        """``models`` knows the quantized model's file."""
        self._workspace, self._models = workspace, models

    def compare_task(self, content: Mapping[str, Any], files: Sequence[Source]) -> Task[dict[str, Any]]:
        """Compare; what was compared before stays where this fails.

        Args:
            content: ``"second"``, one of ``SECONDS``, and ``"rename"``, patterns ``REGEX=REPLACEMENT``, one a line.
            files: those of the second model.

        Returns:
            ``"comparison"``, as ``playground compare --json`` prints it; ``"sentence"``, the result; ``"picture"``, of
            the tensor that differs most, as :meth:`tensor_task` returns it, or None.

        Raises:
            InvalidInputError: a pattern is wrong. MissingError: there is nothing to compare with.
            BadFileError, UnsupportedError: the second file cannot be used.
            CancelledError: another model was opened meanwhile.
        """
        model = self._workspace.required_model()
        rename = renamed([line for line in str(content.get("rename") or "").splitlines() if line.strip()])
        second = self._second(content.get("second"), files)
        tensors = both_real_tensors(model, second.model, rename)
        try:
            found = yield from comparison_task(model, second.model, rename)
        except MissingError:
            # which names there are helps to write a pattern
            missing, added = (tuple(names) for names in tensors)
            found = Comparison((), (), missing, added, proposal_of(*tensors))
        if self._workspace.model is not model:
            raise CancelledError("another model was opened meanwhile", where="compare", hint="Compare again")
        files_told = {"a": self._first(model), "b": file_data(second.model.name, second.model, second.nbytes)}
        beside = Beside(second, tensors, {**files_told, **found.as_dict()})
        worst = next((pair.name for pair in found.pairs if not pair.problem), None)
        picture = None if worst is None else (yield from _picture_task(beside, worst))
        self._workspace.beside = beside
        return {"comparison": beside.data, "sentence": files_compared.sentence(beside.data), "picture": picture}

    def tensor_task(self, name: str) -> Task[dict[str, Any]]:
        """One of the compared tensors: a sentence, and both histograms or why there are none.

        Raises:
            MissingError: no comparison is open, or it has no such tensor.
        """
        beside = self._workspace.beside
        if beside is None:
            raise MissingError("no files are compared", where="compare", hint="Compare the model with another file")
        return (yield from _picture_task(beside, name))

    def close(self) -> None:
        """Let go of the second file."""
        self._workspace.beside = None

    def _first(self, model: Model) -> dict[str, Any]:
        key = self._workspace.settings.model
        nbytes = len(gallery.model_bytes(key)) if key in gallery.entries() else model.file_bytes
        return file_data(model.name, model, nbytes)

    def _second(self, which: Any, files: Sequence[Source]) -> Second:
        if which == "file":
            model = load(grouped(files))
            return Second(model, model.file_bytes)
        if which == "quantized":
            return self._quantized()
        if which != "again":
            raise InvalidInputError(
                f"{which!r} is nothing to compare with", where="second", hint=one_of(str(which), SECONDS)
            )
        beside = self._workspace.beside
        if beside is None:
            raise MissingError("the second file is no longer open", where="compare", hint="Open it again")
        second: Second = beside.second
        return second

    def _quantized(self) -> Second:
        result = self._workspace.shown("result")
        if result is None:
            raise MissingError("no model has been quantized", where="compare", hint="Quantize the model first")
        name = self._models.quantized_name()
        if getattr(result, "ending", "") == ".npz":
            return Second(_of_codes(result, name), len(result.file), result)
        return Second(load(BytesSource(result.file, name)), len(result.file), result)


def _of_codes(result: Any, name: str) -> Model:
    """A model of tensors alone with those that were quantized as what their codes stand for.

    Its ``.npz`` has codes and scales as arrays of their own, which no reader can know to belong together.
    """

    def tensor(held: Tensor) -> Tensor:
        codes = result.quantized.get(held.name)
        if codes is None:
            return held
        label = codes.scheme.format
        return Tensor(
            held.name, label, held.shape, codes.nbytes, lambda: codes.dequantize().reshape(held.shape), quantized=True
        )

    original: Model = result.model
    tensors = {key: tensor(held) for key, held in original.tensors.items()}
    return replace(original, format="npz", name=name, tensors=tensors, notes=(), file_bytes=len(result.file))


def _picture_task(beside: Beside, name: str) -> Task[dict[str, Any]]:
    pair = next((pair for pair in beside.data["pairs"] if pair["name"] == name), None)
    if pair is None:
        raise MissingError(f"{name!r} is not among the compared tensors", where="compare", hint="Choose another one")
    told = {"name": name, "sentence": files_compared.of_pair(pair), "histograms": None}
    if pair["problem"]:
        return told
    try:
        found = yield from pair_picture_task(beside.tensors[0][name], beside.tensors[1][pair["other"]])
    except CancelledError:
        raise
    except PlaygroundError as error:  # its numbers are there all the same
        return {**told, "sentence": f"{told['sentence']} It is not drawn: {error.what}."}
    return {**told, "histograms": found.as_dict()}

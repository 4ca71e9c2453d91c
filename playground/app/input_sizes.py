"""The sizes that a visitor chooses for inputs that the open model leaves open: from the settings, held against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from playground.engines.batch_axes import open_sizes
from playground.errors import InvalidInputError, PlaygroundError
from playground.model.graph import Graph, Model
from playground.settings import sizes_of, sizes_text

if TYPE_CHECKING:
    from playground.analysis.size_suggestions import Suggestion

Shapes = Mapping[str, Sequence[int]]


def chosen_shapes(graph: Graph, sizes: str) -> dict[str, tuple[int, ...]] | None:
    """Input -> sizes, from the setting; None where the model leaves nothing open, or nothing is chosen.

    Raises:
        InvalidInputError: the sizes are not as many as inputs that need them, or none that these can have.
    """
    wanted, given = list(open_sizes(graph)), sizes_of(sizes)
    if not wanted or not given:
        return None
    if len(wanted) != len(given):
        raise InvalidInputError(
            f"there are sizes for {len(given)} inputs, and {len(wanted)} leave sizes open: {', '.join(wanted)}",
            where="sizes",
            hint="Write the sizes of each, with commas between them",
        )
    from playground.ptq.made_up import checked_sizes  # no first view needs it

    shapes = dict(zip(wanted, given, strict=True))
    checked_sizes(graph, shapes)
    return shapes


def completed(graph: Graph, sizes: str) -> str:
    """The setting with sizes that the model knows filled in: ``"48x192"`` is ``"1x3x48x192"`` for ``N x 3 x H x W``.

    What does not have exactly as many sizes as an input leaves open stays as it is.

    Raises:
        InvalidInputError: the text is not sizes.
    """
    wanted, given = open_sizes(graph), sizes_of(sizes)
    if len(wanted) != len(given):
        return sizes
    shapes = {value.name: value.shape or () for value in graph.inputs}
    parts = zip(wanted.items(), given, strict=True)
    return sizes_text(_filled(shapes[name], axes, part) for (name, axes), part in parts)


def _filled(shape: Sequence[int | str | None], axes: Sequence[int], given: Sequence[int]) -> Sequence[int]:
    if len(given) == len(shape) or len(given) != len(axes):
        return given
    places = dict(zip(axes, given, strict=True))
    # of the axes that are left only that of the samples has no size
    return [dim if isinstance(dim, int) else places.get(axis, 1) for axis, dim in enumerate(shape)]


def require_sizes(graph: Graph, shapes: Shapes | None) -> None:
    """Say where sizes are chosen, if they are needed and are not.

    Raises:
        InvalidInputError: inputs leave sizes open.
    """
    wanted = open_sizes(graph)
    if wanted and not shapes:
        raise InvalidInputError(
            "the model leaves sizes open, so no inputs can be made up",
            where=f"input {next(iter(wanted))!r}",
            hint="Choose its sizes under Sizes of inputs in the Model view, or calibration data",
        )


def kept_sizes(model: Model, sizes: str) -> str:
    """The setting as far as a newly opened model can have it: all of it, or nothing."""
    try:
        fits = model.graph is not None and chosen_shapes(model.graph, sizes) is not None
    except PlaygroundError:
        fits = False
    return sizes if fits else ""


def described(suggestion: Suggestion) -> str:
    """A suggestion in a list: the sizes of its inputs, and where they are from."""
    sizes = ", ".join(" × ".join(map(str, shape)) for shape in suggestion.shapes.values())
    return f"{sizes} ({suggestion.about})" if suggestion.about else sizes

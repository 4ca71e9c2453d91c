"""Sizes on the command line: ``--shape NAME=1,3,224,224``, for inputs that are made up and leave sizes open."""

from __future__ import annotations

import argparse

from playground.errors import InvalidInputError
from playground.model.graph import Graph
from playground.ptq.made_up import checked_sizes

OPTION = "--shape"
EXAMPLE = "Write image=1,3,224,224, for instance"


def add_shapes(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        OPTION,
        action="append",
        metavar="NAME=SIZES",
        help="sizes of an input that leaves some open, where inputs are made up: image=1,3,224,224; may be repeated",
    )


def shapes_of(args: argparse.Namespace, graph: Graph) -> dict[str, tuple[int, ...]] | None:
    """What the option says, held against the graph; None where it is not used.

    Raises:
        InvalidInputError: it is not written as it should be, names no input, or the sizes are none that it can have.
    """
    if not args.shape:
        return None
    shapes: dict[str, tuple[int, ...]] = {}
    for text in args.shape:
        name, equals, sizes = text.rpartition("=")
        try:
            if not equals or not name or name in shapes:
                raise ValueError(text)
            shapes[name] = tuple(int(size) for size in sizes.replace("x", ",").split(",")) if sizes else ()
        except ValueError:
            what = "is given twice" if name in shapes else "is not NAME=SIZES"
            raise InvalidInputError(f"{text!r} {what}", where=OPTION, hint=EXAMPLE) from None
    try:
        checked_sizes(graph, shapes)
    except InvalidInputError as error:
        where = OPTION if error.where == "shapes" else f"{OPTION}: {error.where}"
        raise error.at(where) from error
    return shapes

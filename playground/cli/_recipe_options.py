"""The options that make a recipe, and the recipe that they make."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from playground.api import calibrators, conventions, formats
from playground.errors import InvalidInputError, MissingError
from playground.model.graph import Graph
from playground.model.recipe import ACTIVATIONS, Recipe, Rule
from playground.model.recipe.given import recipe_file
from playground.model.recipe.parts import pairs_from
from playground.model.recipe.representations import REPRESENTATIONS
from playground.model.recipe.schemes import weight_scheme
from playground.model.recipe.unmatched import near_names, unmatched
from playground.model.runtimes import runtime, runtimes
from playground.number_formats import format_id, id_of
from playground.quantization import Scheme

CHOICES = (
    "format",
    "granularity",
    "symmetric",
    "convention",
    "weight_calibrator",
    "weight_calibrator_arg",
    "activations",
    "activation_format",
    "calibrator",
    "calibrator_arg",
    "exclude",
    "runtime",
    "algorithms",
    "prepare",
    "partial",
    "representation",
)
"""The options that make a recipe, and that a recipe file stands for."""


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--recipe",
        metavar="JSON",
        help="a recipe file (ours, ONNX Runtime's TensorQuantOverrides, ai-edge-quantizer's) instead of these options",
    )
    parser.add_argument(
        "--runtime", choices=tuple(runtimes()), help="the runtime that the model is for; default onnxruntime"
    )
    parser.add_argument(
        "--algorithms",
        nargs="+",
        metavar="ID[:NAME=VALUE,...]",
        help="algorithms that reduce the error, for instance smoothquant:alpha=0.5 gptq",
    )
    parser.add_argument("--prepare", action="store_true", default=None, help="fuse layer norms, remove dead code first")
    parser.add_argument(
        "--representation",
        type=str.lower,
        choices=REPRESENTATIONS,
        help="the ONNX file's form: qdq (default), or qoperator: operators on codes, for weights alone MatMulNBits",
    )
    strict = parser.add_mutually_exclusive_group()
    strict.add_argument(
        "--partial", action="store_true", default=None, help="leave in float what cannot be quantized (default)"
    )
    strict.add_argument(
        "--strict",
        dest="partial",
        action="store_false",
        help="refuse a model of which a part cannot be quantized",
    )
    _add_weights(parser.add_argument_group("weights"))
    _add_activations(parser.add_argument_group("activations"))


def _format(text: str) -> str:
    return format_id(text, "--format")


def _add_weights(weights: argparse._ArgumentGroup) -> None:
    weights.add_argument(
        "--format",
        type=_format,
        metavar="FORMAT",
        help="a number format that the runtime reads, see 'playground formats'; default int8, for gguf q8_0",
    )
    weights.add_argument(
        "--granularity", choices=("tensor", "channel"), help="which values share a scale; default channel"
    )
    sign = weights.add_mutually_exclusive_group()
    sign.add_argument("--symmetric", action="store_true", default=None, help="the zero-point is 0 (default)")
    sign.add_argument(
        "--asymmetric", dest="symmetric", action="store_false", help="the zero-point follows from the range"
    )
    weights.add_argument(
        "--convention", choices=tuple(conventions()), help="whose rules to follow; default onnxruntime"
    )
    weights.add_argument(
        "--weight-calibrator", choices=tuple(calibrators()), help="the calibrator, which finds ranges; default minmax"
    )
    _add_arguments(weights, "--weight-calibrator-arg")
    weights.add_argument(
        "--exclude",
        action="append",
        metavar="PATTERN",
        help="leave matching tensors or nodes in float; may be repeated",
    )


def _add_activations(activations: argparse._ArgumentGroup) -> None:
    activations.add_argument(
        "--activations",
        type=lambda text: _spelled(text.lower()),
        choices=tuple(map(_spelled, ACTIVATIONS)),
        help="default static",
    )
    activations.add_argument("--activation-format", choices=("uint8", "int8"), help="default uint8, for tflite int8")
    activations.add_argument(
        "--calibrator", choices=tuple(calibrators()), help="the calibrator, which finds ranges; default minmax"
    )
    _add_arguments(activations, "--calibrator-arg")


def recipe_of(args: argparse.Namespace, graph: Graph) -> Recipe:
    """The recipe that the options describe, or the one in the file."""
    return recipe_for(args, (*graph.initializers, *(node.name for node in graph.nodes)))


def recipe_for(args: argparse.Namespace, names: Collection[str]) -> Recipe:
    """The same for a model in which tensors and nodes have these names."""
    given = [name for name in CHOICES if getattr(args, name) is not None]
    if args.recipe:
        if given:
            raise InvalidInputError(
                f"{_option(args, given[0])} cannot be combined with --recipe",
                where="--recipe",
                hint="Change the recipe instead",
            )
        if not Path(args.recipe).exists() and (form := id_of(args.recipe, formats())):
            hint = f"Write --format {form}"
            raise MissingError("this is a number format and not a file", where=f"--recipe {args.recipe}", hint=hint)
        return recipe_file(args.recipe)
    weights = _given(args, "granularity", "symmetric", "convention")
    weights |= _calibrator(args.weight_calibrator, args.weight_calibrator_arg, "--weight-calibrator-arg")
    static = (args.activations or ACTIVATIONS[0]) == ACTIVATIONS[0]
    own = runtime(args.runtime).activation_format if args.runtime and static else ""
    activations: dict[str, Any] = {"format": wanted} if (wanted := args.activation_format or own) else {}
    activations |= _calibrator(args.calibrator, args.calibrator_arg, "--calibrator-arg")
    recipe = Recipe(rules=tuple(_exclusion(pattern, names) for pattern in args.exclude or ()))
    return replace(
        recipe,
        **_given(args, "runtime", "prepare", "partial", "representation"),
        algorithms=tuple(args.algorithms or ()),
        weights=replace(_weights(args), **weights),
        activations=(args.activations or ACTIVATIONS[0]).replace("-", "_"),
        activation_scheme=replace(recipe.activation_scheme, **activations),
    )


def _weights(args: argparse.Namespace) -> Scheme:
    """The scheme of the format that is named, or of the runtime's own."""
    taken = runtime(args.runtime).weight_formats if args.runtime else ("int8",)
    return weight_scheme(args.format or ("int8" if "int8" in taken else taken[0]), "channel")


def _exclusion(pattern: str, names: Collection[str]) -> Rule:
    if reason := unmatched(pattern, names):
        raise InvalidInputError(reason, where="--exclude", hint=near_names(pattern, names))
    return Rule(pattern)


def _calibrator(name: str | None, arguments: list[str] | None, option: str) -> dict[str, Any]:
    """The fields of a scheme that say how ranges are found."""
    pairs = pairs_from(arguments or (), option, "percentile=99.9")
    fields = {"calibrator": name} if name else {}
    return {**fields, "calibrator_args": pairs} if pairs else fields


def _add_arguments(group: argparse._ArgumentGroup, option: str) -> None:
    group.add_argument(
        option, action="append", metavar="NAME=VALUE", help="a parameter of this calibrator, such as percentile=99.9"
    )


def _given(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def _option(args: argparse.Namespace, name: str) -> str:
    return "--asymmetric" if name == "symmetric" and not args.symmetric else f"--{_spelled(name)}"


def _spelled(name: str) -> str:
    return name.replace("_", "-")

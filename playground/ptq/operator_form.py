"""The form that a recipe wants its ONNX file in, and what is told about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.errors import plural
from playground.model.graph import Graph
from playground.model.recipe import Recipe
from playground.model.recipe.representations import OPERATORS
from playground.opening.operator_sets import in_set, with_operator_set

if TYPE_CHECKING:
    from playground.model.writers._onnx_operator_form import OperatorForm


def represented(graph: Graph, recipe: Recipe, opset: int) -> OperatorForm | None:
    """The graph in operator form, if the recipe wants that; None if it is to stay as it is.

    With dynamic activations it is in that form already.

    Args:
        graph: in QDQ form.
        recipe: what made it.
        opset: the operator set of the float graph, which the file has unless a node needs a newer one.
    """
    if recipe.representation != OPERATORS or recipe.activations == "dynamic":
        return None
    # few want it
    from playground.model.writers._onnx_block_products import with_block_products
    from playground.model.writers._onnx_operator_form import in_operator_form

    form = in_operator_form(graph) if recipe.activations == "static" else with_block_products(graph)
    return form.of(with_operator_set(in_set(form.graph, opset)), graph)


def about_form(form: OperatorForm) -> list[str]:
    """A sentence about what stays between QuantizeLinear and DequantizeLinear; none if nothing does."""
    if not form.left:
        return []
    by_reason: dict[str, list[str]] = {}
    for op, reason in form.left.values():
        by_reason.setdefault(reason, []).append(op)
    causes = [f"{', '.join(sorted(set(ops)))} ({reason})" for reason, ops in sorted(by_reason.items())]
    total = form.joined + len(form.left)
    return [
        f"{form.joined} of {plural(total, 'node')} became operators on codes; the others read and make floats, as in "
        f"QDQ files: {'; '.join(causes)}."
    ]

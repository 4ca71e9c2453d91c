"""Which tensors of a graph are quantized, with whose parameters, and which nodes stay in float and why.

The rules of ONNX Runtime's QDQ quantizer come first. A product (Conv, Gemm, MatMul) quantizes its input, weights, bias
and output. Operators that only move values pass their input's parameters on. Relu and Clip vanish into the range of
what they follow. Unless the recipe names operators, more of them follow that have an integer form in
``playground.engines``: functions of single values, rows, products of two activations that a constant scales, as in
attention; what nothing quantized leads to stays in float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from playground import operators
from playground.model.graph import Node
from playground.model.graph_view import GraphView
from playground.model.recipe import Recipe
from playground.operators import Form, Operator, Scales, find
from playground.ptq.choices import columns_of, quantized_operators, table_scheme, weight_scheme, weight_schemes
from playground.ptq.exclusion import by_spectrum, excluded_nodes
from playground.ptq.floating import Floating
from playground.ptq.masks import WIDEST, Masks
from playground.ptq.patterns import Groups
from playground.ptq.placed import Bias, Placement, Told
from playground.ptq.report import Skipped
from playground.ptq.spectra import spectral_nodes
from playground.ptq.working_on import working_on

__all__ = ["Bias", "Placement", "Told", "place"]


def place(
    view: GraphView,
    recipe: Recipe,
    excluded: Mapping[str, Skipped] | None = None,
    told: Told | None = None,
) -> Placement:
    """Decide about a whole graph.

    Args:
        view: of a float graph. Only what its ``dtypes`` call float32 is quantized.
        recipe: what to quantize and how.
        excluded: names of the nodes that stay in float, and why; None: this is worked out, too.
        told: what calibration has told about places; None: nothing yet.

    Raises:
        InvalidInputError: the recipe names an operator that has no quantized form.
    """
    operators = quantized_operators(recipe)
    if excluded is None:
        excluded = excluded_nodes(view, recipe, operators)
    spectral = spectral_nodes(view) if recipe.operators is None else ()
    excluded = {**by_spectrum(spectral, view), **excluded}
    alone = frozenset(node.name for node in spectral if node.name not in excluded)
    placement = Placement(excluded=excluded, operators=operators, told=told or Told(), alone=alone)
    return _Placer(view, recipe, placement).place()


class _Placer:
    """Walks a graph once, or twice where there are rules beyond ONNX Runtime's."""

    def __init__(self, view: GraphView, recipe: Recipe, placement: Placement) -> None:
        self._view, self._recipe, self.placement = view, recipe, placement
        self._groups: Groups | None = None
        self._floating: Floating | None = None

    def place(self) -> Placement:
        """Place everything: by ONNX Runtime's rules, and unless the recipe names operators, what is further ours."""
        rules: dict[Scales, Callable[[Node], None]] = {
            Scales.PRODUCT: self._product,
            Scales.RECURRENT: self._weights_alone,
        }
        forms = ~Form.NONE
        if self._by_gain:
            self._leave_in_float()
        if self._recipe.activations == "dynamic":
            rules[Scales.LOOKUP] = self._constants
        elif self._recipe.activations == "weight_only":
            rules[Scales.LOOKUP] = self._embedding
        elif self._recipe.activations == "static":
            rules |= dict.fromkeys((Scales.ELEMENTWISE, Scales.FUNCTION, Scales.ROWS), self._elementwise)
            rules |= {Scales.PASSES: self._pass_on_named, Scales.LOOKUP: self._look_up, Scales.CLIPS: self._remove}
            rules |= {Scales.NORMALIZATION: self._normalization, Scales.CHOICE: self._choice}
            forms = Form.DEFAULT if self._by_gain else ~Form.NONE
        self._walk(rules, forms)
        if self._groups is not None:
            self._place_further(self._groups)
        for node in self._view.inner:
            if self.placement.quantizes(node):
                with working_on(node):
                    self._weights_alone(node)
        self._leave_what_branches_read()
        return self.placement

    @property
    def _by_gain(self) -> bool:
        """Whether what gains by it is quantized with static activations, and no operators are named."""
        return self._recipe.activations == "static" and self._recipe.operators is None

    def _leave_in_float(self) -> None:
        """Find what would lose, and what would not gain."""
        placed, view = self.placement, self._view
        groups, masks = Groups(view, placed.excluded), Masks(view)
        known = {"excluded": placed.excluded, "apart": placed.told.apart, "alone": placed.alone}
        self._groups, self._floating = groups, Floating(view, groups, masks, **known)
        placed.floating, placed.known_masks = self._floating.nodes, masks.known

    def _leave_what_branches_read(self) -> None:
        """Leave in float what only nodes with branches read: they read floats."""
        shared = set(self.placement.activations.values())
        for name in [name for name in self.placement.activations if name not in shared]:
            readers = self._view.readers(name)
            if readers and all(node.branches for node in readers) and name not in self._view.ends:
                del self.placement.activations[name]

    def _weights_alone(self, node: Node) -> None:
        """Quantize the weights of a node whose activations stay in float: of a recurrent one, or one in a branch."""
        for name, scheme in weight_schemes(node, self._view, self._recipe).items():
            self.placement.weights.setdefault(name, scheme)

    def _walk(self, rules: Mapping[Scales, Callable[[Node], None]], forms: Form) -> None:
        for node in self._view.graph.nodes:
            operator = find(node)
            if operator is None or not operator.forms & forms or operator.scales not in rules:
                continue
            if self.placement.quantizes(node):
                with working_on(node):
                    rules[operator.scales](node)

    def _place_further(self, groups: Groups) -> None:
        """Place what ONNX Runtime's rules leave in float, after they have placed the rest."""
        placement = self.placement
        for node in self._view.graph.nodes:
            operator = find(node)
            if operator is None or not placement.quantizes(node):
                continue
            if Form.FURTHER in operator.forms:
                self._further(node, operator)
            elif operator.scales is Scales.PASSES:
                self._pass_on(node)
            elif operator.scales is Scales.CLIPS and node.name not in (groups.nodes | placement.removed):
                self._remove(node)
        for name in groups.inner:
            placement.activations.pop(name, None)
        placement.removed -= groups.nodes
        for name in groups.numbers:
            placement.weights.pop(name, None)

    def _further(self, node: Node, operator: Operator) -> None:
        table = operator.scales is Scales.LOOKUP and node.inputs[0] in self._view.constants
        if not table and not any(name in self.placement.activations for name in node.inputs):
            return
        if operator.scales in (Scales.FUNCTION, Scales.NORMALIZATION):
            self._mark(node.inputs[0], node.outputs[0])
        elif operator.scales is Scales.CHOICE:
            self._choice(node)
        elif operator.scales is Scales.ELEMENTWISE:
            self._elementwise(node)
        elif operator is operators.softmax.OPERATOR:
            self._mark(node.inputs[0], *(name for name in node.outputs if name not in self._view.ends))
        elif operator.scales is Scales.ROWS:
            self._mark(node.inputs[0], node.outputs[0])
        elif table:
            self._rows(node)
        else:
            self._pass_on(node)

    def _elementwise(self, node: Node) -> None:
        self._mark(*node.inputs, *node.outputs)
        self._constants(node)

    def _choice(self, node: Node) -> None:
        self._mark(*node.inputs[1:], *node.outputs)

    def _mark(self, *names: str) -> None:
        """Give tensors that are computed a scale of their own, unless they have one."""
        for name in names:
            if self._view.dtypes.get(name) == "float32" and name not in self._view.constants:
                self.placement.activations.setdefault(name, None)

    def _constants(self, node: Node) -> None:
        """Quantize constants of an elementwise operator (and of Gather) like the activations they meet."""
        like_activations = replace(self._recipe.activation_scheme, calibrator="minmax", calibrator_args=())
        for name in node.inputs:
            if self._view.dtypes.get(name) == "float32" and self._is_quantizable(node, name):
                override = self._recipe.override_for(name)
                rule = self._recipe.rule_for(name, node.name, op=node.op, shape=self._view.shape(name))
                scheme = like_activations if rule is None else rule.scheme
                if override is not None and override.scheme is not None:
                    scheme = override.scheme
                if scheme is not None:
                    self.placement.weights.setdefault(name, scheme)

    def _is_quantizable(self, node: Node, name: str) -> bool:
        """Whether a constant is one whose values codes can hold: all but the lowest masks."""
        tensor = self._view.constants.get(name)
        if tensor is None or self.placement.known_masks.get(node.name) != name:
            return tensor is not None
        return bool(tensor.numpy().min() > -WIDEST)

    def _normalization(self, node: Node) -> None:
        """Scale as a weight, bias as int32; mean and variance stay in float."""
        source, weight, *others = node.inputs
        if weight not in self._view.constants or self._view.dtypes[weight] != "float32":
            self._mark(weight)
        else:
            scheme = self._recipe.scheme_for(weight, node.name, op=node.op, shape=self._view.shape(weight))
            if scheme is not None:
                self.placement.weights.setdefault(weight, replace(scheme, granularity="tensor", axis=None))
        self._mark(source, *node.outputs)
        self._bias(node, others[0] if others else "", weight, 1.0)

    def _bias(self, node: Node, bias: str, weight: str | None, factor: float) -> None:
        constant = bias in self._view.constants and self._view.dtypes[bias] == "float32"
        if weight in self.placement.weights and constant:
            self.placement.biases.append(Bias(node.name, bias, node.inputs[0], weight, factor))

    def _product(self, node: Node) -> None:
        weight, scheme = self._view.weight(node), weight_scheme(node, self._view, self._recipe)
        if weight and scheme:
            self.placement.weights.setdefault(weight, scheme)
        if self._recipe.activations != "static" or node.name in self.placement.alone:
            return
        self._mark(*(name for name in node.inputs[:2] if name != weight))
        if self._floating is None or not self._floating.keeps_sums(node):
            self._mark(*node.outputs)
        operator = find(node)
        beta = 1.0 if operator is None else float(operator.get(node, "beta", 1.0))
        self._bias(node, node.inputs[2] if len(node.inputs) > 2 else "", weight, beta)

    def _rows(self, node: Node) -> None:
        """Quantize a table; its rows have a scale of their own if something quantized reads them."""
        self._constants(replace(node, inputs=node.inputs[:1]))
        scheme = self.placement.weights.get(node.inputs[0])
        if scheme is None:
            return
        if scheme.granularity == "tensor":
            self.placement.rows.add(node.name)
        if self._floating is None or not self._floating.keeps_rows(node):
            self._mark(node.outputs[0])

    def _embedding(self, node: Node) -> None:
        """Quantize a large table."""
        scheme = table_scheme(node, self._view, self._recipe)
        if scheme is None:
            return
        held = self.placement.weights.setdefault(node.inputs[0], scheme)
        if held.axis in (None, columns_of(node, self._view)):
            self.placement.rows.add(node.name)

    def _look_up(self, node: Node) -> None:
        """Quantize the table, if it is constant; what is looked up has its scale."""
        self._constants(replace(node, inputs=node.inputs[:1]))
        if node.inputs[0] in self.placement.weights:
            self._share(node.inputs[0], node.outputs[:1])
        else:
            self._pass_on(node)

    def _pass_on_named(self, node: Node) -> None:
        """Pass scales on as ONNX Runtime's tool does: to what Split gives in any case, and by Resize in every mode."""
        operator = find(node)
        if operator is operators.split.OPERATOR:
            self._mark(node.inputs[0])
        if operator is operators.resize.OPERATOR and node.inputs[0] in self.placement.activations:
            self._share(node.inputs[0], node.outputs[:1])
        else:
            self._pass_on(node)

    def _pass_on(self, node: Node) -> None:
        """Give a node's outputs the scale of its input, if that has one."""
        operator = find(node)
        inserted = () if operator is None else operator.inserts(node)
        if any(name and name not in self._view.constants for name in inserted):
            return  # what is only known when the model runs may lie outside of the range
        if operator is not None and node.inputs[0] in self.placement.activations:
            places = operator.passes(node)
            self._share(node.inputs[0], [node.outputs[place] for place in places])

    def _share(self, source: str, names: Iterable[str]) -> None:
        for name in names:
            if self._view.dtypes.get(name) == "float32":
                self.placement.activations[name] = source

    def _remove(self, node: Node) -> None:
        """Let a Relu or Clip vanish into the range of what it follows."""
        source, made = node.inputs[0], node.outputs[0]
        if source not in self.placement.activations:
            return
        if any(reader.branches for reader in self._view.readers(made)):
            # Branches read floats, so it has to stay; nothing is gained by codes between it and what comes before
            if self._view.uses(source) == 1 and source not in self.placement.activations.values():
                del self.placement.activations[source]
        elif self._may_vanish(node, source):
            del self.placement.activations[source]
            self.placement.removed.add(node.name)
        self._mark(made)

    def _may_vanish(self, node: Node, source: str) -> bool:
        """Whether nothing else reads what a Relu or Clip limits, and codes can clip as it does."""
        operator, view = find(node), self._view
        limits = None if operator is None else operator.limits(node, view.constants)
        if limits is None or not limits[0] <= 0 <= limits[1] or node.name in self.placement.told.kept:
            return False  # zero is a code in any case
        if any(reader.branches for reader in view.readers(node.outputs[0])):
            return False  # they read floats, which no codes have clipped
        alone = view.uses(source) == 1 and source not in view.ends and view.producer(source) is not None
        return alone and not self._recipe.activation_scheme.symmetric

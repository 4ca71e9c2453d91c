"""``onnxruntime.quantization``: ``quantize_static`` and ``quantize_dynamic``.

Codes of weights are the same. Ranges of activations are the same, too, up to the last place of float32 sums: there
another engine ran the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playground.engines.batch_axes import batch_axes
from playground.model.graph import Graph, Node
from playground.operators import Form, find, view_of
from playground.ptq.scripts._script import Origin, Script, samples_from
from playground.quantization import Scheme

if TYPE_CHECKING:
    from playground.ptq.pipeline import QuantizedModel

_TYPES = {"int8": "QInt8", "uint8": "QUInt8"}


def why_not(origin: Origin) -> str:
    """Why it cannot make the same codes; empty if it can."""
    from playground.ptq.pipeline import QuantizedModel

    if not isinstance(origin.result, QuantizedModel):
        return "it writes ONNX models, and this file has tensors only"
    if origin.output.lower().endswith(".tflite"):
        return "it writes ONNX files, and this is a .tflite file"
    recipe = origin.recipe
    return (
        _about_recipe(origin)
        or _about_weights(recipe.weights)
        or (_about_calibration(origin) if recipe.activations == "static" else _about_dynamic(origin.result.source))
        or _about_graph(origin, origin.result)
    )


def _about_recipe(origin: Origin) -> str:
    recipe = origin.recipe
    if recipe.activations == "weight_only":
        return "it has no form with float activations and 8-bit weights"
    if recipe.algorithms:
        return f"it has no {recipe.algorithms[0].id}"
    if recipe.overrides or any(rule.scheme is not None for rule in recipe.rules):
        return "the recipe gives single tensors schemes of their own"
    if recipe.representation != "qdq":
        return "the script writes QDQ files, and this one is in operators on codes"
    if recipe.biases != "int32":
        return "its biases are int32"
    return ""


def _about_weights(scheme: Scheme) -> str:
    if scheme.format not in _TYPES:
        return f"its weights are int8 or uint8 here, and these are {scheme.format}"
    own = Scheme(scheme.format, scheme.granularity, symmetric=scheme.format == "int8")
    if scheme.granularity in ("tensor", "channel") and scheme == own:
        return ""
    return f"it makes {scheme.format} weights as {own!r} says, and the recipe says {scheme!r}"


def _about_calibration(origin: Origin) -> str:
    scheme = origin.recipe.activation_scheme
    if scheme != Scheme(scheme.format, symmetric=scheme.symmetric):
        return "only the calibrator minmax, by ONNX Runtime's convention, finds the same ranges of activations"
    if origin.images:
        return "the ranges come from images, which the script would have to read as it was done here"
    if not origin.calibration and not origin.gallery:
        return "the ranges come from made-up inputs"
    graph = origin.model.required_graph()
    if any(batch_axes(graph).axes.get(value.name) != 0 for value in graph.inputs):
        return "the samples do not lie along the first axis of every input"
    return ""


def _about_dynamic(graph: Graph) -> str:
    convolutions = any(node.op == "Conv" for node in graph.nodes)
    return "its quantize_dynamic has one scale for the weights of a Conv, and none of integers" if convolutions else ""


def _about_graph(origin: Origin, result: QuantizedModel) -> str:
    given, source, placement = origin.model.required_graph(), result.source, result.quantization.placement
    if origin.model.changes:
        return "the model was brought to a newer operator set first"
    if _outline(given) != _outline(source):
        return "the graph was changed first, as batch normalizations are folded"
    if any(node.branches for node in given.nodes):
        return "it does not quantize what is in branches"
    if placement.floating or placement.alone or placement.rows or placement.known_masks:
        return (
            "some operators stay in float, or weights alone are codes, for what their values do; the tool does not look"
        )
    taken, left = _divided(source, result)
    if any(not node.name for node in left):
        return "operators without a name stay in float"
    reached = {name for node in taken for name in (*node.inputs, *node.outputs)}
    if (missed := next((name for name in placement.activations if name not in reached), None)) is not None:
        return f"the value {missed!r} has a scale for another reason than the tool would have"
    return ""


def _outline(graph: Graph) -> list[tuple[Any, ...]]:
    return [(node.op, node.name, node.inputs, node.outputs) for node in graph.nodes]


def _divided(source: Graph, result: QuantizedModel) -> tuple[list[Node], list[Node]]:
    """The nodes that are quantized, and those that are not though others of their operator are.

    The tool gives a scale to everything that a node reads and makes; a node of which a part has none here is left out.
    """
    placement, forms, view = result.quantization.placement, Form.DEFAULT | Form.NAMED, view_of(source)
    scaled = {*placement.activations, *placement.weights, *(bias.name for bias in placement.biases)}
    # what vanishes leaves its scale to what is before it
    scaled |= {name for node in source.nodes if node.name in placement.removed for name in node.inputs}

    def has_scales(node: Node) -> bool:
        if result.quantization.dynamic or node.name in placement.removed:
            return True
        values = [name for name in (*node.inputs, *node.outputs) if name]
        return all(name in scaled or view.dtypes.get(name, "float32") != "float32" for name in values)

    of_tool = [node for node in source.nodes if (known := find(node)) is not None and known.forms & forms]
    taken = [node for node in of_tool if placement.quantizes(node) and has_scales(node)]
    operators, kept = {node.op for node in taken}, {id(node) for node in taken}
    return taken, [node for node in source.nodes if node.op in operators and id(node) not in kept]


def text(origin: Origin) -> str:
    """A script that writes the quantized model."""
    from playground.ptq.pipeline import QuantizedModel

    result, recipe = origin.result, origin.recipe
    if not isinstance(result, QuantizedModel):
        raise TypeError("a model without a graph has no such script")
    static = recipe.activations == "static"
    arguments = [repr(origin.file), repr(origin.output)]
    if static:
        scheme = recipe.activation_scheme
        arguments += ["Samples()", "quant_format=QuantFormat.QDQ"]
        arguments.append(f"activation_type=QuantType.{_TYPES[scheme.format]}")
        arguments.append(f"extra_options={{'ActivationSymmetric': {scheme.symmetric}}}")
    arguments.append(f"weight_type=QuantType.{_TYPES[recipe.weights.format]}")
    arguments.append(f"per_channel={recipe.weights.granularity == 'channel'}")
    taken, excluded = _divided(result.source, result)
    operators = sorted({node.op for node in taken})
    names = [node.name for node in excluded]
    if not static:
        # It makes a MatMul of each Gemm first, and names it after that
        names += [f"{node.name}_MatMul" for node in excluded if node.op == "Gemm"]
        operators = sorted({*operators, *(["MatMul"] if "Gemm" in operators else [])})
    arguments.append(f"op_types_to_quantize={operators!r}")
    if names:
        arguments.append(f"nodes_to_exclude={names!r}")
    called = f"quantize_{recipe.activations}"
    used = ["CalibrationDataReader", "QuantFormat", "QuantType", called] if static else ["QuantType", called]
    lines = [*_imports(origin, used), "", *_model_lines(origin), *(_samples_lines(origin) if static else [])]
    return "\n".join([*lines, f"{called}(", *(f"    {argument}," for argument in arguments), ")"])


def _imports(origin: Origin, names: list[str]) -> list[str]:
    lines = ["from pathlib import Path", ""] if origin.gallery else []
    lines += ["import numpy as np"] if origin.recipe.activations == "static" else []
    lines.append(f"from onnxruntime.quantization import {', '.join(names)}")
    return [*lines, *(["from playground import gallery"] if origin.gallery else [])]


def _model_lines(origin: Origin) -> list[str]:
    if not origin.gallery:
        return []
    return [f"Path({origin.file!r}).write_bytes(gallery.model_bytes({origin.gallery!r}))", ""]


_READER = """

class Samples(CalibrationDataReader):
    def __init__(self):
        count, size = min(map(len, samples.values())), {size}
        starts = range(0, count - (count if size is None else size) + 1, size or count)
        self.feeds = iter([{{name: x[i : i + (size or count)] for name, x in samples.items()}} for i in starts])

    def get_next(self):
        return next(self.feeds, None)

"""


def _samples_lines(origin: Origin) -> list[str]:
    """The samples, by input name and of the inputs' types, all at once or as many as the model takes."""
    graph, most = origin.model.required_graph(), origin.recipe.calibration.samples
    types = {value.name: value.dtype for value in graph.inputs}
    taken = samples_from(origin.calibration) if origin.calibration else f"gallery.calibration({origin.gallery!r})"
    some = f"[:{most}]" if most else ""
    lines = [f"arrays = {taken}"]
    if len(types) == 1:
        # a single array may have any name
        lines.append(f"arrays = dict(zip({list(types)!r}, arrays.values()))")
    lines.append(f"samples = {{name: np.asarray(arrays[name], kind){some} for name, kind in {types!r}.items()}}")
    size = next((value.shape[0] for value in graph.inputs if value.shape and isinstance(value.shape[0], int)), None)
    return [*lines, *_READER.format(size=size).split("\n")]


SCRIPT = Script("onnxruntime", "onnxruntime.quantization", why_not, text)

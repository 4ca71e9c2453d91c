"""ai-edge-quantizer's recipes: a list of entries, of which the last that matches decides, with regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from playground.errors import InvalidInputError, UnsupportedError, one_of
from playground.limits import MOST_PATTERN, MOST_RULES
from playground.model.recipe import AlgorithmCall, Recipe, Rule
from playground.model.recipe.imports._importer import Importer
from playground.quantization import Scheme

DEPTHWISE = (None, 1, None, None)

_OPERATORS: dict[str, tuple[tuple[str, tuple[int | None, ...] | None], ...]] = {
    "*": (("", None),),
    "FULLY_CONNECTED": (("Gemm", None), ("MatMul", None)),
    "BATCH_MATMUL": (("MatMul", None),),
    "CONV_2D": (("Conv", None),),
    "DEPTHWISE_CONV_2D": (("Conv", DEPTHWISE),),
    "CONV_2D_TRANSPOSE": (("ConvTranspose", None),),
    "EMBEDDING_LOOKUP": (("Gather", None),),
    "ADD": (("Add", None),),
    "MUL": (("Mul", None),),
    "SOFTMAX": (("Softmax", None),),
    "LOGISTIC": (("Sigmoid", None),),
    "CONCATENATION": (("Concat", None),),
    "AVERAGE_POOL_2D": (("AveragePool", None),),
    "MAX_POOL_2D": (("MaxPool", None),),
    "RESHAPE": (("Reshape", None),),
    "TRANSPOSE": (("Transpose", None),),
}

_CALIBRATORS = {"min_max_uniform_quantize": "minmax", "OCTAV": "octav", "MSE": "mse", "GPTQ": "minmax"}
_NONE = "no_quantize"

Entry = Mapping[str, Any]


def matches(data: Any) -> bool:
    """Whether it is a list of entries with the tool's keys."""
    return isinstance(data, list) and bool(data) and all(isinstance(e, Mapping) and "algorithm_key" in e for e in data)


def read(data: Any, base: Recipe) -> Recipe:
    """The recipe, with the tool's rules and TFLite's conventions in the place of the base's rules.

    Raises:
        InvalidInputError: an entry lacks something.
        UnsupportedError: an operation, an algorithm, a type or a regular expression has no counterpart here, or entries
            treat activations in different ways.
    """
    entries = list(reversed(data))  # here the first that matches decides
    rules: list[Rule] = []
    for entry, fallback in zip(entries, _fallbacks(entries), strict=True):
        for op, shape in _operators(entry):
            for pattern in shell_patterns(entry.get("regex", ".*")):
                if op == "Conv" and shape is None:  # theirs does not mean depthwise convolutions
                    rules.append(Rule(pattern, None if fallback is None else _scheme(fallback), op, DEPTHWISE))
                rules.append(Rule(pattern, _scheme(entry), op, shape))
        if len(rules) > MOST_RULES:
            raise InvalidInputError(
                f"the recipe needs more than {MOST_RULES} rules", where="recipe", hint="Use fewer entries"
            )
    rules.append(Rule("*"))
    modes = {_mode(entry) for entry in entries if entry["algorithm_key"] != _NONE} or {"weight_only"}
    if len(modes) > 1:
        raise UnsupportedError(
            f"the entries treat activations in different ways: {', '.join(sorted(modes))}",
            where="recipe",
            hint="Write one recipe for each",
        )
    (mode,) = modes
    activations: dict[str, Any] = {"activation_scheme": _activation_scheme(entries)} if mode == "static" else {}
    gptq = any(entry["algorithm_key"] == "GPTQ" for entry in entries)
    algorithms = (*base.algorithms, AlgorithmCall("gptq")) if gptq else base.algorithms
    return replace(base, rules=_without_idle(rules), activations=mode, algorithms=algorithms, **activations)


def _without_idle(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules up to the one that matches everything, each once."""
    kept: dict[tuple[Any, ...], Rule] = {}
    for rule in rules:
        kept.setdefault((rule.pattern, rule.op, rule.shape), rule)
        if (rule.pattern, rule.op, rule.shape) == ("*", "", None):
            break
    return tuple(kept.values())


def _operators(entry: Entry) -> tuple[tuple[str, tuple[int | None, ...] | None], ...]:
    operation = str(getattr(entry.get("operation"), "value", entry.get("operation")))
    if operation not in _OPERATORS:
        raise UnsupportedError(
            f"operation {operation!r} has no counterpart", where="recipe", hint=one_of(operation, _OPERATORS)
        )
    return _OPERATORS[operation]


def _fallbacks(entries: Sequence[Entry]) -> list[Entry | None]:
    """What each entry, if it is for CONV_2D, leaves to depthwise convolutions: the next that means them."""
    found: list[Entry | None] = []
    nearest: dict[Any, tuple[int, Entry]] = {}
    for index in range(len(entries) - 1, -1, -1):
        entry = entries[index]
        candidates = [nearest[regex] for regex in (".*", entry.get("regex")) if regex in nearest]
        found.append(min(candidates, key=lambda held: held[0])[1] if candidates else None)
        if entry.get("operation") in ("*", "DEPTHWISE_CONV_2D"):
            nearest[entry.get("regex")] = index, entry
    return found[::-1]


def _scheme(entry: Entry) -> Scheme | None:
    algorithm = entry["algorithm_key"]
    if algorithm == _NONE:
        return None
    if algorithm not in _CALIBRATORS:
        raise UnsupportedError(
            f"algorithm {algorithm!r} has no counterpart",
            where="recipe",
            hint=one_of(algorithm, [_NONE, *_CALIBRATORS]),
        )
    config = entry.get("op_config", {}).get("weight_tensor_config")
    if not isinstance(config, Mapping):
        raise InvalidInputError(
            "an entry has no configuration of weights", where="recipe", hint="Give weight_tensor_config"
        )
    if config.get("dtype", "INT") != "INT":
        raise UnsupportedError(f"weights of type {config['dtype']} cannot be imported", where="recipe", hint="Use INT")
    granularity = str(config.get("granularity", "TENSORWISE"))
    if granularity not in ("TENSORWISE", "CHANNELWISE"):
        raise UnsupportedError(
            f"ONNX files cannot hold granularity {granularity}", where="recipe", hint="Use TENSORWISE or CHANNELWISE"
        )
    return Scheme(
        f"int{config['num_bits']}",
        granularity="channel" if granularity == "CHANNELWISE" else "tensor",
        symmetric=bool(config.get("symmetric", True)),
        convention="tflite",
        calibrator=_CALIBRATORS[algorithm],
    )


def _mode(entry: Entry) -> str:
    config = entry.get("op_config", {})
    if config.get("activation_tensor_config"):
        return "static"
    return "dynamic" if config.get("compute_precision") == "INTEGER" else "weight_only"


def _activation_scheme(entries: Sequence[Entry]) -> Scheme:
    found = [entry["op_config"]["activation_tensor_config"] for entry in entries if _mode(entry) == "static"]
    config = found[0]
    if any(other != config for other in found):
        raise UnsupportedError(
            "the entries quantize activations in different ways", where="recipe", hint="Use one configuration for all"
        )
    if config["num_bits"] != 8:
        raise UnsupportedError(
            f"activations of {config['num_bits']} bits cannot be written", where="recipe", hint="Use 8 bits"
        )
    return Scheme("int8", symmetric=bool(config.get("symmetric", True)), convention="tflite")


def shell_patterns(expression: str) -> Iterator[str]:
    """Shell-style patterns that match where ``re.search(expression, name)`` does.

    Raises:
        InvalidInputError: it is too long.
        UnsupportedError: it uses more than ``.*``, ``.``, ``[...]``, ``|``, anchors and escaped characters.
    """
    if len(expression) > MOST_PATTERN:
        raise InvalidInputError(
            f"a regular expression of {len(expression)} characters is too long",
            where="recipe",
            hint=f"Use at most {MOST_PATTERN}",
        )
    for part in expression.split("|"):
        start, end = part.startswith("^"), part.endswith("$") and not part.endswith("\\$")
        middle = part.removeprefix("^").removesuffix("$") if end else part.removeprefix("^")
        made = ""
        for piece in re.findall(r"\.\*|\\.|\[[^\]^!]+\](?![*+?{])|.", middle):
            if piece in (".*", "."):
                made += "*" if piece == ".*" else "?"
            elif piece.startswith("\\") and not piece[1].isalnum():
                made += f"[{piece[1]}]" if piece[1] in "*?[" else piece[1]
            elif piece.startswith("[") or piece not in tuple("*+?{}()\\^$[]"):
                made += piece
            else:
                raise UnsupportedError(
                    f"the regular expression {expression!r} has no shell-style form",
                    where="recipe",
                    hint="Use names, '.*', '.', '[...]', '|', '^' and '$'",
                )
        wrapped = f"{'' if start else '*'}{made}{'' if end else '*'}"
        yield re.sub(r"\*+", "*", wrapped)


IMPORTER = Importer(
    id="ai-edge-quantizer",
    name="ai-edge-quantizer's recipe",
    source="ai-edge-quantizer 0.10: recipe_manager.py, qtyping.py",
    matches=matches,
    read=read,
)

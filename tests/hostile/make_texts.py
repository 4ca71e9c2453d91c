"""Links and recipes that are nearly well formed."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any
from urllib.parse import quote

from playground.model.recipe import AlgorithmCall, Override, Recipe, Rule
from playground.model.recipe.imports import import_recipe
from playground.quantization import Scheme
from playground.settings import FIELDS, Settings, from_query
from tests.hostile.mutate import mutated_bytes, mutated_json

_TEXTS = [
    *(
        "NaN",
        "1e999",
        "-1e400",
        "Infinity",
        "inf",
        "0x10",
        "1_0",
        " 5",
        "+5",
        "",
        "9" * 400,
        "-",
        "1e-400",
        "٣",
        "5.",
        ".5",
    ),
    *("true", "TRUE", "perhaps", "int4", "int99", "channel", "minmax", "a.b=1", "gptq.damping=" + "9" * 400, "w=int4"),
    *("\x00", "é", "%", "%ff", "%ED%A0%80", "a" * 1001, "w=int4," * 3000, ",,,,", "a=b=c", "3.5e38", "70000", "-17"),
]


def make_query(rng: random.Random) -> str:
    pairs = []
    for _ in range(rng.choice((1, 2, 3, 8, 300))):
        name = rng.choice((*FIELDS, "v", "theme", "lo", "hi", "zero_point"))
        field, text = FIELDS.get(name), rng.choice(_TEXTS)
        if field is not None and field.kind == "choice" and rng.random() < 0.6:
            text = rng.choice(field.choices())
        if name == "v" and rng.random() < 0.9:
            text = "1"
        pairs.append(f"{name}={quote(text) if rng.random() < 0.8 else text}")
    query = "?" + "&".join(pairs)
    return mutated_bytes(rng, query.encode()).decode(errors="replace") if rng.random() < 0.3 else query


def use_query(query: str) -> None:
    settings, notes = from_query(query)
    assert Settings().with_(**{name: getattr(settings, name) for name in FIELDS}) == settings
    assert len(notes) <= 10
    assert all(len(note) < 3000 for note in notes)
    json.dumps(settings.as_dict(), allow_nan=False)


@cache
def _recipe_seeds() -> list[Any]:
    own = Recipe(
        rules=(Rule("conv*", Scheme("int4", "channel")), Rule("*", None, "Conv", (None, 1, 3, 3))),
        overrides=(Override("w", scale=(0.5,), zero_point=(3,)), Override("x", range=(-1.0, 2.0))),
        algorithms=(AlgorithmCall("gptq", (("damping", 0.1),)),),
        operators=("Conv", "MatMul"),
    )
    config = {"num_bits": 8, "symmetric": True, "granularity": "CHANNELWISE", "dtype": "INT"}
    edge = [
        {
            "regex": regex,
            "operation": operation,
            "algorithm_key": "min_max_uniform_quantize",
            "op_config": {
                "weight_tensor_config": config,
                "activation_tensor_config": config,
                "compute_precision": "INTEGER",
            },
        }
        for regex, operation in ((".*", "*"), ("^conv|fc[12]$", "CONV_2D"), ("a.b", "FULLY_CONNECTED"))
    ]
    ort = {
        "w": [{"quant_type": "QInt8", "scale": 0.5, "zero_point": 1}],
        "v": [{"quant_type": "QUInt8", "axis": 0, "scale": 1.0, "zero_point": 0}, {"scale": 2.0, "zero_point": 3}],
        "x": [{"rmin": -1.0, "rmax": 1.0}],
    }
    return [
        own.as_dict(),
        {"version": 1, "rules": [{"pattern": "*", "scheme": None}]},
        edge,
        ort,
        {"TensorQuantOverrides": ort},
    ]


def make_recipe(rng: random.Random) -> bytes:
    value = rng.choice(_recipe_seeds())
    for _ in range(rng.choice((1, 1, 2, 5))):
        value = mutated_json(rng, value)
    text = json.dumps(value).encode()
    return mutated_bytes(rng, text) if rng.random() < 0.2 else text


def use_recipe(text: bytes) -> None:
    recipe = import_recipe(text)
    assert Recipe.from_json(recipe.to_json()) == recipe
    for name in ("w", "conv1.weight", "x" * 300):
        recipe.scheme_for(name, "node", op="Conv", shape=(3, 1, 3, 3))

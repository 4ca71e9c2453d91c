"""Inputs and attributes of products and recurrent operators: shapes that fit each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playground.operators import Operator

if TYPE_CHECKING:
    from tests.fuzz.graphs import Chain


def product(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    """A product's input and weights, and perhaps its bias."""
    rng = chain.rng
    attributes: dict[str, Any] = {}
    if entry.name in ("Conv", "ConvTranspose"):
        first = chain.source((3, 4) if rng.random() < 0.3 else (4, 4))
        shape = chain.values[first].shape
        groups = int(rng.choice([g for g in range(1, shape[1] + 1) if shape[1] % g == 0]))
        filters = groups * int(rng.integers(1, 6))
        kernel = tuple(int(min(n, k)) for n, k in zip(shape[2:], rng.integers(1, 4, len(shape) - 2), strict=True))
        if entry.name == "Conv":
            w = chain.weights((filters, shape[1] // groups, *kernel), 0)
        else:
            groups = groups if rng.random() < 0.3 else 1
            w = chain.weights((shape[1], filters, *kernel), 1)
            filters *= groups
        attributes, columns = {"group": groups}, filters
    elif entry.name == "Gemm":
        first = chain.source((2, 2))
        depth, columns, turned = chain.values[first].shape[1], int(rng.integers(1, 40)), int(rng.integers(2))
        w = chain.weights((columns, depth) if turned else (depth, columns), 0 if turned else 1)
        attributes = {"transB": turned}
    else:
        first = chain.source((2, 5))
        shape = chain.values[first].shape
        columns = int(rng.choice([int(rng.integers(1, 40)), shape[-1]]))
        if rng.random() < 0.4:
            lead = tuple(n if rng.random() < 0.7 else 1 for n in shape[:-2])
            return [chain.read(first), chain.read(chain.fed((*lead, shape[-1], columns)))], {}
        return [chain.read(first), chain.weights((shape[-1], columns), 1)], {}
    names = [chain.read(first), w]
    if rng.random() < 0.6:
        names.append(chain.constant(chain.floats((columns,)), "b"))
    return names, attributes


def recurrent(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    """A sequence, constant weights and perhaps a bias and first states."""
    rng, gates = chain.rng, 4 if entry.name == "LSTM" else 3
    first = chain.source((3, 3))
    (_, samples, features), hidden = chain.values[first].shape, int(rng.integers(1, 12))
    direction = str(rng.choice(["forward", "reverse", "bidirectional"]))
    ways = 2 if direction == "bidirectional" else 1
    shapes = [(ways, gates * hidden, features), (ways, gates * hidden, hidden), (ways, 2 * gates * hidden)]
    names = [chain.read(first), *(chain.constant(chain.floats(shape)) for shape in shapes[: int(rng.integers(2, 4))])]
    if rng.random() < 0.5:
        states = [chain.read(chain.fed((ways, samples, hidden))) for _ in range(gates - 2)]
        names = [*names, *[""] * (5 - len(names)), *states]
    return names, {"direction": direction, "hidden_size": hidden, "outputs": gates - 1}

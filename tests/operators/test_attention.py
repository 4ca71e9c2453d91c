"""Attention in forms that ONNX's own cases do not have, and what it refuses; Einsum."""

from typing import Any

import numpy as np
import pytest

from playground.errors import InvalidInputError, PlaygroundError
from playground.operators import operator
from playground.programs.call import Call

RNG = np.random.default_rng(3)

FORMS = {
    "plain": ({}, {}),
    "causal": ({"is_causal": 1}, {}),
    "capped": ({"softcap": 2.0, "is_causal": 1}, {}),
    "scaled": ({"scale": 0.3}, {}),
    "mask": ({}, {"mask": (2, 1, 4, 6)}),
    "mask of rows": ({}, {"mask": (4, 6)}),
    "past": ({"is_causal": 1}, {"past": 3}),
    "past and mask": ({}, {"past": 3, "mask": (4, 9)}),
}


def inputs_of(normal: Any, heads: int, given: dict[str, Any]) -> list[np.ndarray | None]:
    query, key, value = normal(2, 6, 4, 8), normal(2, heads, 6, 8), normal(2, heads, 6, 8)
    found = [query, key, value]
    if given:
        found.append(normal(*given["mask"]) if "mask" in given else None)
    if "past" in given:
        found += [normal(2, heads, given["past"], 8), normal(2, heads, given["past"], 8)]
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("heads", [6, 2, 1])
def test_attention(check: Any, normal: Any, form: str, heads: int) -> None:
    attributes, given = FORMS[form]
    outputs = 3 if "past" in given else 1
    check("Attention", *inputs_of(normal, heads, given), outputs=outputs, opset=23, atol=1e-4, **attributes)


def test_heads_side_by_side(check: Any, normal: Any) -> None:
    made = {"q_num_heads": 6, "kv_num_heads": 2}
    check("Attention", normal(2, 4, 48), normal(2, 5, 16), normal(2, 5, 16), opset=23, atol=1e-4, **made)


def test_a_query_that_sees_no_key_gets_nothing(normal: Any) -> None:
    entry = operator("Attention")
    mask = np.ones((4, 6), bool)
    mask[2] = False
    made = entry.run(Call(entry.defaults), *inputs_of(normal, 6, {})[:3], mask)
    assert np.isfinite(made).all()
    assert not made[:, :, 2].any()
    assert made[:, :, 1].all()


@pytest.mark.parametrize(("left", "right"), [(-1, 0), (1, -1), (2, 1), (0, 0)])
def test_windows_are_masks(normal: Any, left: int, right: int) -> None:
    entry = operator("Attention")
    given = inputs_of(normal, 6, {})[:3]
    near = np.arange(6) - np.arange(4)[:, None]
    mask = (near >= (-9 if left < 0 else -left)) & (near <= (9 if right < 0 else right))
    windows = {"left_window_size": left, "right_window_size": right}
    ours = entry.run(Call({**entry.defaults, **windows}), *given)
    np.testing.assert_array_equal(ours, entry.run(Call(entry.defaults), *given, mask))


def test_padding_at_the_end_counts_for_nothing(normal: Any) -> None:
    entry = operator("Attention")
    query, key, value = inputs_of(normal, 6, {})[:3]
    ours = entry.run(Call(entry.defaults), query, key, value, None, None, None, np.array([6, 3]))
    for sample, kept in enumerate((6, 3)):
        alone = entry.run(Call(entry.defaults), query[[sample]], key[[sample], :, :kept], value[[sample], :, :kept])
        np.testing.assert_allclose(ours[[sample]], alone, rtol=1e-5, atol=1e-6)


REFUSED = [
    ([(2, 6, 4, 8), (2, 4, 6, 8), (2, 4, 6, 8)], {}),
    ([(2, 6, 4, 8), (2, 6, 6, 7), (2, 6, 6, 8)], {}),
    ([(2, 6, 4, 8), (2, 6, 6, 8), (2, 6, 5, 8)], {}),
    ([(2, 4, 48), (2, 4, 48), (2, 4, 48)], {}),
    ([(2, 4, 48), (2, 4, 48), (2, 4, 48)], {"q_num_heads": 5, "kv_num_heads": 6}),
    ([(2, 6, 4, 8), (2, 6, 6, 8), (2, 6, 6, 8), (3, 1, 1, 6)], {}),
    ([(2, 6, 4, 8), (2, 6, 6, 8), (2, 6, 6, 8), (4, 6), (2, 6, 3, 8)], {}),
    ([(2, 6, 4, 8), (2, 6, 6, 8), (2, 6, 6, 8), (4, 6), (2, 5, 3, 8), (2, 6, 3, 8)], {}),
]


@pytest.mark.parametrize(("shapes", "attributes"), REFUSED)
def test_attention_of_shapes_that_do_not_fit(
    normal: Any, shapes: list[tuple[int, ...]], attributes: dict[str, int]
) -> None:
    entry = operator("Attention")
    with pytest.raises((InvalidInputError, ValueError)):
        entry.run(Call({**entry.defaults, **attributes}), *(normal(*shape) for shape in shapes))


@pytest.mark.parametrize("rule", ["linear", "gated", "delta", "gated_delta"])
@pytest.mark.parametrize("shared", [1, 3])
def test_linear_attention_is_its_recurrence(normal: Any, rule: str, shared: int) -> None:
    """Step by step as the specification writes it, one sample and one head after the other."""
    heads, size, width, steps = 2, 4, 5, 6
    query, key = normal(2, steps, heads * shared * size), normal(2, steps, heads * size)
    value, past = normal(2, steps, heads * width), normal(2, heads, size, width)
    decay = -np.abs(normal(2, steps, heads)) if "gated" in rule else None
    beta = np.abs(normal(2, steps, heads)) if "delta" in rule else None
    entry = operator("LinearAttention")
    attributes = {"q_num_heads": heads * shared, "kv_num_heads": heads, "update_rule": rule, "scale": 0.5}
    ours, state = entry.run(Call(entry.defaults | attributes, 2), query, key, value, past, decay, beta)
    for sample, head in np.ndindex(2, heads):
        now = past[sample, head].astype(float)
        for step in range(steps):
            k = key[sample, step].reshape(heads, size)[head]
            v = value[sample, step].reshape(heads, width)[head]
            now = now * (1 if decay is None else np.exp(decay[sample, step, head]))
            v = v if beta is None else beta[sample, step, head] * (v - now.T @ k)
            now = now + np.outer(k, v)
            for q in range(head * shared, (head + 1) * shared):
                read = 0.5 * now.T @ query[sample, step].reshape(-1, size)[q]
                np.testing.assert_allclose(ours[sample, step].reshape(-1, width)[q], read, 1e-3, 1e-4)
        np.testing.assert_allclose(state[sample, head], now, 1e-3, 1e-4)


def test_linear_attention_of_inputs_that_do_not_go_together(normal: Any) -> None:
    entry = operator("LinearAttention")
    query = normal(1, 2, 8)
    for rule, heads, others in (
        ("gated", 2, ()),
        ("linear", 3, ()),
        ("linear", 2, (None, normal(1, 2, 2))),
        ("gated", 2, (None, normal(1, 2, 3))),
        ("linear", 2, (normal(1, 2, 3, 4),)),
    ):
        call = Call({**entry.defaults, "q_num_heads": 2, "kv_num_heads": heads, "update_rule": rule})
        with pytest.raises(InvalidInputError):
            entry.run(call, query, query, query, *others)


@pytest.mark.parametrize("taps", [1, 3])
def test_a_causal_convolution_in_two_steps_is_one(normal: Any, taps: int) -> None:
    entry = operator("CausalConvWithState")
    x, w, bias = normal(2, 3, 9), normal(3, 1, taps), normal(3)
    call = Call({"activation": "silu"}, 2)
    whole, last = entry.run(call, x, w, bias)
    first, state = entry.run(call, x[:, :, :4], w, bias)
    second, end = entry.run(call, x[:, :, 4:], w, bias, state)
    np.testing.assert_allclose(np.concatenate((first, second), 2), whole, 1e-5, 1e-6)
    np.testing.assert_array_equal(end, last)
    for wrong in ((x, normal(2, 1, 3)), (x, w, normal(2)), (x, w, bias, normal(2, 3, taps))):
        with pytest.raises(InvalidInputError):
            entry.run(call, *wrong)


EQUATIONS = [
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("ij,jk", (3, 4), (4, 5)),
    ("...ij,...jk->...ik", (2, 3, 4), (1, 4, 5)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("i,j,k->kji", (2,), (3,), (4,)),
    (" a b , b -> a ", (3, 4), (4,)),
    ("aB,Bc->cA".replace("A", "a"), (3, 4), (4, 2)),
    ("...i->...", (2, 3, 4)),
]


@pytest.mark.parametrize(("equation", "shapes"), [(equation, shapes) for equation, *shapes in EQUATIONS])
def test_einsum(check: Any, normal: Any, equation: str, shapes: list[tuple[int, ...]]) -> None:
    check("Einsum", *(normal(*shape) for shape in shapes), equation=equation)


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", [(3, 4), (5, 6)]),
        ("ij->ij", [(3, 4), (5, 6)]),
        ("ijk->i", [(3, 4)]),
        ("i->i", [(3, 4)]),
        ("i1->i", [(3, 4)]),
        ("i->i->i", [(3,)]),
        ("..i->i", [(3,)]),
    ],
)
def test_equations_that_do_not_fit(normal: Any, equation: str, shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(InvalidInputError):
        operator("Einsum").run(Call({"equation": equation}), *(normal(*shape) for shape in shapes))


def test_an_equation_is_refused_before_it_is_computed(normal: Any) -> None:
    wide = [np.broadcast_to(np.float32(1), (10**5,)) for _ in range(4)]
    for equation in ("i,j->ij", "i,j,k,l->"):
        with pytest.raises(PlaygroundError, match="would"):
            operator("Einsum").run(Call({"equation": equation}), *wide[: equation.count(",") + 1])

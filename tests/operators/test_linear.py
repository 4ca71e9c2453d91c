from typing import Any

import pytest

from playground.operators import conv

PRODUCTS = [((3, 4), (4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((4,), (4, 5)), ((4,), (4,))]


@pytest.mark.parametrize("shapes", PRODUCTS)
def test_matmul(check: Any, normal: Any, shapes: Any) -> None:
    check("MatMul", normal(*shapes[0]), normal(*shapes[1]))


@pytest.mark.parametrize("attributes", [{}, {"transA": 1}, {"transB": 1}, {"alpha": 0.5, "beta": 2.0}, {"beta": 0.0}])
def test_gemm(check: Any, normal: Any, attributes: dict[str, Any]) -> None:
    a = normal(4, 3) if "transA" in attributes else normal(3, 4)
    b = normal(5, 4) if "transB" in attributes else normal(4, 5)
    for c in ((5,), (3, 1), (3, 5), (1,)):
        check("Gemm", a, b, normal(*c), **attributes)
    check("Gemm", a, b, **attributes)


CONVS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 9, 8), (4, 3, 3, 3), {}),
    ((2, 3, 9, 8), (4, 3, 3, 2), {"pads": [1, 0, 2, 1], "strides": [2, 1]}),
    ((1, 3, 9, 8), (4, 3, 3, 3), {"dilations": [2, 3]}),
    ((2, 6, 7, 7), (4, 3, 3, 3), {"group": 2, "pads": [1, 1, 1, 1]}),
    ((2, 6, 7, 7), (6, 1, 3, 3), {"group": 6, "pads": [1, 1, 1, 1], "strides": [2, 2]}),
    ((2, 3, 7, 7), (6, 1, 3, 3), {"group": 3, "dilations": [2, 1]}),
    ((2, 6, 5, 4), (8, 6, 1, 1), {}),
    ((2, 6, 5, 4), (8, 6, 1, 1), {"strides": [2, 2]}),
    ((2, 6, 5, 4), (8, 3, 1, 1), {"group": 2}),
    ((2, 3, 8, 9), (4, 3, 3, 4), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ((2, 3, 8, 9), (4, 3, 3, 4), {"auto_pad": "SAME_LOWER", "strides": [3, 2]}),
    ((2, 3, 8, 9), (4, 3, 3, 4), {"auto_pad": "VALID"}),
    ((2, 3, 20), (4, 3, 5), {"pads": [2, 2]}),
    ((1, 2, 5, 6, 7), (3, 2, 3, 3, 3), {"pads": [1, 1, 1, 1, 1, 1]}),
]


@pytest.mark.parametrize(("x", "w", "attributes"), CONVS)
def test_conv(check: Any, normal: Any, x: tuple[int, ...], w: tuple[int, ...], attributes: dict[str, Any]) -> None:
    check("Conv", normal(*x), normal(*w), normal(w[0]), **attributes)
    check("Conv", normal(*x), normal(*w), **attributes)


TRANSPOSED: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 4, 5, 6), (4, 3, 3, 3), {}),
    ((2, 4, 5, 6), (4, 3, 2, 2), {"strides": [2, 2]}),
    ((2, 4, 5, 6), (4, 3, 3, 3), {"strides": [2, 3], "pads": [1, 0, 1, 2], "output_padding": [1, 0]}),
    ((2, 4, 5, 6), (4, 3, 3, 3), {"dilations": [2, 1]}),
    ((2, 4, 5, 6), (4, 3, 3, 3), {"group": 2}),
    ((2, 4, 5, 6), (4, 1, 3, 3), {"group": 4, "strides": [2, 2]}),
    ((2, 4, 5, 6), (4, 3, 3, 3), {"strides": [2, 2], "output_shape": [10, 12]}),
    ((2, 4, 5, 6), (4, 3, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    ((2, 4, 5, 6), (4, 3, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    ((2, 4, 5, 6), (4, 3, 3, 3), {"strides": [2, 2], "auto_pad": "VALID"}),
    ((2, 4, 9), (4, 3, 4), {"strides": [3]}),
]


@pytest.mark.parametrize(
    ("x", "w", "attributes"),
    [
        ((2, 4, 30, 9), (6, 2, 5, 3), {"group": 2, "strides": [2, 1], "pads": [2, 1, 3, 1]}),
        ((1, 3, 40), (5, 3, 7), {"dilations": [2]}),
        ((2, 2, 7, 5, 6), (3, 2, 3, 1, 2), {"pads": [1, 0, 0, 1, 0, 1]}),
    ],
)
def test_convolutions_whose_columns_are_many_are_done_in_parts(
    check: Any, normal: Any, monkeypatch: Any, x: tuple[int, ...], w: tuple[int, ...], attributes: dict[str, Any]
) -> None:
    parts: list[slice] = []
    rows_of = conv._rows_of
    monkeypatch.setattr(conv, "_rows_of", lambda *given: parts.append(given[-1]) or rows_of(*given))
    for most, counted in ((1, x[0]), (conv.COLUMNS_BYTES, 1)):
        parts.clear()
        monkeypatch.setattr(conv, "COLUMNS_BYTES", most)
        (y,) = check("Conv", normal(*x), normal(*w), normal(w[0]), constants={1, 2}, **attributes)
        assert len(parts) == counted * (y.shape[2] if most == 1 else 1)


def test_a_wide_kernel_over_a_large_image_has_room(check: Any, normal: Any) -> None:
    """Its columns would take 50 MB: for inputs and weights of 90 kB no value may take over 40 MB."""
    check("Conv", normal(1, 2, 100, 100), normal(2, 2, 25, 25), constants={1}, pads=[12] * 4, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("x", "w", "attributes"), TRANSPOSED)
def test_conv_transpose(
    check: Any, normal: Any, x: tuple[int, ...], w: tuple[int, ...], attributes: dict[str, Any]
) -> None:
    check("ConvTranspose", normal(*x), normal(*w), normal(w[1] * attributes.get("group", 1)), **attributes)
    check("ConvTranspose", normal(*x), normal(*w), **attributes)

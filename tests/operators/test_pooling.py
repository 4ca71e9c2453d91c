from typing import Any

import numpy as np
import pytest

POOLS: list[dict[str, Any]] = [
    {"kernel_shape": [2, 2], "strides": [2, 2]},
    {"kernel_shape": [3, 2]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 1, 1, 0], "ceil_mode": 1},
    {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1},
    {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"},
]


@pytest.mark.parametrize("attributes", POOLS)
def test_pools(check: Any, normal: Any, attributes: dict[str, Any]) -> None:
    x = normal(2, 3, 9, 8) - 5
    check("MaxPool", x, **attributes)
    check("AveragePool", x, opset=19, **attributes)
    check("AveragePool", x, opset=19, count_include_pad=1, **attributes)


def test_max_pool_of_other_kinds(check: Any, normal: Any) -> None:
    check("MaxPool", normal(1, 2, 9, 9), kernel_shape=[2, 3], dilations=[2, 2])
    check("MaxPool", normal(1, 2, 9), kernel_shape=[3], strides=[2])
    check("MaxPool", np.arange(32, dtype=np.int8).reshape(1, 2, 4, 4) - 16, kernel_shape=[2, 2], pads=[1, 1, 1, 1])


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pools(check: Any, normal: Any, op: str) -> None:
    check(op, normal(2, 3, 5, 4))
    check(op, normal(2, 3, 5))

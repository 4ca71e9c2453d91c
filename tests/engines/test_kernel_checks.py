"""playground.engines.kernel_checks: calls that reach as far as their buffers do, and one byte further."""

import re
from pathlib import Path

import pytest

from playground.engines.kernel_checks import check_call
from playground.engines.kernel_program import At, Buffer, KernelProgramBuilder
from playground.engines.kernel_signatures import SIGNATURES
from playground.errors import InvalidInputError

SOURCES = Path(__file__).parents[2] / "wasm_kernels"
CODES, FLOATS = 0, 1
LIMITS = (-10.0, 20.0, 5)
IMAGES = (2, 5, 4, 9, 3, 3, 1, 1, 1, 1, 1, 1, 5, 4)
SIX, FOUR = (1, 1, 1, 1, 3, 4), (1, 1, 3, 4)
CALLS = {  # numbers, and bytes of each buffer at its place
    "k_gemm_s8": ([60], 2, 6, 5, 1, 1, 127, 0, 1234, [64], [64], [64], 9, *LIMITS, CODES, [108], [192]),
    "k_conv_s8": ([360], *IMAGES, 3, 1, 0, 128, 1234, [96], [96], [96], 2, *LIMITS, FLOATS, [960], [672]),
    "k_quantize": ([120], 2, 3, 5, [12], [12], -128, 127, 0, 0, 0, [30]),
    "k_softmax_s8": ([12], 3, 4, 1, [1024], 256.0, *LIMITS, CODES, [12], [16]),
    "k_layer_norm_s8": ([12], 3, 4, 1, -128, 1, 1e-5, [16], [16], *LIMITS, FLOATS, [48]),
    "k_add_s8": ([7], [7], 7, 1, -3, 0, 255, 0.1, 0.2, *LIMITS, CODES, [7]),
    "k_add_broadcast_s8": ([12], [4], *FOUR, 0, 0, 4, 1, 0, 0, 0, 1, 1, 3, 0, 9, 0.1, 0.2, *LIMITS, CODES, [12]),
    "k_mul_s8": ([12], [3], *FOUR, 0, 0, 4, 1, 0, 0, 1, 0, 1, 3, 0, 9, 0.1, *LIMITS, FLOATS, [48]),
    "k_lookup": ([9], 9, [1024], 4, [36]),
    "k_copy": ([20], [48], 4, 0, *SIX, 0, 0, 0, 0, 2, 4, *(0,) * 4, 16, 4),
    "k_pad": ([60], 60, 0, [12], [18], 1, [256], *SIX, 0, 0, 0, 0, 4, 1, *(0,) * 4, 7, 1),
    "k_transpose": ([24], 2, 3, 1, 4, [24]),
    "k_resize_nearest": ([24], 1, 2, 3, 4, 5, 6, [20], [24], [120]),
    "k_gather": ([30], 1, 6, 5, [24], 3, 8, [15]),
    "k_global_average_s8": ([30], 2, 5, 3, 0, 0, 0.5, *LIMITS, CODES, [6]),
    "k_maxpool_s8": ([360], *IMAGES, 1, [360]),
    "k_avgpool_s8": ([360], *IMAGES, 1, 127, 0.5, 0, *LIMITS, CODES, [360]),
    "k_depthwise_s8": ([360], *IMAGES, 1, 0, 128, [192], 1, [36], [36], *LIMITS, CODES, [360], [480]),
    "k_dynamic_range": ([40], 10, [8]),
    "k_dynamic_quantize": ([40], 10, [8], [10]),
    "k_scale_sums": ([60], 3, 5, [8], [20], [20], [20], -1.0, 1.0, [60]),
    "k_add_f32": ([40], [40], 10, 0.0, 6.0, [40]),
    "k_pool_f32": ([1440], *IMAGES, 1, 0, [1440]),
    "k_quantize_blocks": ([768], 3, 64, 32, [24], [192]),
    "k_gemv_4bit_s8": ([192], [24], 3, 64, 32, 5, [160], [40], [20], [32], [60]),
}


def call(kernel, args):
    KernelProgramBuilder().call(kernel, *(Buffer(*arg) if isinstance(arg, list) else arg for arg in args))


def changed(kernel, place, value):
    args = list(CALLS[kernel])
    args[SIGNATURES[kernel].names().index(place)] = value
    return args


@pytest.mark.parametrize("kernel", SIGNATURES)
def test_a_call_may_use_all_of_its_buffers_and_no_more(kernel):
    call(kernel, CALLS[kernel])
    for i, arg in enumerate(CALLS[kernel]):
        if isinstance(arg, list):
            name = SIGNATURES[kernel].names()[i]
            with pytest.raises(InvalidInputError, match=rf"{kernel}: {name} is touched from byte"):
                call(kernel, [*CALLS[kernel][:i], [arg[0] - 1], *CALLS[kernel][i + 1 :]])


@pytest.mark.parametrize("kernel", SIGNATURES)
def test_there_is_such_a_kernel(kernel):
    assert any(f"KERNEL({kernel})" in path.read_text() for path in SOURCES.glob("*.c"))


@pytest.mark.parametrize(
    ("kernel", "place", "value", "told"),
    [
        ("k_softmax_s8", "rows", -1, "rows is -1"),
        ("k_softmax_s8", "codes", 12, "codes is not an address but 12"),
        ("k_softmax_s8", "kind", 3, "kind is 3"),
        ("k_softmax_s8", "hi", 260.0, "limits -10.0 to 260.0 around the zero-point 5"),
        ("k_layer_norm_s8", "x_zero_point", 128, "x_zero_point is 128, not a code of -128 to 127"),
        ("k_add_s8", "zb", -1, "zb is -1, not a code of 0 to 255"),
        ("k_copy", "sizes[4]", -3, r"sizes\[4\] is -3"),
        ("k_copy", "x_strides[4]", -2, "x is touched from byte -4"),
    ],
)
def test_what_has_no_meaning_is_refused(kernel, place, value, told):
    with pytest.raises(InvalidInputError, match=told):
        call(kernel, changed(kernel, place, value))


def test_a_box_may_reach_back_from_an_address_inside_a_buffer():
    backwards = changed("k_copy", "x_strides[4]", -2)
    backwards[0] = At(Buffer(20), 4)
    call("k_copy", backwards)
    backwards[0] = At(Buffer(20), 3)
    with pytest.raises(InvalidInputError, match="there are 3 bytes before and 17 after"):
        call("k_copy", backwards)


def test_an_empty_box_touches_nothing():
    call("k_copy", [[0], [0], *changed("k_copy", "sizes[5]", 0)[2:]])


def test_words_are_counted():
    with pytest.raises(InvalidInputError, match="it takes 5 words, not 4"):
        check_call("k_lookup", CALLS["k_lookup"][:4], lambda _: None)


def test_the_words_are_those_of_the_structs():
    """Of structs that hold no other struct."""
    for file, kernel in [("gather.c", "gather"), ("resize_nearest.c", "resize_nearest"), ("transpose.c", "transpose")]:
        body = re.search(rf"struct {kernel}_args \{{(.*?)\}};", (SOURCES / file).read_text(), re.S).group(1)
        fields = re.findall(r"\*?(\w+)\s*[,;]", re.sub(r"/\*.*?\*/", "", body, flags=re.S))
        assert SIGNATURES[f"k_{kernel}"].names() == fields

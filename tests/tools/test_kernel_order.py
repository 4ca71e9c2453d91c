import re

import pytest

from tools import kernel_order, kernels
from tools.kernel_order import assembly, check_tiles, inner_order
from tools.paths import WASM_KERNELS
from tools.steps import BuildError

VALUES, WEIGHTS, STORE = "v128.load32_splat\t0:p2align=0", "v128.load\t16:p2align=0", "v128.store\t0"
PRODUCT = "i32x4.relaxed_dot_i8x16_i7x16_add_s"
STEP = [WEIGHTS, VALUES, PRODUCT, WEIGHTS, PRODUCT]
ROW = [VALUES, PRODUCT, PRODUCT]


def tile(rows, *instructions, inner="loop", kind="multiply_"):
    """The text of multiply_N: loads of biases, the loop over the depth inside that over tiles, stores of sums."""
    lines = [
        *("loop    \t# label1:", WEIGHTS, "local.set\t9", f"{inner}    \t# label2:"),
        *("local.get\t22", *instructions, "br_if   \t0", f"end_{inner}", STORE, STORE, "end_loop", "end_function"),
    ]
    return "\n".join([f"{kind}{rows}:    # @{kind}{rows}", *(f"\t{line}" for line in lines), ""])


ONE_LINE = tile(1, *STEP, kind="multiply_lines_")
OF_LINES = ONE_LINE + tile(2, *STEP, *ROW, kind="multiply_lines_")


def test_rows_one_after_another_are_accepted():
    check_tiles(tile(1, *STEP) + tile(2, *STEP, *ROW) + OF_LINES, 2)


WRONG = {
    "a column behind all loads": [WEIGHTS, VALUES, PRODUCT, WEIGHTS, VALUES, PRODUCT, PRODUCT, PRODUCT],
    "all loads first": [WEIGHTS, WEIGHTS, VALUES, VALUES, PRODUCT, PRODUCT, PRODUCT, PRODUCT],
    "a row too few": STEP,
    "a row too many": [*STEP, *ROW, *ROW],
    "a product too few": [*STEP, VALUES, PRODUCT],
    "weights loaded for each row": [*STEP, VALUES, PRODUCT, WEIGHTS, PRODUCT],
    "sums through memory": [*STEP, *ROW, STORE],
    "the depth unrolled": [*STEP, *ROW, *STEP, *ROW],
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_any_other_order_is_refused(wrong):
    with pytest.raises(BuildError, match=r"^The inner loop of multiply_2 .* for each of 2 rows"):
        check_tiles(tile(1, *STEP) + tile(2, *wrong) + OF_LINES, 2)


def test_tiles_of_lines_are_held_to_it_too():
    wrong = ONE_LINE + tile(2, *STEP, kind="multiply_lines_")
    with pytest.raises(BuildError, match=r"^The inner loop of multiply_lines_2 .* for each of 2 rows"):
        check_tiles(tile(1, *STEP) + tile(2, *STEP, *ROW) + wrong, 2)
    with pytest.raises(BuildError, match=r"tiles multiply_lines_1 to multiply_lines_2 .* found: none\.$"):
        check_tiles(tile(1, *STEP) + tile(2, *STEP, *ROW), 2)


def test_products_in_no_loop_or_in_two_are_refused():
    assert inner_order(tile(1, *STEP)) == ["weights", "values", "product", "weights", "product"]
    with pytest.raises(BuildError, match="reads: nothing, since no loop multiplies or several do"):
        check_tiles(
            tile(1, inner="block").replace("\tend_block", f"\tend_block\n\tloop\n\t{STORE}\n\tend_loop") + ONE_LINE, 1
        )
    with pytest.raises(BuildError, match="reads: nothing, since no loop multiplies or several do"):
        check_tiles(tile(1, *STEP, "end_loop", "loop", *STEP) + ONE_LINE, 1)


@pytest.mark.parametrize(
    ("text", "found"), [(tile(1, *STEP), "1"), ("", "none"), (tile(1, *STEP) + tile(3, *STEP), "1, 3")]
)
def test_tiles_that_are_missing_or_inlined_are_refused(text, found):
    with pytest.raises(
        BuildError, match=rf"tiles multiply_1 to multiply_2 as functions of their own; found: {found}\.$"
    ):
        check_tiles(text, 2)


def test_the_largest_tiles_are_those_of_the_header():
    found = re.findall(r"TILE_ROWS = (\d+)", (WASM_KERNELS / "gemm.h").read_text())
    assert [int(rows) for rows in found] == [6, 4]
    assert list(kernel_order.TILE_ROWS.values()) == [4, 6]
    assert list(kernel_order.TILE_ROWS) == list(kernels.TARGETS)


def test_the_kernels_pass():
    kernel_order.check_kernels()


@pytest.mark.parametrize(("path", "rows"), kernel_order.TILE_ROWS.items(), ids=["simd128", "relaxed"])
def test_without_the_barrier_the_compiler_makes_another_order(tmp_path, path, rows):
    for header in WASM_KERNELS.glob("*.h"):
        (tmp_path / header.name).write_text(header.read_text())
    source, text = tmp_path / "gemm_s8.c", (WASM_KERNELS / "gemm_s8.c").read_text()
    barrier = re.search(r"#define IN_ORDER\(a, b\) (.*)", text)[1]
    source.write_text(text.replace(barrier, "(void)0"))
    with pytest.raises(BuildError, match=r"^The inner loop of multiply_\w*2 in gemm_s8\.c reads: "):
        check_tiles(assembly(source, kernels.TARGETS[path]), rows)

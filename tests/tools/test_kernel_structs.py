"""tools.kernel_structs: what it reads from C, and that it refuses what it does not understand."""

import json
import re
import subprocess

import pytest

from tools.kernel_structs import as_javascript, as_json, as_typescript, layouts, word_count
from tools.paths import STRUCTS_FILE, STRUCTS_MODULE, STRUCTS_TYPES, WASM_KERNELS
from tools.steps import BuildError

HEADER = """
enum { RANK = 3, OTHER = RANK + 1 };
/* struct no { int32_t comment; }; */
struct inner { const void *x; int32_t sizes[RANK]; };
struct unread { v128_t lanes[4]; };
"""
KERNEL = """#include "shared.h"
struct one_args {
    const uint8_t *codes, *more; /* [n]; of which `float *x;` says nothing */
    int32_t n,
        m;
    float lo, hi[2];
    struct inner of;
    double *out;
};
KERNEL(k_one) {
    const struct one_args *a = (const void *)args;
    (void)a;
}
"""
LAYOUT = {
    **{"codes": "read", "more": "read", "n": "word", "m": "word", "lo": "float", "hi": "float[2]"},
    **{"of": {"x": "read", "sizes": "word[3]"}, "out": "write"},
}


@pytest.fixture
def read(tmp_path):
    """The layouts of one C file beside the header."""

    def layouts_of(text, header=HEADER):
        (tmp_path / "shared.h").write_text(header)
        (tmp_path / "one.c").write_text(text)
        return layouts(tmp_path)

    return layouts_of


def test_fields_come_in_order_with_their_types(read):
    (found,) = read(KERNEL).values()
    assert found == LAYOUT and list(found) == list(LAYOUT)
    assert word_count(found) == 12


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("int32_t n,\n        m", "uint32_t n", "a field is an int32_t, a float, a pointer or a struct"),
        ("int32_t n,\n        m", "const int32_t n", "is not const"),
        ("int32_t n,\n        m", "int32_t n, n", "two fields n"),
        ("int32_t n,\n        m", "int32_t n : 4", "is not understood"),
        ("int32_t n,\n        m", "unsigned int n", "is not understood"),
        ("int32_t n,\n        m", "\n#if defined(X)\n    int32_t n;\n#endif\n    int32_t m", "is not understood"),
        ("int32_t n,\n        m", "int32_t n[OTHER]", "length OTHER is neither"),
        ("int32_t n,\n        m", "int32_t n[0]", "length 0 is neither"),
        ("int32_t n,\n        m", "int32_t n[2][2]", "is not understood"),
        ("double *out", "double **out", "is not understood"),
        ("double *out", "double *out[2]", "only plain pointers"),
        ("double *out", "struct inner *out", "only plain pointers"),
        ("double *out", "struct inner out[2]", "a field is an int32_t"),
        ("struct inner of", "struct nothing of", "struct nothing is not defined"),
        ("struct inner of", "struct unread of", "a field is an int32_t"),
        ("struct inner of", "union { int32_t a; float b; } of", "struct one_args is not defined"),
        ("struct inner of", "int32_t many[64]", "takes 72 words"),
        ("    const struct one_args *a = (const void *)args;", "    work(args);", "does not name its struct"),
        ("struct one_args *a", "struct two_args *a", "struct two_args is not defined"),
        ("struct one_args {", "struct one_args { int32_t n; };\nstruct one_args {", "defined twice"),
        ("#include", "struct inner { int32_t n; };\n#include", "defined twice"),
    ],
)
def test_what_is_not_understood_is_refused(read, was, becomes, told):
    assert was in KERNEL
    with pytest.raises(BuildError, match=re.escape(told)):
        read(KERNEL.replace(was, becomes, 1))


def test_a_kernel_is_defined_once(read, tmp_path):
    (tmp_path / "two.c").write_text(KERNEL)
    with pytest.raises(BuildError, match="k_one is defined twice"):
        read(KERNEL)


def test_javascript_gets_the_words_in_order(read):
    text = as_javascript(read(KERNEL))
    (line,) = (line for line in text.splitlines() if line.startswith("export"))
    name, words = re.fullmatch(r"export const (\w+) = (\[.*\]);", line).groups()
    sizes = [f"of.sizes.{i}" for i in range(3)]
    expected = ["k_one", "codes", "more", "n", "m", "*lo", "*hi.0", "*hi.1", "of.x", *sizes, "out"]
    assert (name, json.loads(words)) == ("k_one", expected)


def test_typescript_gets_names_and_kinds(read):
    inner = "of: { x: Address; sizes: readonly number[] }"
    fields = f"codes: Address; more: Address; n: number; m: number; lo: number; hi: readonly number[]; {inner}"
    assert f"export declare const k_one: Struct<{{ {fields}; out: Address }}>;" in as_typescript(read(KERNEL))


def test_what_was_built_is_what_the_sources_say():
    found = layouts(WASM_KERNELS)
    assert json.loads(STRUCTS_FILE.read_text("utf-8")) == found
    assert as_json(found) == STRUCTS_FILE.read_text("utf-8")
    assert as_javascript(found) == STRUCTS_MODULE.read_text("utf-8")
    assert as_typescript(found) == STRUCTS_TYPES.read_text("utf-8")
    assert list(found["k_softmax_s8"]) == ["codes", "rows", "columns", "is_signed", "exps", "ratio", "to", "scratch"]


@pytest.mark.slow
def test_the_compiler_lays_structs_out_likewise(tmp_path):
    """As many words as sizeof says, checked by the compiler itself."""
    from tools.kernels import compile_module

    checks = []
    for path in sorted(WASM_KERNELS.glob("*.c")):
        text = path.read_text("utf-8")
        for kernel, struct in re.findall(r"^KERNEL\((\w+)\) \{\n    const struct (\w+) ", text, re.MULTILINE):
            count = word_count(layouts(WASM_KERNELS)[kernel])
            checks.append((path, f'_Static_assert(sizeof(struct {struct}) == {4 * count}, "{kernel}");'))
    assert len(checks) > 40
    source = tmp_path / "sizes.c"
    for path in {path for path, _ in checks}:
        lines = [f'#include "{path}"', *(line for of, line in checks if of == path)]
        source.write_text("\n".join(lines) + "\n")
        try:
            compile_module(
                tmp_path / "sizes.wasm",
                f"-I{WASM_KERNELS}",
                "-mcpu=generic+simd128+relaxed_simd",
                "-c",
                sources=[source],
            )
        except (BuildError, subprocess.SubprocessError) as error:
            pytest.fail(f"{path.name}: {error}")

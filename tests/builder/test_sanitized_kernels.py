"""The kernels' own tests once more, on a build in which undefined behaviour of the C code traps (UBSan)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime
from builder.kernels import FLAGS, TARGETS
from builder.paths import DOWNLOADS, WASM_KERNELS

ROOT = Path(__file__).parents[2]
KINDS = "undefined,float-cast-overflow"
SANITIZED = [
    flag for flag in FLAGS if flag not in {"-O3", "-nostdlib"}
]  # 64-bit overflow checks need a library function
SANITIZED += ["-O1", f"-fsanitize={KINDS}", f"-fsanitize-trap={KINDS}"]
WRONG = """
#include "kernels.h"
KERNEL(k_add) { ((int32_t *)(uintptr_t)args[2])[0] = args[0] + args[1]; }
KERNEL(k_cast) { ((int32_t *)(uintptr_t)args[2])[0] = (int32_t)*(const float *)args; }
"""


def build(sources, module, cpu):
    cache = str(DOWNLOADS / "zig")
    environment = {**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
    flags = [*SANITIZED, f"-mcpu={cpu}", "-I", WASM_KERNELS]
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *flags, "-o", module, *sources], check=True, env=environment)
    return module


def test_the_kernels_do_nothing_that_c_leaves_undefined(tmp_path):
    for path, cpu in TARGETS.items():
        build(sorted(WASM_KERNELS.glob("*.c")), tmp_path / path.name, cpu)
    tests = ["tests/wasm_kernels", "--ignore=tests/wasm_kernels/test_module.py"]  # that one is about the real build
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "KERNELS_UNDER_TEST": str(tmp_path)}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize(("name", "words"), [("k_add", (2**31 - 1, 1)), ("k_cast", (0x7F000000, 0))])
def test_undefined_behaviour_traps_in_such_a_build(tmp_path, name, words):
    (tmp_path / "wrong.c").write_text(WRONG)
    module = build([tmp_path / "wrong.c"], tmp_path / "wrong.wasm", "generic+simd128+bulk_memory")
    store = wasmtime.Store()
    memory = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(2, None)))
    exports = wasmtime.Instance(store, wasmtime.Module.from_file(store.engine, str(module)), [memory]).exports(store)
    for given, traps in (((1, 1), False), (words, True)):
        memory.write(store, b"".join(word.to_bytes(4, "little") for word in (*given, 64)), 128)
        if traps:
            with pytest.raises(wasmtime.Trap, match="unreachable"):
                exports[name](store, 128)
        else:
            exports[name](store, 128)

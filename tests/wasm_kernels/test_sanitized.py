"""That the build which the kernels' tests run a second time does trap on what C leaves undefined."""

import pytest
import wasmtime

WRONG = """
#include "kernels.h"
KERNEL(k_add) { ((int32_t *)(uintptr_t)args[2])[0] = args[0] + args[1]; }
KERNEL(k_cast) { ((int32_t *)(uintptr_t)args[2])[0] = (int32_t)*(const float *)args; }
KERNEL(k_shift) { ((int32_t *)(uintptr_t)args[2])[0] = args[0] << args[1]; }
"""


@pytest.mark.parametrize(
    ("name", "words"), [("k_add", (2**31 - 1, 1)), ("k_cast", (0x7F000000, 0)), ("k_shift", (1, 32))]
)
def test_undefined_behaviour_traps(tmp_path, sanitized, name, words):
    from tools import kernels

    source, module = tmp_path / "wrong.c", tmp_path / "wrong.wasm"
    source.write_text(WRONG)
    flags = [f"-mcpu={kernels.TARGETS[kernels.KERNELS_FILE]}", f"-I{kernels.WASM_KERNELS}", *sanitized]
    kernels.compile_module(module, *flags, sources=[source])
    store = wasmtime.Store()
    memory = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(2, None)))
    exports = wasmtime.Instance(store, wasmtime.Module.from_file(store.engine, str(module)), [memory]).exports(store)

    def call(*given):
        memory.write(store, b"".join(word.to_bytes(4, "little") for word in (*given, 64)), 128)
        exports[name](store, 128)

    call(1, 1)
    with pytest.raises(wasmtime.Trap, match="unreachable"):
        call(*words)

"""Every kernel is stated once, in the module that uses it, and nothing else can be called."""

import importlib
import pkgutil
import re
from collections import defaultdict
from pathlib import Path

import playground
from playground.host.kernel import Kernel
from playground.host.kernel_checks import bind
from playground.host.kernel_structs import structs
from tests.wasm_kernels.conftest import STATED

ONLY_IN_PAGES = ("playground.host.browser", "playground.host.page", "playground.host.site_files")
BEFORE_THERE_ARE_KERNELS = {"k_relaxed_dot"}  # which a host calls to choose the build


def stated():
    """Kernel name -> the kernels of that name, and the modules that hold them."""
    found = defaultdict(dict)
    for info in pkgutil.walk_packages(playground.__path__, "playground."):
        if info.name.startswith(ONLY_IN_PAGES) or info.name.endswith(("__main__", "onnxruntime_web")):
            continue
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, Kernel):
                found[value.name].setdefault(id(value), (value, info.name))
    return found


def test_every_built_kernel_is_stated_once_and_completely():
    found = stated()
    assert set(found) == set(structs()) - BEFORE_THERE_ARE_KERNELS
    for name, kernels in found.items():
        ((kernel, _),) = kernels.values()
        assert {slot.name for slot in bind(kernel).slots if slot.kind in ("read", "write")} == set(
            kernel.whole().reach
        ), name


def test_the_tests_of_the_kernels_know_them_all():
    tested = {value.name for module in STATED for value in vars(module).values() if isinstance(value, Kernel)}
    assert tested == set(structs()) - BEFORE_THERE_ARE_KERNELS


def test_what_becomes_of_results_and_which_codes_they_are_is_held_everywhere():
    for kernels in stated().values():
        ((kernel, _),) = kernels.values()
        names = {slot.name for slot in bind(kernel).slots}
        ranges = kernel.whole().ranges
        for name in names:
            if name.endswith(("zero_point", ".kind")) and name not in kernel.whole().reach:
                assert name in ranges, f"{kernel.name}: {name}"
            if name.startswith("images.") and name.split(".")[1].startswith(("kernel", "stride", "dilation")):
                assert 0 not in ranges[name], f"{kernel.name}: {name}"


def test_memory_is_looked_at_through_checked_functions_alone():
    """Views by strides by arrays.strided_view, addresses by the hosts of the kernels."""
    raw = {
        "as_strided": {"arrays.py"},
        "from_address": {"host/cpython.py"},
        "addressof": {"host/browser.py", "host/cpython.py"},
    }
    root = Path(playground.__file__).parent
    for name, places in raw.items():
        used = {
            path.relative_to(root).as_posix() for path in root.rglob("*.py") if re.search(name, path.read_text("utf-8"))
        }
        assert used == places, name

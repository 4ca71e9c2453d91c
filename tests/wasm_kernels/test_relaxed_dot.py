"""k_relaxed_dot tells how a machine computes the relaxed dot product, by which hosts choose the build."""

import pytest
import wasmtime

from playground.host.kernel import Kernel, fixed
from playground.host.kernel_module import RELAXED_OPCODE, dot_found, read_module

PROBE = Kernel("k_relaxed_dot", {"found": fixed(4)})
"""The hosts call it before there are any kernels to call."""


@pytest.fixture
def probe(guarded, out):
    """Module -> what it finds, as a value of ``Kernels.dot``."""

    def found(octets, dot):
        return dot_found(int(type(guarded)(octets, dot)(PROBE, found=out((1,), "int32"))[0]))

    return found


def test_signed_values(probe):
    """The rules that wasmtime calls deterministic."""
    assert probe(read_module("signed"), "signed") == "signed"


def test_unsigned_values(probe, stand_in):
    assert probe(stand_in(), "unsigned") == "unsigned"


@pytest.mark.slow
def test_pairs_that_saturate_are_not_exact(probe, stand_in):
    assert probe(stand_in("-DSATURATING"), "unsigned") == "int16"


@pytest.mark.parametrize("found", [0, 3, 4])
def test_what_is_neither_or_cannot_be_told_falls_back(found):
    assert dot_found(found) == "int16"


def test_the_instruction_stands_for_what_is_said_of_it():
    """``RELAXED_OPCODE`` is what the host validates; wasmtime takes it only where relaxed SIMD is on."""
    config = wasmtime.Config()
    config.wasm_relaxed_simd = False
    wasmtime.Module.validate(wasmtime.Engine(), RELAXED_OPCODE)
    with pytest.raises(wasmtime.WasmtimeError, match="relaxed"):
        wasmtime.Module.validate(wasmtime.Engine(config), RELAXED_OPCODE)

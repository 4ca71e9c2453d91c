"""What the bench page runs of the same ``.tflite`` files: our programs give what LiteRT's reference kernels gave."""

import json

import numpy as np
import pytest

from playground import host
from playground.programs.kernel_program import RUN
from tests.benchmarks import net_programs, same_files
from tests.model.readers import tflite_nets

SMALL = [name for name in tflite_nets.files() if name.rpartition(".")[2] in same_files.KINDS]


def run_written(folder, name):
    """Put a written program together as the page does it, and run it on the written sample."""
    described = json.loads((folder / "same.json").read_text())[name]
    kernels = host.kernels()
    dot = net_programs.DOTS[0] if name.endswith(".float") else kernels.dot
    program = json.loads((folder / f"same-{name}.{dot}.json").read_text())
    constants = (folder / f"same-{name}.{dot}.bin").read_bytes()
    arena = kernels.arena(program["nbytes"])
    for at, start, count in program["constants"]:
        arena.view(at, (count,), np.uint8)[:] = np.frombuffer(constants, np.uint8, count, start)
    words = []
    for kernel, args, places in program["calls"]:
        moved = [word + arena.address if i in places else word for i, word in enumerate(args)]
        words += [kernels.slots[kernel], len(args), *moved]
    code = kernels.resident(np.array(words, np.int32))
    dtype, shape = described["input"]
    sample = np.frombuffer((folder / f"same-{name}.input.bin").read_bytes(), dtype).reshape(shape)
    arena.view(program["input"], sample.shape, sample.dtype)[...] = sample
    kernels.call(RUN, program=code, words=code.size)
    at, count = program["output"]
    return arena.view(at, (count,), described["output"]).copy(), described


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The files of the small nets, as the build writes them."""
    folder = tmp_path_factory.mktemp("same")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(same_files.nets, "EVERY", {})
        same_files.write(folder)
    return folder


@pytest.mark.parametrize("name", SMALL)
def test_a_written_program_gives_what_litert_gave(name, small):
    samples, answers = tflite_nets.answers(name)
    found, described = run_written(small, f"small-{name}")
    wanted = answers[0].reshape(-1)
    assert found.dtype == wanted.dtype
    apart = np.abs(found.astype(float) - wanted).max()
    assert apart <= (1.001 * described["code"] or same_files.FLOAT_SHARE * np.abs(wanted).max())
    assert (small / f"same-small-{name}.tflite").read_bytes() == tflite_nets.files()[name]
    assert (small / f"same-small-{name}.input.bin").read_bytes() == samples[0].tobytes()


def test_every_kind_is_there_and_codes_are_told_from_floats(small):
    described = json.loads((small / "same.json").read_text())
    assert described.keys() == {f"small-{name}" for name in SMALL}
    assert {name.rpartition(".")[2] for name in described} == set(same_files.KINDS)
    assert {it["code"] for name, it in described.items() if name.endswith(".float")} == {0}
    assert {it["code"] for name, it in described.items() if name.endswith((".int8", ".tensor"))} == {1}
    assert all(0 < it["code"] < 1 for name, it in described.items() if name.endswith(".ends"))


def test_files_of_large_nets_are_those_of_the_archive(monkeypatch):
    monkeypatch.setattr(same_files.nets, "EVERY", {"dscnn": same_files.nets.EVERY["dscnn"]})
    large = {same.name: same for same in same_files.every() if not same.name.startswith("small-")}
    assert large.keys() == {"dscnn.int8", "dscnn.float"}
    assert large["dscnn.int8"].file == same_files.litert_nets.file_of("dscnn", "int8")
    assert [same.is_float for same in large.values()] == [False, True]


def test_multiplications_do_not_depend_on_the_kind(small):
    """The same net in codes and in floats; attention is left out, whose products floats compute for each reader."""
    described = json.loads((small / "same.json").read_text())
    for name in SMALL:
        net = name.partition(".")[0]
        if net != "attention":
            assert described[f"small-{name}"]["macs"] == described[f"small-{net}.float"]["macs"]
    assert described["small-dense.int8"]["macs"] == 24 * 48 + 48 * 32 + 32 * 10

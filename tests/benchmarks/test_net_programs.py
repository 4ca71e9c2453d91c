"""The files of the bench page's nets, put together as the page does it, give what the engine gives."""

import numpy as np
import onnxruntime
import pytest

from playground import host
from playground.engines import wasm
from playground.model.writers.onnx import to_onnx
from playground.programs.kernel_program import RUN
from tests.benchmarks import net_programs, nets


@pytest.mark.parametrize("floats", [False, True], ids=["int8", "float"])
@pytest.mark.parametrize("name", ["dscnn", "autoencoder", "digits-convnet"])
def test_a_written_program_gives_the_engines_results(name, floats):
    graph = nets.EVERY[name]() if floats else nets.quantized(nets.EVERY[name]())[0]
    kernels, constants, batch = host.kernels(), net_programs.Constants(), 3
    program = net_programs.program_of(graph, batch, kernels.dot, constants, floats=floats)
    arena = kernels.arena(program["nbytes"])
    for at, start, count in program["constants"]:
        arena.view(at, (count,), np.uint8)[:] = np.frombuffer(constants.data, np.uint8, count, start)
    words = []
    for kernel, args, places in program["calls"]:
        moved = [word + arena.address if i in places else word for i, word in enumerate(args)]
        words += [kernels.slots[kernel], len(args), *moved]
    code = kernels.resident(np.array(words, np.int32))
    ((fed, x),) = nets.sample(graph, batch).items()
    arena.view(program["input"], x.shape, x.dtype)[...] = x
    kernels.call(RUN, program=code, words=code.size)
    at, count = program["output"]
    found = arena.view(at, (count,), np.float32)
    if floats:
        session = onnxruntime.InferenceSession(to_onnx(graph), providers=["CPUExecutionProvider"])
        np.testing.assert_allclose(found, session.run(None, {fed: x})[0].reshape(-1), rtol=1e-4, atol=1e-5)
        return
    (expected,) = wasm.plan(graph, {fed: x.shape}).run({fed: x}).values()
    np.testing.assert_array_equal(found, expected.reshape(-1))


def test_multiplications_are_those_of_the_published_architectures():
    """In millions: ResNet-8 12.5, MobileNetV1 of a quarter 7.5, DS-CNN 2.7, autoencoder 0.26 (MLPerf Tiny)."""
    published = {"resnet8": 12.5, "mobilenet": 7.5, "dscnn": 2.7, "autoencoder": 0.26}
    for name, millions in published.items():
        graph = nets.quantized(nets.NETS[name]())[0]
        program = net_programs.planned(graph, {key: x.shape for key, x in nets.sample(graph, 1).items()})
        macs = net_programs.macs_of(program)
        assert macs / 1e6 == pytest.approx(millions, rel=0.03), name

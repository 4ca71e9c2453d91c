"""A 22-million-parameter encoder (random weights, raw_data) in the page: report of all weights, peak memory.

The weight report is what *Quantize* gives with weights only: each of them quantized, its error measured, the file
written.
"""

import time

import pytest

from tests.benchmarks.quantize_static import LAYERS, encoder

MEMORY = 4.0
"""Times the file's size."""

HEAP = "() => pyodide._module.HEAP8.length"

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "encoder.onnx"
    path.write_bytes(encoder().SerializeToString())
    return path


def test_inventory_and_weight_report(page, large, record_property):
    page.evaluate("() => playground.setState({weights: 'int8', activations: 'weight_only'})")
    (worker,) = [one for one in page.workers if one.evaluate("() => typeof pyodide !== 'undefined'")]
    before = worker.evaluate(HEAP)
    began = time.perf_counter()
    page.set_input_files("#open", large)
    page.wait_for_function("() => playground.state.model === 'upload'", timeout=60_000)
    inventory = time.perf_counter() - began
    began = time.perf_counter()
    report = page.evaluate("() => playground.quantize().then(({report}) => report)")
    weights = time.perf_counter() - began
    peak = (worker.evaluate(HEAP) - before) / large.stat().st_size
    record_property("seconds", [inventory, weights, peak])
    print(f"\ninventory {inventory:.2f} s, weight report {weights:.2f} s, peak {peak:.2f} x the file")
    assert len(report["tensors"]) == 6 * LAYERS
    assert all(tensor["sqnr_db"] > 30 for tensor in report["tensors"])
    assert peak < MEMORY

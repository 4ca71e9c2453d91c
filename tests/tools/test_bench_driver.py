import json
import subprocess
from pathlib import Path

import pytest

from tools.bench_driver import print_native, print_python, print_tables
from tools.downloads import node

ROOT = Path(__file__).parents[2]


def measured(call, kernels_ms, numpy_ms, **changed):
    times = {"call": call, "kept": 0.7, "copying 1 MiB": 26.0}
    cost = {"microseconds": times, "in_place": changed.get("in_place", True)}
    return {
        "dot": "int16",
        "call": cost,
        "slider": {"kernels_ms": kernels_ms, "numpy_ms": numpy_ms, "agree": changed.get("agree", True)},
        "sensitivity": {"seconds": changed.get("seconds", 1.25), "samples": 360, "worst": "depthwise2"},
    }


def test_what_python_in_the_page_meets_and_misses(capsys):
    print_python(measured(8.0, 4.0, 56.0))
    printed = capsys.readouterr().out
    assert "8.00 us  <= 10 us, 1 MiB in place  met" in printed
    assert "14.0 x >= 15  missed; results agree" in printed
    assert "which layer hurts, 360 samples         1.25 s  <= 5 s  met; depthwise2" in printed
    print_python(measured(12.0, 3.0, 60.0, in_place=False, agree=False, seconds=6.0))
    printed = capsys.readouterr().out
    assert "12.00 us  <= 10 us, 1 MiB COPIED  missed" in printed
    assert "20.0 x >= 15  met; RESULTS DIFFER" in printed
    assert "6.00 s  <= 5 s  missed" in printed


def test_native_nets_are_ratios_of_its_time_to_ours(capsys):
    print_native([{"net": "dscnn", "batch": 16, "ours_ms": 2.0, "qdq_ms": 3.0, "float_ms": 1.0}])
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split() == [
        "dscnn,",
        "batch",
        "16",
        "ours,",
        "QDQ,",
        "float",
        "2.000",
        "3.000",
        "1.000",
        "ms",
        "1.50",
        "0.50",
    ]


def row(shape, engine, median, ratio):
    return {"shape": shape, "engine": engine, "medianMs": median, "ratio": ratio}


ROWS = [
    row("512 × 512 × 512", "Ours (simd128), requantized to uint8", 4, 1),
    row("512 × 512 × 512", "Multiplying alone (simd128)", 3, 0.75),
    row("512 × 512 × 512", "ONNX Runtime Web MatMulInteger, uint8 x int8", 10, 2.5),
    row("512 × 512 × 512", "ONNX Runtime Web MatMulInteger, int8 x int8", 60, 15),
    row("512 × 512 × 512", "ONNX Runtime Web MatMul, float", 16, 4),
    row("conv 3×3, 64→64, 56×56", "ONNX Runtime Web QLinearConv", 9, 3),
    row("depthwise 3×3, 64 channels, 56×56, stride 1", "ONNX Runtime Web QLinearConv", 9, 1.5),
    row("one, batch 1", "ONNX Runtime Web, QDQ", 9, 2),
    row("one, batch 1", "ONNX Runtime Web, float", 9, 5),
    row("one, batch 16", "ONNX Runtime Web, QDQ", 9, 9),
    row("one, batch 16", "ONNX Runtime Web, float", 9, 8),
]


LITERT_ROWS = [
    row("one, batch 1", "LiteRT.js, int8", 4, 0.8),
    row("one, batch 1", "LiteRT.js, float", 9, 4),
    row("one, batch 16", "LiteRT.js, int8", 9, 3.2),
    row("one, batch 16", "LiteRT.js, float", 9, 1.21),
]


def targets_of(rows):
    module = (ROOT / "static" / "bench" / "targets.mjs").as_uri()
    script = (
        f"import {{ targets }} from {json.dumps(module)}; console.log(JSON.stringify(targets({json.dumps(rows)})));"
    )
    made = subprocess.run(
        [*node("node"), "--input-type=module", "-e", script], check=True, capture_output=True, text=True
    )
    return json.loads(made.stdout)


def test_targets_of_the_bench_page():
    made = targets_of(ROWS)
    assert not any("note" in target for target in made)
    assert {target["what"]: (target["found"], target["met"]) for target in made} == {
        "512 × 512 × 512, simd128: share of the loop that only multiplies": (0.75, False),
        "512 × 512 × 512: against its best int8 MatMulInteger": (2.5, True),
        "512 × 512 × 512: against its float32 MatMul": (4, False),
        "conv 3×3, 64→64, 56×56: against its QLinearConv": (3, True),
        "depthwise 3×3, 64 channels, 56×56, stride 1: against its QLinearConv": (1.5, False),
        "one, batch 1: against the faster of its float32 and QDQ": (2, True),
        "one, batch 16: against the faster of its float32 and QDQ": (8, True),
        "all networks: geometric mean": (pytest.approx(4), True),
    }


def test_targets_against_litert_say_where_the_relaxed_build_did_not_run(capsys):
    made = targets_of([*ROWS, *LITERT_ROWS])
    against = [target for target in made if "LiteRT.js" in target["what"]]
    assert {target["what"]: (target["wanted"], target["found"], target["met"]) for target in against} == {
        "one, batch 1: against LiteRT.js on int8": (1, 0.8, False),
        "one, batch 16: against LiteRT.js on int8": (1, 3.2, True),
        "all networks: geometric mean against LiteRT.js on int8": (1.3, pytest.approx(1.6), True),
        "all networks: geometric mean against LiteRT.js on float32": (2, pytest.approx(2.2), True),
    }
    assert ["AVX-VNNI" in target.get("note", "") for target in against] == [True, False, False, False]
    assert sum("note" in target for target in made) == 1
    relaxed = targets_of([*ROWS, *LITERT_ROWS, row("one, batch 1", "Ours (relaxed)", 5, 1)])
    assert len(relaxed) == len(made)
    assert not any("note" in target for target in relaxed)
    shown = {"first_load_ms": {}, "native": [], "dot": "int16", "results": [], "targets": against[:1]}
    print_tables({**shown, "python": measured(8.0, 4.0, 56.0)})
    assert "0.80 >= 1     missed; set for the relaxed build" in capsys.readouterr().out

import pytest

from tools.cold_bench import COLD, PLAIN, SECOND, SOURCES, summarize, table


def sample(view, slider, python, size=1_000_000, shift=0.0):
    return {"view": view, "slider": slider, "python": python, "bytes": size, "shift": shift}


SAMPLES = {
    SOURCES: [sample(900, 1000, 9000), sample(1000, 1100, 30_000), sample(1100, 1200, 12_000)],
    PLAIN: [sample(900, 1000, 4500), sample(1000, 1100, 10_000), sample(1100, 1200, 8000)],
    COLD: [sample(800, 1700, 3000), sample(1100, 1500, 2000), sample(1300, 1650, 2400, shift=0.3)],
    SECOND: [sample(500, 600, 1500), sample(500, 600, 1000), sample(500, 600, 4000, 0)],
}


def test_medians_and_the_ratio_within_each_round():
    summary = summarize(SAMPLES)
    assert summary["medians"][COLD] == sample(1100, 1650, 2400)
    assert summary["sooner"] == {
        PLAIN: pytest.approx(2.0),  # 2, 3, 1.5
        COLD: pytest.approx(5.0),  # 3, 15, 5
        SECOND: pytest.approx(6.0),  # 6, 30, 3
    }


def test_targets_are_judged_by_the_medians():
    met = {(row["start"], row["stage"]): row["met"] for row in summarize(SAMPLES)["targets"]}
    assert met == {
        (COLD, "view"): True,
        (COLD, "slider"): False,  # 1650 > 1600
        (COLD, "python"): True,
        (COLD, "shift"): True,
        (COLD, "bytes"): True,
        (SECOND, "python"): True,
    }


def test_the_table_says_what_was_missed_and_what_the_baseline_is():
    lines = table(summarize(SAMPLES), 3).splitlines()
    assert [line.split()[-1] for line in lines if "<=" in line or ">=" in line].count("missed") == 1
    assert any("5.00 x" in line and line.endswith("met") for line in lines)
    assert any("byte-compiled" in line for line in lines)


def test_a_start_without_its_plain_start_is_refused():
    with pytest.raises(ValueError, match="longer"):
        summarize({**SAMPLES, SOURCES: SAMPLES[SOURCES][:2]})

import pytest

from tools import budgets
from tools.budgets import BUDGETS, GROUPS, Budget, check, group_sizes, served_sizes
from tools.paths import DIST
from tools.steps import BuildError


def test_the_smallest_form_of_each_file_counts_once(tmp_path):
    for name, size in {"a.js": 100, "a.js.br": 20, "a.js.gz": 30, "b.zip": 50, "c.zst": 40}.items():
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "c.gz").write_bytes(bytes(60))  # the fallback of c.zst: a browser fetches one of them
    assert served_sizes(tmp_path) == {"a.js": 20, "b.zip": 50, "c.zst": 40}


def test_a_file_belongs_to_one_group():
    sizes = {"bokeh-0123456789/bokeh.min.js": 7, "python-0123456789/snapshot.bin.zst": 5, "bench.html": 3}
    totals = group_sizes(sizes)
    assert (totals["Bokeh"], totals["Snapshot"], totals["Python"]) == (7, 5, 0)
    assert sum(totals.values()) == 12


def test_budgets_name_groups_that_exist():
    for budget in BUDGETS:
        assert set(budget.groups) <= set(GROUPS)


def test_what_costs_too_much_fails_and_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "index.html").write_bytes(bytes(1000))
    check(tmp_path)
    assert "First interaction" in capsys.readouterr().out
    monkeypatch.setattr(budgets, "BUDGETS", (Budget("First interaction", 999, ("Page and scripts",)),))
    with pytest.raises(BuildError, match="First interaction: 1000 bytes, 999 allowed"):
        check(tmp_path)


def test_everything_that_is_kept_for_use_without_a_network_is_in_a_budget_or_small():
    sizes = served_sizes(DIST)
    outside = {
        address: size
        for address, size in sizes.items()
        if not any(group_sizes({address: size}).values()) and not address.startswith(("bench-", "docs/"))
    }
    assert sum(outside.values()) < 1_500_000, outside

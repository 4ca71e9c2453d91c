"""The tables in docs/ are those that the package gives now, and published numbers are reproduced."""

import pytest

import playground
from playground.ptq.algorithms import algorithms
from tools import literature, tables


@pytest.mark.parametrize("name", tables.DOCUMENTS)
def test_no_table_is_stale(name: str) -> None:
    text = (tables.ROOT / name).read_text("utf-8")
    assert "<!-- table: " in text
    assert tables.with_tables(text) == text, "run .venv/bin/python -m tools.tables"


def test_every_table_stands_somewhere() -> None:
    text = "".join((tables.ROOT / name).read_text("utf-8") for name in tables.DOCUMENTS)
    assert [name for name in tables.TABLES if f"<!-- table: {name} -->" not in text] == []


@pytest.mark.parametrize("section", literature.SECTIONS)
def test_published_numbers_are_reproduced(section: str) -> None:
    rows = literature.SECTIONS[section]()
    assert rows
    assert [(row.what, row.published, row.ours) for row in rows if not row.agrees] == []


def test_each_format_and_each_convention_has_its_row() -> None:
    formats, conventions = tables.formats_table(), tables.conventions_table()
    assert all(f"| `{name}` |" in formats for name in playground.formats())
    assert all(f"| `{name}` |" in conventions for name in playground.conventions())


def test_each_algorithm_has_its_row_and_its_advice() -> None:
    assert all(f"| `{name}` |" in tables.algorithms_table() for name in algorithms())
    advice = (tables.ROOT / "docs/algorithms.md").read_text("utf-8").split("## When to use which")[1]
    assert [name for name in algorithms() if f"`{name}`" not in advice] == []


def test_a_number_that_is_not_reproduced_is_noticed() -> None:
    assert not literature.Row("x", "0.4528", 0.4534, 5e-4).agrees
    assert not literature.Limit("x", "0.002", 0.0021, 0).agrees
    assert literature.Row("x", "1.510", 1.5104, 2e-3).cells() == ("x", "1.510", "1.510")

"""The sampler of mutants, on modules and tests made here."""

import ast
import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tools import mutation, mutation_map
from tools.mutation_map import CoverageMap, digest, that_ran
from tools.mutation_operators import Mutant, mutants_of, sample
from tools.steps import BuildError

ROOT = Path(__file__).parents[2]


def changes(source):
    """(kind, module after the change as the tree sees it) of every mutant."""
    text = textwrap.dedent(source)
    made = [(m.kind, m.applied(text.encode()).decode()) for m in mutants_of(text, "m.py")]
    return {(kind, ast.unparse(ast.parse(after))) for kind, after in made}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a < b", {("comparison", "a <= b")}),
        ("a >= b", {("comparison", "a > b")}),
        ("a == b", {("comparison", "a != b")}),
        ("a is b", {("comparison", "a is not b")}),
        ("a not in b", {("comparison", "a in b")}),
        ("a < b <= c", {("comparison", "a <= b <= c"), ("comparison", "a < b < c")}),
        ("a > 8", {("comparison", "a >= 8"), ("boundary", "a > 9")}),
        ("x or a and b", {("boolean", "x and (a and b)"), ("boolean", "x or (a or b)")}),
        ("not a", {("negation", "a")}),
        ("b if a else c", {("negation", "b if not a else c")}),
        ("a + 1", {("boundary", "a + 0")}),
        ("a - 1", {("boundary", "a - 0")}),
        ("min(a, b)", {("call", "max(a, b)")}),
        ("np.maximum(a, b)", {("call", "np.minimum(a, b)")}),
        ("a + 2", set()),
        ("a + True", set()),
        ("f'{a < b}'", set()),
        ("assert a < b", set()),
        ("if TYPE_CHECKING:\n    a < b", set()),
    ],
)
def test_what_is_changed(source, expected):
    assert changes(source) == expected


def test_a_guard_goes_on():
    source = "def f(x):\n    if x:\n        return 0\n    return 1\n"
    expected = {
        ("negation", "def f(x):\n    if not x:\n        return 0\n    return 1"),
        ("guard", "def f(x):\n    if x:\n        pass\n    return 1"),
    }
    assert changes(source) == expected


def test_an_error_is_no_longer_raised():
    assert ("guard", "if a == b:\n    pass") in changes("if a == b:\n    raise ValueError(a)")


def test_a_branch_with_an_alternative_is_no_guard():
    assert "guard" not in {kind for kind, _ in changes("if a:\n    raise E\nelse:\n    b = 1")}


def test_texts_with_more_octets_than_characters_and_several_lines_keep_their_places():
    source = "x = 'é×' if (a and\n      b) else 'σ'; y = c < d\n"
    found = {m.kind: m for m in mutants_of(source, "m.py")}
    assert found["comparison"].applied(source.encode()).decode() == source.replace("c < d", "(c <= d)")
    assert found["comparison"].line == 2
    assert found["boolean"].applied(source.encode()).decode() == source.replace("a and\n      b", "(a or b)")


@pytest.mark.slow
def test_every_mutant_of_the_package_is_another_program():
    for path in sorted((ROOT / "playground" / "number_formats").glob("*.py")):
        source = path.read_bytes()
        before = ast.dump(ast.parse(source))
        for mutant in mutants_of(source.decode(), path.name):
            assert ast.dump(ast.parse(mutant.applied(source))) != before, mutant


def test_a_module_that_has_changed_is_not_touched():
    (mutant,) = mutants_of("a < b", "m.py")
    with pytest.raises(ValueError, match="is not as it was"):
        mutant.applied(b"c < d")


@pytest.fixture
def package(tmp_path):
    """Three modules with 1, 5 and 0 mutants."""
    for name, text in {"one": "a < b", "five": "\n".join(["a < b"] * 5), "none": "a = 1"}.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def test_a_sample_takes_every_module_once_before_any_twice(package):
    files = list(package.glob("*.py"))
    assert {m.path for m in sample(files, package, 2, seed=1)} == {"one.py", "five.py"}
    assert len(sample(files, package, 100, seed=1)) == 6
    again = [sample(files, package, 4, seed=7) for _ in range(2)]
    assert again[0] == again[1]
    assert len({tuple(sample(files, package, 2, seed=seed)) for seed in range(20)}) > 1


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A package of one module and its tests, recorded as ``build.py mutate`` does."""
    folder = tmp_path_factory.mktemp("checkout")
    files = {
        "playground/__init__.py": "",
        "playground/steps.py": """\
            def clip(x, top):
                if x > top:
                    return top
                return x

            def count(n):
                while n > 0:
                    n = n - 1
                return n

            def unused(x):
                return x + 1
            """,
        "tests/test_other.py": "from playground.steps import clip\n\ndef test_inside():\n    assert clip(1, 2) == 1\n",
        "tests/test_steps.py": """\
            from playground.steps import clip, count

            def test_beyond():
                assert clip(3, 2) == 2

            def test_count():
                assert count(3) == 0
            """,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "COVERAGE_FILE": str(folder / ".coverage"),
        mutation_map.TARGET: str(folder / "durations.json"),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tools.mutation_record", "tests"]
    command += ["--cov=playground", "--cov-context=test", "--cov-report="]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    mutation_map.make_relative(folder / ".coverage", folder)
    return folder


@pytest.fixture
def recorded(checkout):
    source = (checkout / "playground" / "steps.py").read_bytes()
    seconds = json.loads((checkout / "durations.json").read_text())
    return CoverageMap(checkout / ".coverage", seconds, {"playground/steps.py": digest(source)})


@pytest.fixture
def judged(checkout, recorded, monkeypatch):
    """Kind and line of a mutant -> what became of it."""
    monkeypatch.setattr(mutation, "PYTHON", Path(sys.executable))
    module = checkout / "playground" / "steps.py"
    before = module.read_bytes()

    def judge(kind, line):
        mutants = mutants_of(before.decode(), "playground/steps.py")
        (mutant,) = [m for m in mutants if (m.kind, m.line) == (kind, line)]
        verdict = mutation.judge(mutant, checkout, recorded)
        assert module.read_bytes() == before
        return verdict

    return judge


@pytest.mark.slow
def test_tests_are_those_that_ran_the_line_the_modules_own_first(checkout, recorded):
    source = (checkout / "playground" / "steps.py").read_bytes()
    assert that_ran(recorded.database, "playground/steps.py", 3) == {"tests/test_steps.py::test_beyond"}
    found = recorded.tests_of("playground/steps.py", 2, source)
    assert found == ["tests/test_steps.py::test_beyond", "tests/test_other.py::test_inside"]
    assert recorded.tests_of("playground/steps.py", 12, source) == []


@pytest.mark.slow
def test_in_a_module_that_has_changed_since_every_test_of_it_is_meant(recorded):
    assert len(recorded.tests_of("playground/steps.py", 12, b"other")) == 3


@pytest.mark.slow
def test_one_that_changes_an_answer_is_caught(judged):
    verdict = judged("guard", 3)
    assert (verdict.outcome, verdict.by) == ("caught", "tests/test_steps.py::test_beyond")


@pytest.mark.slow
def test_a_tie_that_nobody_tests_survives(judged):
    verdict = judged("comparison", 2)
    assert (verdict.outcome, verdict.tests, verdict.left_out) == ("survived", 2, 0)


@pytest.mark.slow
def test_a_line_that_nobody_runs_survives_without_tests(judged):
    verdict = judged("boundary", 12)
    assert (verdict.outcome, verdict.tests) == ("survived", 0)


@pytest.mark.slow
def test_one_that_never_ends_is_ended(judged, monkeypatch):
    monkeypatch.setattr(mutation, "START_S", 10)
    assert judged("boundary", 8).outcome == "hangs"


@pytest.mark.slow
def test_what_the_budget_leaves_out_leaves_it_unknown(judged, monkeypatch):
    monkeypatch.setattr(mutation, "MOST_TESTS", 1)
    verdict = judged("comparison", 2)
    assert (verdict.outcome, verdict.tests, verdict.left_out) == ("unknown", 1, 1)


def test_the_budget_is_one_of_time_and_a_test_always_runs():
    recorded = CoverageMap(Path(), {"slow": mutation.BUDGET_S + 1, "a": mutation.BUDGET_S / 2, "b": 1.0}, {})
    assert mutation.within_budget(["slow", "a"], recorded) == ["slow"]
    assert mutation.within_budget(["a", "b", "slow"], recorded) == ["a", "b"]


def test_a_line_of_output_says_what_where_and_by_whom():
    mutant = Mutant("playground/a.py", 7, "boolean", "a and\n   b", "(a or b)", 90)
    verdict = mutation.Verdict(mutant, "caught", 3, 0, "tests/test_a.py::test_b")
    expected = "caught   playground/a.py:7  boolean: a and b  ->  (a or b)  [tests/test_a.py::test_b]"
    assert mutation.described(verdict) == expected
    left = mutation.Verdict(mutant, "unknown", 1, 5)
    assert mutation.described(left).endswith("[1 test, 5 left out]")
    assert mutation.summary([verdict, left]).endswith("50 % of 2 were noticed.")


def test_none_at_all_is_refused():
    with pytest.raises(BuildError, match="--count 0: use at least 1"):
        mutation.run_mutation(0, 0)


@pytest.mark.slow
def test_what_coverage_writes_is_still_what_is_read(checkout):
    """The tables are coverage's own; were they to change, the lines read would."""
    with sqlite3.connect(checkout / ".coverage") as connection:
        (paths,) = zip(*connection.execute("SELECT path FROM file"), strict=True)
    assert "playground/steps.py" in paths

import sys

import pytest

from tools.steps import BuildError, digest, files_in, run, step


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "a.txt").write_text("one")
    (folder / "__pycache__" / "a.pyc").write_text("cache")
    return folder


def test_files_in_skips_caches(source):
    assert [path.name for path in files_in(source)] == ["a.txt"]


def test_digest_follows_contents_names_and_texts_but_not_caches(source):
    before = digest([source, "flag"])
    (source / "__pycache__" / "a.pyc").write_text("another cache")
    assert digest([source, "flag"]) == before
    assert digest([source, "other flag"]) != before
    (source / "a.txt").write_text("two")
    changed = digest([source, "flag"])
    assert changed != before
    (source / "a.txt").rename(source / "b.txt")
    assert digest([source, "flag"]) != changed


def test_digest_keeps_neighbouring_texts_apart():
    assert digest(["ab", "c"]) != digest(["a", "bc"])


def test_digest_names_what_is_missing(tmp_path):
    with pytest.raises(BuildError, match=r"gone\.txt: the build needs this file, which does not exist"):
        digest([tmp_path / "gone.txt"])


def test_step_runs_once_until_an_ingredient_changes_or_an_output_goes(source, tmp_path, capsys):
    output = tmp_path / "made"
    runs = []

    def work():
        runs.append(1)
        output.write_text("made")

    def do():
        return step("Make it", [source], [output], work, tmp_path / "stamps")

    assert do() is True
    assert "Make it ..." in capsys.readouterr().out
    assert do() is False
    assert capsys.readouterr().out == ""
    output.unlink()
    assert do() is True
    (source / "a.txt").write_text("two")
    assert do() is True
    assert len(runs) == 3


def test_a_failed_step_runs_again(source, tmp_path):
    output = tmp_path / "made"
    output.write_text("from before")

    def fails():
        raise BuildError("no network")

    for _ in range(2):
        with pytest.raises(BuildError, match="no network"):
            step("Fetch", [source], [output], fails, tmp_path / "stamps")
    assert step("Fetch", [source], [output], lambda: None, tmp_path / "stamps") is True


def test_a_step_that_makes_nothing_fails(source, tmp_path):
    with pytest.raises(BuildError, match="made was not made"):
        step("Make it", [source], [tmp_path / "made"], lambda: None, tmp_path / "stamps")


def test_run_shows_the_output_only_when_the_command_fails(capfd):
    run([sys.executable, "-c", "print('fine')"], "It failed.")
    assert capfd.readouterr().out == ""
    with pytest.raises(BuildError, match=r"^It failed\.$"):
        run([sys.executable, "-c", "print('why'); raise SystemExit(3)"], "It failed.")
    assert "why" in capfd.readouterr().out


def test_run_reports_a_command_that_does_not_exist(tmp_path):
    with pytest.raises(BuildError, match="It failed"):
        run([tmp_path / "no-such-program"], "It failed.")

import re

import pytest

from tools import environment
from tools.steps import BuildError


@pytest.fixture
def checkout(monkeypatch, tmp_path):
    """An empty checkout in which commands are recorded instead of run; making the environment makes its files."""
    venv = tmp_path / ".venv"
    names = {"ROOT": tmp_path, "VENV": venv, "_STAMPS": venv / ".stamps", "PYTHON": venv / "python"}
    for name, path in names.items():
        monkeypatch.setattr(environment, name, path)
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(environment, "site_packages", lambda: venv)
    (tmp_path / "site.txt").write_text("bokeh==3.9.2")
    commands = []

    def record(command, _failure):
        commands.append(command)
        if "venv" in command:
            venv.mkdir(exist_ok=True)
            (venv / "python").touch()
            (venv / "pyvenv.cfg").touch()

    monkeypatch.setattr(environment, "run", record)
    return commands


def test_packages_are_installed_by_hash_alone_and_once(checkout):
    environment.ensure("site")
    environment.ensure("site")
    made, installed = checkout
    assert "venv" in made
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} < set(map(str, installed))


def test_another_lock_is_installed_again(checkout):
    environment.ensure("site")
    (environment.REQUIREMENTS / "site.txt").write_text("bokeh==3.9.3")
    environment.ensure("site")
    assert sum("install" in command for command in checkout) == 2
    assert sum("venv" in command for command in checkout) == 1


def test_the_oracles_come_on_top_of_the_tests_packages_and_say_how_much_they_are(checkout, capsys):
    for name in ("test", "oracles"):
        (environment.REQUIREMENTS / f"{name}.txt").write_text(name)
    environment.ensure_oracles()
    installed = [str(command[-1]).rsplit("/", 1)[-1] for command in checkout if "install" in command]
    assert installed == ["site.txt", "test.txt", "oracles.txt"]
    assert re.search(r"oracles\.txt \(.*GB to download, .*GB on disk\)", capsys.readouterr().out)


def test_the_checkout_can_be_imported_from_anywhere(checkout):
    environment.ensure("site")
    assert (environment.VENV / "playground-checkout.pth").read_text() == f"{environment.ROOT}\n"


def test_a_python_that_cannot_make_one_deletes_nothing(checkout, monkeypatch):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(BuildError, match=r"cannot make \.venv \(Debian: install python3-venv\)"):
        environment.ensure("site")
    assert checkout == []

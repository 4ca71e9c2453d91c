import pytest

from tools import testing
from tools.steps import BuildError


@pytest.fixture
def machine(monkeypatch):
    """A machine on which Chromium is where ``machine["at"]`` says, after the commands in ``machine["after"]`` only."""
    state = {"at": "/usr/bin/chromium", "after": None, "ran": []}

    def installed():
        there = state["after"] is None or any(state["after"] in " ".join(map(str, command)) for command in state["ran"])
        return state["at"] if there else None

    monkeypatch.delenv("PLAYGROUND_CHROMIUM", raising=False)
    monkeypatch.setattr(testing, "_installed", installed)
    monkeypatch.setattr(testing, "_attempt", state["ran"].append)
    monkeypatch.setattr(testing.shutil, "which", lambda name: f"/usr/bin/{name}")
    return state


def test_a_named_chromium_is_taken_first(machine, monkeypatch, tmp_path):
    (tmp_path / "browser").touch()
    monkeypatch.setenv("PLAYGROUND_CHROMIUM", str(tmp_path / "browser"))
    assert testing.chromium() == str(tmp_path / "browser")


def test_a_named_chromium_that_is_not_there_is_an_error(machine, monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYGROUND_CHROMIUM", str(tmp_path / "browser"))
    with pytest.raises(BuildError, match="which does not exist"):
        testing.chromium()


def test_an_installed_one_needs_no_installing(machine):
    assert testing.chromium() == "/usr/bin/chromium"
    assert machine["ran"] == []


def test_playwright_is_tried_before_apt(machine):
    machine["after"] = "playwright install"
    assert testing.chromium() == "/usr/bin/chromium"
    assert len(machine["ran"]) == 1


@pytest.mark.parametrize(("root", "prefix"), [(True, "apt-get"), (False, "sudo")])
def test_apt_comes_last_with_sudo_unless_root(machine, monkeypatch, root, prefix):
    monkeypatch.setattr(testing, "_is_root", lambda: root)
    machine["after"] = "apt-get install"
    assert testing.chromium() == "/usr/bin/chromium"
    assert [command[0] for command in machine["ran"][1:]] == [prefix, prefix]


def test_without_any_there_is_one_sentence(machine):
    machine["after"] = "something else"
    with pytest.raises(BuildError, match=r"Chromium is missing and could not be installed\. Install it and name it"):
        testing.chromium()

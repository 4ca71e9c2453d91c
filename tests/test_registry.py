"""One file is one entry; what does not fit is refused when it is imported."""

import sys
from dataclasses import dataclass

import pytest

from playground.registry import discover


@dataclass(frozen=True)
class Colour:
    id: str


@pytest.fixture
def package(tmp_path, monkeypatch, request):
    """Makes a package of modules, each given as ``name -> what its COLOURS holds``."""
    name = "registry_" + "".join(c if c.isalnum() else "_" for c in request.node.name)
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()

    def make(**modules):
        package = __import__(name)
        for module, held in modules.items():
            (folder / f"{module}.py").write_text("")
            made = __import__(f"{name}.{module}", fromlist=["_"])
            if held is not None:
                made.COLOURS = held
        return package

    yield make
    for module in [m for m in sys.modules if m.startswith(name)]:
        del sys.modules[module]


def test_entries_come_in_the_order_of_files_then_of_definition(package):
    made = package(warm=(Colour("red"), Colour("orange")), cold=Colour("blue"), _hidden=Colour("octarine"))
    found = discover(made, "COLOURS", Colour)
    assert list(found) == ["blue", "red", "orange"]
    assert found["red"] == Colour("red")


def test_the_mapping_is_read_only(package):
    with pytest.raises(TypeError):
        discover(package(one=Colour("red")), "COLOURS", Colour)["green"] = Colour("green")


@pytest.mark.parametrize(
    ("modules", "error", "words"),
    [
        ({"a": None}, TypeError, r"\.a defines no COLOURS"),
        ({"a": "red"}, TypeError, "holds 'red', which is no Colour"),
        ({"a": Colour("")}, ValueError, "no usable id: ''"),
        ({"a": Colour(3)}, ValueError, "no usable id: 3"),
        ({"a": Colour("red"), "b": Colour("red")}, ValueError, r"\.b: the id 'red' is taken"),
    ],
)
def test_what_does_not_fit_is_refused(package, modules, error, words):
    with pytest.raises(error, match=words):
        discover(package(**modules), "COLOURS", Colour)

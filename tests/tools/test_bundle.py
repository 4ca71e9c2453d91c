import pytest

from playground import gallery
from tools import bundle
from tools.paths import PACKAGE
from tools.steps import BuildError


@pytest.fixture
def packages(tmp_path):
    """Installed packages: one file of each kind that matters."""
    folder = tmp_path / "site-packages"
    for name in bundle.PACKAGES:
        place = folder / name
        place = place if place.suffix else place / "__init__.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
    for name in (
        "bokeh-3.9.2.dist-info/METADATA",
        "bokeh-3.9.2.dist-info/RECORD",
        "panel-1.9.4.dist-info/METADATA",
        "bokeh/_sri/3.9.2.json",
        "bokeh/_sri/3.8.0.json",
        "bokeh/server/static/js/bokeh.min.js",
        "panel/tests/test_panel.py",
        "panel/dist/panel.min.js",
        "panel/_templates/base.html",
        "markupsafe/_speedups.so",
        "pyviz_comms/labextension/package.json",
        "pyviz_comms/labextension/static/code.js",
        "requests/__init__.py",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    return folder


def test_what_is_read_goes_in_and_the_rest_does_not(packages):
    names = {name for _, name in bundle.members(packages)}
    assert {"bokeh/__init__.py", "typing_extensions.py", "google/protobuf/__init__.py"} <= names
    assert {"bokeh/_sri/3.9.2.json", "panel/_templates/base.html", "pyviz_comms/labextension/package.json"} <= names
    assert {"bokeh-3.9.2.dist-info/METADATA", "panel-1.9.4.dist-info/METADATA"} <= names
    assert {"playground/__init__.py", "playground/gallery/digits-mlp.onnx"} <= names
    left_out = (
        "_sri/3.8.0",
        "server/static",
        "tests/",
        "dist/",
        "speedups",
        "labextension/static",
        "requests/",
        "RECORD",
    )
    assert [name for name in names for part in left_out if part in name] == []


def test_of_the_gallery_goes_in_what_the_first_view_shows(packages):
    names = {name for _, name in bundle.members(packages)}
    inside = {name for name in names if name.startswith("playground/gallery/") and not name.endswith(".py")}
    at_start = {"digits-mlp.onnx", "digits-convnet.onnx", "digits.npz", "measured.json"}
    assert inside == {f"playground/gallery/{name}" for name in at_start}
    needed = {name for entry in gallery.entries().values() for name in entry.files}
    assert {path.name for path in bundle.gallery_later()} == needed - at_start


def test_the_whole_package_goes_in(packages):
    names = {name for _, name in bundle.members(packages)}
    modules = {f"playground/{path.relative_to(PACKAGE).as_posix()}" for path in PACKAGE.rglob("*.py")}
    assert modules <= names


def test_a_package_that_is_not_installed_is_named(packages):
    (packages / "typing_extensions.py").unlink()
    with pytest.raises(BuildError, match=r"typing_extensions\.py: not installed"):
        list(bundle.members(packages))

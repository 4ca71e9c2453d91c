"""The page's bundle of Material components: those that the app uses, of the 80 that Panel Material UI's own bundle has.

The wheel has the components' sources; Panel, which compiles such bundles, writes them out as a project, and esbuild
joins them with React and MUI, which come from npm in the versions of the wheel's bundle. The first view waits for a
third of the JavaScript then.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tools import scripts
from tools.paths import LOCAL_CACHE, PACKAGE, PYTHON, STATIC
from tools.steps import files_in, run

OURS = STATIC / "material"
"""``utils.mjs`` stands in for the components' ``utils``, most of which it takes over, with the theme of ``theme.mjs``;
the others stand in for components."""

OPTIONS = ("--loader:.js=jsx", "--loader:.mjs=jsx", "--resolve-extensions=.tsx,.ts,.jsx,.js,.mjs,.json")
"""The project's modules name each other without an ending; what Panel writes around ours, in ``.mjs``, is JSX too."""

BUNDLE = "panel-material-ui.bundle.js"
"""The file's name: Panel asks for it."""

PROJECT = Path(__file__).parent / "browser" / "material_project.py"


def names() -> list[str]:
    """The components that the app makes, as its sources name them."""
    found: set[str] = set()
    for path in files_in(PACKAGE / "app"):
        if path.suffix == ".py":
            found.update(re.findall(r"\bpmui\.([A-Z]\w*)", path.read_text("utf-8")))
    return sorted(found)


def bundle(modules: Path, target: Path) -> None:
    """Write the bundle with the components of :func:`names`.

    Args:
        modules: npm's packages.
        target: the module to write, called as Panel Material UI calls its own.

    Raises:
        BuildError: a component is not there, or esbuild complained.
    """
    with tempfile.TemporaryDirectory(dir=LOCAL_CACHE, prefix="material-") as project:
        run([PYTHON, PROJECT, project, OURS, *names()], "The Material components' sources could not be written.")
        scripts.bundle(modules, Path(project, "index.js"), target, options=OPTIONS)

"""``build.py docs``: the documents as a site, beside the page that their embeds open."""

from __future__ import annotations

import shutil

from tools import environment, site
from tools.docs import links
from tools.paths import DIST, LOCAL_CACHE, PYTHON, ROOT
from tools.steps import BuildError, Command, run, timed

FOLDER = DIST / "docs"
"""Where they go: the whole of ``dist/`` is one artefact, the page and what is written about it."""

_CACHE = LOCAL_CACHE / "sphinx"


def build() -> None:
    """Build the site, run the documents' examples, and build the documents into ``dist/docs``.

    Raises:
        BuildError: an example prints something else than stands there, Sphinx warned, or a link leads nowhere.
    """
    site.build()
    environment.ensure("test")
    environment.ensure("docs")
    with timed("Run the examples of the documents"):
        command: Command = [PYTHON, "-m", "pytest", "-q", "tests/test_documentation.py"]
        run(command, "An example of the documents does not do what stands there; see above.")
    with timed("Build the documents"):
        write()
    print(f"The documents are in {FOLDER}")


def write() -> None:
    """Run Sphinx, every warning being an error, and check the links of what it made.

    Raises:
        BuildError: a warning, or a link that leads nowhere.
    """
    made = _CACHE / "html"
    command: Command = [PYTHON, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", _CACHE / "doctrees"]
    run([*command, ROOT / "docs", made], "Sphinx warned; see above.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(made, FOLDER, ignore=shutil.ignore_patterns(".buildinfo", "_sources", "objects.inv"))
    faults = links.broken(FOLDER, DIST)
    if faults:
        print("\n".join(faults))
        raise BuildError(f"{len(faults)} links of the documents lead nowhere.")

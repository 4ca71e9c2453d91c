"""``build.py docs``: the Sphinx site."""

from __future__ import annotations

from tools import environment
from tools.paths import DIST, PYTHON, ROOT
from tools.steps import BuildError, Command, run


def build() -> None:
    """Build ``docs/`` into ``dist/docs``.

    Raises:
        BuildError: there is no ``docs/conf.py``, or Sphinx failed.
    """
    if not (ROOT / "docs" / "conf.py").is_file():
        raise BuildError("docs/ has plain Markdown only and needs no build. Read docs/architecture.md.")
    environment.ensure("site")
    command: Command = [PYTHON, "-m", "sphinx", "-W", "-b", "html", ROOT / "docs", DIST / "docs"]
    run(command, "Sphinx failed.", quiet=False)

"""What the built documents have from others: the theme's and Sphinx's style sheets and scripts, with their licences."""

from __future__ import annotations

from importlib.metadata import distribution

from tools.steps import BuildError

PACKAGES = ("furo", "sphinx", "sphinx-basic-ng", "pygments")
"""Packages whose files or output are served with the documents."""


def text() -> str:
    """Name, version and licence of each.

    Raises:
        BuildError: a package has no licence text.
    """
    return "\n\n".join(_of(name) for name in PACKAGES) + "\n"


def _of(name: str) -> str:
    package = distribution(name)
    found = [file for file in package.files or () if file.name.lower().startswith(("license", "licence", "copying"))]
    if not found:
        raise BuildError(f"{name} has no licence text. Leave it out of what is served, or add its licence.")
    texts = [file.read_text("utf-8").strip() for file in found]
    return "\n\n".join([f"{'=' * 80}\n{name} {package.version}\n{'=' * 80}", *texts])

"""The gallery as the page sees it: what there is to choose, and files that come when something is chosen."""

from __future__ import annotations

from typing import Any

from playground import gallery, host

__all__ = ["bring", "gallery_data", "gallery_samples", "missing_files", "reads_text"]


def gallery_data() -> list[dict[str, str]]:
    """What a list of the gallery shows: id, title and a sentence for each model, and how it was made if it was."""
    return [
        {"id": entry.id, "title": entry.title, "about": entry.about, "made": entry.made}
        for entry in gallery.entries().values()
    ]


def gallery_samples(model: str) -> str:
    """The id of the samples that a gallery model reads; empty for any other model."""
    return gallery.entry(model).data.id if model in gallery.entries() else ""


def reads_text(model: str) -> bool:
    """Whether a model of the gallery reads characters and guesses the next one."""
    return model in gallery.entries() and gallery.entry(model).data.characters


def missing_files(model: Any) -> tuple[str, ...]:
    """The files that have to come before a model can be opened; none for what is not of the gallery."""
    return gallery.missing_files(model) if isinstance(model, str) and model in gallery.entries() else ()


async def bring(model: Any) -> None:
    """Have the page fetch what a gallery model lacks.

    Raises:
        MissingError: a file could not be loaded.
    """
    for name in missing_files(model):
        gallery.put_file(name, await host.page_file(name))

"""Runs in Pyodide at build time, just before its memory is saved: builds the first view, and imports what that needs.

``/build/packages.zip`` holds the packages; written are ``/build/frozen.json``, what the page shows before Python is
there, and ``/build/subject.bin``, the values of the tensor that is shown. What other views need is imported from files
when it is asked for, so that the image stays small.
"""

import gc
import io
import linecache
import re
import sys
import zipfile
from importlib import import_module
from importlib.metadata import MetadataPathFinder
from pathlib import Path
from types import FunctionType

SITE_PACKAGES = "/lib/python3.14/site-packages"
PRELOADED = {"_multiarray_umath", "_umath_linalg"}


def unpack() -> None:
    """Put the packages where they are imported from."""
    with zipfile.ZipFile("/build/packages.zip") as archive:
        archive.extractall(SITE_PACKAGES)


BESIDES = (
    "playground.host.browser",
    "playground.host.site_files",
    "playground.gallery.rescaled",
    "playground.model.runtimes",
)
"""What is imported late in answers that do not wait for the packages (``WITHOUT_PACKAGES`` in
static/engine/worker.mjs): for links and settings that name another model or runtime."""


def check_libraries() -> None:
    """Refuse compiled modules that are not loaded before Python starts: a restored process would lack them."""
    loaded = {
        name.rpartition(".")[2]
        for name, module in sys.modules.items()
        if str(getattr(module, "__file__", "")).endswith(".so")
    }
    if not loaded <= PRELOADED:
        raise RuntimeError(f"{sorted(loaded - PRELOADED)}: add them to LIBRARIES in static/engine/runtime.mjs")


def close_files() -> None:
    """Close what is held open, since a restored process has no descriptor for it and could not even close it.

    ``importlib.metadata`` keeps the archives that it has looked into.
    """
    MetadataPathFinder.invalidate_caches()
    gc.collect()
    standard = (sys.stdin, sys.stdout, sys.stderr)
    files = [each for each in gc.get_objects() if isinstance(each, io.FileIO) and not each.closed]
    held = sorted(str(each.name) for each in files if each.fileno() not in {file.fileno() for file in standard})
    if held:
        raise RuntimeError(f"{held} are open: close them, a restored process cannot")


def drop_explanations() -> None:
    """Forget what only explains code to people and checkers: signatures, annotations, texts about properties."""
    import param
    from bokeh.model import Model

    for explained in gc.get_objects():
        if isinstance(explained, param.Parameter):
            explained.doc = None
        elif isinstance(explained, FunctionType) and not str(explained.__module__).startswith("playground."):
            del explained.__annotations__
    for model in Model.model_class_reverse_map.values():
        model.__init__.__dict__.pop("__signature__", None)
        for name in model.properties():
            model.lookup(name).property._help = None


def drop_defaults() -> None:
    """Forget the empty containers that Bokeh made of defaults to compare or to send them: it makes them again."""
    from bokeh.core.property.wrappers import PropertyValueContainer
    from bokeh.model import Model

    for model in gc.get_objects():
        if not isinstance(model, Model):
            continue
        made = model._unstable_default_values
        for name in [name for name, value in made.items() if isinstance(value, PropertyValueContainer) and not value]:
            del made[name]


def freeze() -> None:
    """Build the first view and leave nothing behind that a restored process would not use."""
    content, subject = import_module("playground.app.start").freeze()
    Path("/build/frozen.json").write_text(content, "utf-8")
    Path("/build/subject.bin").write_bytes(subject)
    re.purge()
    linecache.clearcache()


unpack()
import_module("playground.app.panel_import").import_panel()
for module in BESIDES:
    import_module(module)
freeze()
drop_explanations()
drop_defaults()
check_libraries()
close_files()

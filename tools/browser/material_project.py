"""Runs where Panel is installed: writes the sources of some of Panel Material UI's components as esbuild takes them.

Arguments: the folder to write to, the folder with our own modules (``utils.mjs`` stands in for the components'
``utils``, and imports ``theme.mjs``; ``select.mjs`` and ``slider.mjs`` for components), the components' names.
"""

import re
import shutil
import sys
from pathlib import Path

import panel_material_ui as pmui
from panel.io.compile import generate_project
from panel_material_ui.base import MaterialComponent, ThemedTransform


def write(folder: Path, ours: Path, names: list[str]) -> None:
    """Write the components' sources, and ``index.js``, which exports them and what Panel needs of React."""
    for name in names:
        component = getattr(pmui, name)
        own = ours / f"{Path(component._esm_base).stem.lower()}.mjs"
        if own.is_file():
            component._esm_base = own
    shared = MaterialComponent._esm_shared
    MaterialComponent._esm_shared = shared | {"utils": ours / "utils.mjs", "panel_utils": shared["utils"]}
    # Without the whole of MUI, which is for components that a page brings along, ...
    exports = MaterialComponent._exports__
    MaterialComponent._exports__ = {module: what for module, what in exports.items() if module != "@mui/material"}
    # ... and without style sheets: the wheel's own has them.
    ThemedTransform._transform = re.sub(r"^import '.*\.css';\n", "", ThemedTransform._transform, flags=re.MULTILINE)
    generate_project([getattr(pmui, name) for name in names], folder)
    shutil.copy(ours / "theme.mjs", folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])

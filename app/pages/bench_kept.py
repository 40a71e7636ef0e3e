"""What a kept run reached, read from its folder for the stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from app import export
from app.run_row import read_folder
from engine.catalogue import BenchSpec


def kept_pictures(folder: Path, bench: BenchSpec) -> dict[str, Any]:
    """The image panels of a kept run, (H, W, 3) uint8, as far as it left them.

    Outputs go to the panels of the same name; the first output is the result and goes to
    the first panel, which is the bench's result.
    """
    row = read_folder(folder)
    panels = [panel.name for panel in bench.panels if panel.kind == "image"]
    files = export.outputs(row) if row is not None else {}
    found = {name: files[name] for name in panels if name in files}
    if files and panels:
        found = {panels[0]: next(iter(files.values())), **found}
    return {name: array for name, path in found.items() if (array := _read(path)) is not None}


def _read(path: Path) -> Any | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            # Sixteen bits per color come as they are; the stage shows eight.
            return np.array(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError):
        return None

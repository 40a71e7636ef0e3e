"""What a kept run reached, read from its folder for the stage and the curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from app import export
from app.run_row import RECORD, REQUEST, RunRow, read_folder, read_json
from engine.catalogue import BenchSpec
from engine.messages import RunRequest


def kept_request(row: RunRow) -> RunRequest | None:
    """The request that a kept run was made with; None where its folder does not say."""
    try:
        data = (row.path / REQUEST).read_bytes()
    except OSError:
        data = b""
    record = read_json(row.path / RECORD) or {}
    for text in (data, msgspec.json.encode(record.get("request"))):
        try:
            kept = msgspec.json.decode(text)
            wanted = kept.get("request", kept) if isinstance(kept, dict) else kept
            return msgspec.convert(wanted, RunRequest)
        except msgspec.MsgspecError:
            continue
    return None


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


def kept_curves(folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Metric to points (step, value); empty where the record cannot be read."""
    record = read_json(folder / RECORD) or {}
    curves = record.get("curves")
    if not isinstance(curves, dict):
        return {}
    return {str(name): [(p[0], p[1]) for p in points] for name, points in curves.items()}


def kept_events(folder: Path) -> list[tuple[int, str, Any]]:
    """Everything that a person did while the run went on, for repeating it."""
    record = read_json(folder / RECORD) or {}
    return [(int(e[0]), str(e[1]), e[2]) for e in record.get("events") or [] if len(e) == 3]


def _read(path: Path) -> Any | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            # Sixteen bits per color come as they are; the stage shows eight.
            return np.array(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError):
        return None

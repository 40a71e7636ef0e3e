"""Taking results away: copies of outputs, a run as one file, before and after, a table.

Everything is written under another name first and renamed, so that a full disk leaves
nothing half-made. Raises ``OSError`` where a file cannot be read or written.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PySide6.QtCore import QCoreApplication

from app import run_words
from app.files import free_name, write_atomic
from app.run_row import RECORD, RunRow, flatten, read_json
from engine.catalogue import BenchSpec, Catalogue

_FONT = Path(__file__).resolve().parents[1] / "assets" / "fonts" / "Inter-Medium.otf"
_PACKED = frozenset({".png", ".webp", ".jpg", ".gif", ".mp4", ".zip"})
#: Gap between pictures and the ground of their titles, as in the light theme.
_GAP, _GROUND, _INK = 12, (255, 255, 255), (23, 32, 43)


def file_stem(row: RunRow) -> str:
    """A file name for a run that every platform takes."""
    words = re.sub(r"[^\w\- ]+", " ", row.heading.replace("·", "-"))
    return re.sub(r"\s+", " ", words).strip(" .-")[:80] or row.id


def outputs(row: RunRow) -> dict[str, Path]:
    """The output files of a run that are there, by name."""
    record = read_json(row.path / RECORD) or {}
    named = record.get("outputs")
    pairs = named.items() if isinstance(named, dict) else ()
    # A record may come from anywhere: only files inside the run folder are its outputs.
    found = {str(name): row.path / Path(str(file)).name for name, file in pairs}
    return {name: path for name, path in found.items() if path.is_file()}


def pictures(row: RunRow, bench: BenchSpec) -> dict[str, Path]:
    """The outputs that are pictures of the bench's image panels, by panel.

    Outputs go to the panels of the same name. Where pictures are compared, the first output is
    the result and goes to the first panel, whatever its name.
    """
    panels = [panel.name for panel in bench.panels if panel.kind == "image"]
    files = outputs(row)
    found = {name: files[name] for name in panels if name in files}
    if files and panels and bench.stage == "compare":
        found.setdefault(panels[0], next(iter(files.values())))
    return found


def copy_results(row: RunRow, destination: Path) -> Path:
    """Copy outputs and record into a new folder below ``destination``; that folder."""
    folder = free_name(destination / file_stem(row))
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    files = [*outputs(row).values(), row.path / RECORD]
    try:
        part.mkdir(parents=True)
        for file in files:
            if file.is_file():
                shutil.copy2(file, part / file.name)
        part.rename(folder)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return folder


def zip_run(row: RunRow, file: Path) -> None:
    """Write the whole run folder as one ZIP file."""
    with _replacing(file) as part, zipfile.ZipFile(part, "w") as archive:
        for path in sorted(row.path.rglob("*")):
            if path.is_file() and not path.name.endswith(".part"):
                packed = path.suffix.lower() in _PACKED
                method = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
                name = Path(file_stem(row)) / path.relative_to(row.path)
                archive.write(path, str(name), compress_type=method)


def before_and_after(row: RunRow, catalogue: Catalogue, file: Path) -> None:
    """Write the picture outputs beside each other with their titles as one PNG.

    Raises:
        OSError: a file cannot be read or written, or the run left no pictures.
    """
    titles = run_words.picture_titles(row, catalogue)
    benches = [bench for bench in catalogue.benches if bench.id == row.bench]
    known = pictures(row, benches[0]) if benches else {}
    # What the bench knows in its order, the result after what it was made of; then the rest.
    files = [(titles[panel], file) for panel, file in known.items()]
    files += [(n, file) for n, file in outputs(row).items() if file not in known.values()]
    opened = [(title, _open(file)) for title, file in files]
    shown = [(title, picture) for title, picture in opened if picture is not None]
    if not shown:
        text = QCoreApplication.translate("Export", "this run left no pictures")
        raise OSError(text)
    height = max(picture.height for _, picture in shown)
    size = max(14, height // 26)
    font = ImageFont.truetype(str(_FONT), size) if _FONT.is_file() else ImageFont.load_default(size)
    head = 2 * size + _GAP // 2
    scaled = [(t, p.resize((round(p.width * height / p.height), height))) for t, p in shown]
    width = sum(p.width for _, p in scaled) + _GAP * (len(scaled) + 1)
    sheet = Image.new("RGB", (width, height + head + _GAP), _GROUND)
    draw = ImageDraw.Draw(sheet)
    x = _GAP
    for title, picture in scaled:
        draw.text((x, head / 2), title, fill=_INK, font=font, anchor="lm")
        sheet.paste(picture, (x, head))
        x += picture.width + _GAP
    with _replacing(file) as part:
        sheet.save(part, format="PNG")


def write_table(rows: Sequence[RunRow], file: Path) -> None:
    """Write runs as a CSV table: one line each, with every number and setting."""
    columns: dict[str, None] = {}
    lines: list[dict[str, object]] = []
    for row in rows:
        line: dict[str, object] = {
            "run": row.heading,
            "method": row.method,
            "created": row.created,
            "status": row.shown_status,
            "seconds": row.seconds,
            "seed": row.seed,
        }
        line |= row.metrics
        line |= {f"problem.{k}": v for k, v in flatten(row.problem).items()}
        line |= {f"params.{k}": v for k, v in flatten(row.params).items()}
        columns |= dict.fromkeys(line)
        lines.append(line)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    # With a mark in front, spreadsheets read it as UTF-8.
    write_atomic(file, text.getvalue().encode("utf-8-sig"))


@contextlib.contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """A name to write under; it becomes ``file`` when all went well."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _open(path: Path) -> Image.Image | None:
    """A picture file in RGB; None where it is no picture."""
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except (Image.UnidentifiedImageError, Image.DecompressionBombError):
        return None

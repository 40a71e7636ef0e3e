"""Pictures for the help pages: moments of a real run beside each other, and what they are.

Made by ``priorbench cards`` and kept in ``assets/help``; the pages and the window only show them.
The run is that of the method's card, at a size that is quick and as fine as the page.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine.cards import requests
from engine.discovery import ASSETS, installed
from engine.runs import Run

#: Width of a help picture, shown without scaling in the help window; between its parts; a line.
WIDTH, GAP, LINE = 560, 6, 20
#: The longer side at which the runs work.
WORKING_SIZE = 128
QUALITY = 88
#: Read on light and on dark: the ground is see-through.
INK = (122, 134, 153, 255)
PENS = ((0, 158, 115), (213, 94, 0), (122, 134, 153))
_FONT = ASSETS / "fonts" / "Inter-Medium.otf"

#: The step, and what was seen then by its source.
Moment = tuple[int, dict[str, NDArray[np.generic]]]


@dataclass(frozen=True)
class Row:
    """One line of moments.

    Attributes:
        source: the panel, or ``state:NAME`` for a tensor of the state that no panel shows, centered
            and of the first sample.
        title: what it is, above the line.
        first: the panel whose picture stands in front, before any step; empty for none.
    """

    source: str
    title: str
    first: str = ""


_ESTIMATE = Row("estimate", "The damaged picture, and what is made of it", "damaged")
_NOISY = (
    Row("state:level", "The noise on its way to a picture"),
    Row("estimate", "The clean picture that is expected behind it"),
)
#: What is shown of a method; of those that are not named, ``_ESTIMATE``. A method of a bench
#: without such panels shows all that the page shows, at the end.
ROWS: dict[str, tuple[Row, ...]] = {
    "restoration.score_sde": (
        Row("noisy", "The noise on its way to a picture"),
        Row("estimate", "The clean picture that is expected behind it"),
    ),
    "restoration.ddrm": _NOISY,
    "restoration.dps": _NOISY,
    "restoration.pigdm": _NOISY,
    "restoration.diffpir": _NOISY,
    "restoration.flowchef": _NOISY,
    "restoration.lpn": (
        Row("fitted", "What fits the measurement"),
        Row("estimate", "What the learned prox makes of it"),
    ),
    "restoration.lpn_prior": (Row("estimate", "The picture, spoiled little by little"),),
    "restoration.lpn_line": (
        Row("prox", "Green: the matched network; orange: its twin; gray: soft-thresholding"),
    ),
}
#: Where the picture of the card is too dark to be small.
PICTURES = {"restoration.red_diff": {"picture": "sample:astronaut"}}
#: Knobs that make a run show its idea, or show it soon.
KNOBS: dict[str, dict[str, object]] = {
    "restoration.lpn_line": {"steps": 1800},
    "restoration.dps": {"steps": 100},
}


def make(name: str, folder: Path, stream: TextIO) -> Path:
    """Run the method ``name`` and write ``NAME.webp`` into ``folder``.

    Raises:
        BadInput: the run is refused.
    """
    ((_, request),) = requests([name])
    size = {"working_size": WORKING_SIZE} if "working_size" in request.problem else {}
    request = msgspec.structs.replace(
        request,
        problem=request.problem | size,
        params=request.params | KNOBS.get(name, {}),
        inputs=request.inputs | PICTURES.get(name, {}),
    )
    rows = ROWS.get(name, (_ESTIMATE,))
    with tempfile.TemporaryDirectory(prefix="priorbench-") as place:
        run = Run(request, Path(place))
        update = run.prepare()
        seen = [_seen(run, rows)]
        while update.kind != "done" and not run.waiting:
            update = run.advance()
            seen.append(_seen(run, rows))
        record = run.close("finished")
        if "estimate" in run_panels(name):
            picture = strip(seen, rows)
        else:
            with Image.open(Path(place) / record.outputs["overview"]) as file:
                picture = file.convert("RGBA")
                height = round(picture.height * WIDTH / picture.width)
                picture = picture.resize((WIDTH, height), Image.Resampling.LANCZOS)
    path = folder / f"{name}.webp"
    picture.save(path, quality=QUALITY, method=6)
    stream.write(f"  {path}\n")
    return path


def run_panels(name: str) -> list[str]:
    """The panels of a method's bench."""
    catalogue = installed().catalogue
    bench = next(method.bench for method in catalogue.methods if method.id == name)
    return [panel.name for panel in catalogue.bench(bench).panels]


def _seen(run: Run, rows: Sequence[Row]) -> Moment:
    """The step, and the pictures of the rows."""
    shown = run.pictures()
    found: dict[str, NDArray[np.generic]] = {}
    for row in rows:
        for source in (row.source, row.first):
            kind, _, name = source.rpartition(":")
            if kind == "state":
                tensor = run.state.tensors[name][0].detach().cpu().float()
                # It has the size of the picture with the border that a method works on.
                centered = (0.5 * (tensor + 1)).clamp(0, 1).expand(3, -1, -1)
                found[source] = (255 * centered).round().to(torch.uint8).permute(1, 2, 0).numpy()
            elif source in shown:
                found[source] = shown[source]
    return run.state.step, found


def strip(seen: Sequence[Moment], rows: Sequence[Row], columns: int = 5) -> Image.Image:
    """Moments of a run from left to right, a line of words above each row and below the last."""
    last = len(seen) - 1
    side = (WIDTH - (columns - 1) * GAP) // columns
    letters = ImageFont.truetype(str(_FONT), 13)
    tiles: list[list[Image.Image]] = []
    steps: list[str] = []
    for row in rows:
        # More moments early on, where the most happens.
        count = columns - bool(row.first)
        places = [round(last * (k / max(1, count - 1)) ** 1.5) for k in range(count)]
        line = [_tile(seen[place][1][row.source], side) for place in places]
        words = [f"step {seen[place][0]}" for place in places]
        if row.first:
            line.insert(0, _tile(seen[0][1][row.first], side))
            words.insert(0, "measured")
        tiles.append(line)
        steps = words
    heights = [max(tile.height for tile in line) for line in tiles]
    sheet = Image.new("RGBA", (WIDTH, sum(heights) + len(tiles) * (LINE + GAP) + LINE))
    pen = ImageDraw.Draw(sheet)
    top = 0
    for row, line, height in zip(rows, tiles, heights, strict=True):
        pen.text((0, top), row.title, fill=INK, font=letters)
        top += LINE
        for column, tile in enumerate(line):
            sheet.paste(tile, (column * (side + GAP), top))
        top += height + GAP
    for column, text in enumerate(steps):
        middle = column * (side + GAP) + side / 2
        pen.text((middle, top), text, fill=INK, font=letters, anchor="ma")
    return sheet


def _tile(picture: NDArray[np.generic], side: int) -> Image.Image:
    """A picture (H, W, 3), or the curves of a plot (1 + n, m), ``side`` wide."""
    if picture.dtype != np.uint8:
        return _plot(picture.astype(np.float64), side)
    image = Image.fromarray(picture.astype(np.uint8)[..., :3]).convert("RGBA")
    # Pixels of small pictures stay pixels.
    way = Image.Resampling.NEAREST if image.width <= 64 else Image.Resampling.LANCZOS
    return image.resize((side, round(image.height * side / image.width)), way)


def _plot(curves: NDArray[np.float64], side: int) -> Image.Image:
    """Curves over the numbers of the first row, drawn twice as large for smooth edges."""
    x, lines = curves[0], curves[1:]
    image = Image.new("RGBA", (2 * side, 2 * side))
    pen = ImageDraw.Draw(image)
    low, high = min(x.min(), lines.min()), max(x.max(), lines.max())

    scale = (2 * side - 8) / (high - low)
    across = (x - low) * scale + 4
    for line, color in reversed(list(zip(lines, PENS, strict=False))):
        down = 2 * side - 4 - (line - low) * scale
        points = list(zip(across.tolist(), down.tolist(), strict=True))
        pen.line(points, fill=(*color, 255), width=5, joint="curve")
    pen.rectangle((0, 0, 2 * side - 1, 2 * side - 1), outline=INK, width=2)
    return image.resize((side, side), Image.Resampling.BOX)

"""What a run leaves for people: its output files and its thumbnail, whole or not at all."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.method import Bench, State
from engine.records import SAVING, THUMBNAIL

#: The longer side of a thumbnail, in pixels.
THUMBNAIL_SIDE = 384
#: The gray between the pictures of a sheet, in [0, 1]: seen beside white as well as black ones.
PARTING = 0.5


class Outputs:
    """The outputs of one run in its folder; ``names`` maps an output to its file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, str] = {}

    def save(self, bench: Bench, problem: Any, state: State) -> None:
        """Have the bench write everything aside, then move it into place."""
        aside = self.folder / SAVING
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        try:
            names = bench.save(problem, state, aside)
            for path in sorted(aside.iterdir()):
                path.replace(self.folder / path.name)
            self.names = dict(names)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def thumbnail(self, output: str, pictures: Mapping[str, NDArray[np.uint8]]) -> None:
        """Write ``thumbnail.png`` from the panel ``output``, else from its file or any panel."""
        from PIL import Image, UnidentifiedImageError

        picture: Image.Image | None = None
        if output not in pictures and output in self.names:
            try:
                with Image.open(self.folder / self.names[output]) as file:
                    picture = file.convert("RGB")
            except (UnidentifiedImageError, OSError):
                picture = None  # an output that is no picture: a panel stands for it
        if picture is None:
            picture = Image.fromarray(pictures.get(output, next(iter(pictures.values()))))
        picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        part = self.folder / f"{THUMBNAIL}.part"
        picture.save(part, format="PNG")
        part.replace(self.folder / THUMBNAIL)


def as_picture(tensor: Tensor) -> Tensor:
    """A tensor of a state, (…, 1 or 3, height, width) in [0, 1], as (height, width, 3) uint8.

    Several pictures become a sheet, row by row, parted by gray lines.
    """
    pictures = tensor.detach().reshape(-1, *tensor.shape[-3:])
    pictures = pictures.expand(-1, 3, -1, -1) if pictures.shape[1] == 1 else pictures[:, :3]
    sheet = pictures[0] if pictures.shape[0] == 1 else _sheet(pictures)
    return sheet.clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0)


def as_numbers(tensor: Tensor) -> Tensor:
    """A tensor of a state, (…, channels, height, width), as one number per pixel, (height, width):
    the mean over the rest.
    """
    numbers = tensor.detach().float()
    return numbers.reshape(-1, *numbers.shape[-2:]).mean(0)


def _sheet(pictures: Tensor) -> Tensor:
    count, channels, height, width = pictures.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    gap = max(1, min(height, width) // 64)
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap)
    sheet = pictures.new_full((channels, *size), PARTING)
    for index, picture in enumerate(pictures):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        sheet[:, top : top + height, left : left + width] = picture
    return sheet

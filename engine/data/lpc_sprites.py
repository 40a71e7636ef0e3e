"""LPC sprites: pixel-art characters with six known factors, after Li and Mandt 2018.

Composed from sheets of the Liberated Pixel Cup and Universal LPC spritesheet projects, under
CC BY-SA 3.0 or GPL 3.0: whoever passes them on gives credit and the same terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.data.archives import read_arrays
from engine.data.crossed import Crossed, check_reduction, reduced
from engine.data.drawing import in_chunks
from engine.data.factors import Factor, check
from engine.method import BadInput

FILE = "lpc_sprites_64.npz"
_TITLES = {
    "body": "Body",
    "bottomwear": "Trousers or skirt",
    "topwear": "Shirt or armor",
    "hair": "Hair",
    "direction": "Direction: front, left, right",
    "walk_frame": "Step of the walk",
}


@dataclass(frozen=True, eq=False)
class LpcSprites:
    """The set, read by ``load``.

    Attributes:
        size: side in pixels.
        index: color of each pixel, uint8 ``(n, 64, 64)``.
        palette: uint8 ``(colors, 3)``.
        crossed: finds a code's row.
    """

    size: int
    index: Tensor
    palette: Tensor
    crossed: Crossed
    name = "lpc-sprites"
    title = "LPC sprites"
    channels = 3

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Body, clothes, hair, direction and the frame of the walk, which is circular."""
        return tuple(
            Factor(name, title, values, "circular" if name == "walk_frame" else "category")
            for (name, title), values in zip(_TITLES.items(), self.crossed.values, strict=True)
        )

    def render(self, codes: Tensor) -> Tensor:
        """Float32 ``(n, 3, size, size)`` of int64 ``(n, 6)``; see ``FactorSet``."""
        check(self, codes)
        return in_chunks(self._look_up, codes, 3, self.size)

    def _look_up(self, codes: Tensor) -> Tensor:
        index = self.index[self.crossed.rows(codes)]
        full = (self.palette.float() / 255)[index.long()].permute(0, 3, 1, 2)
        return reduced(full, self.size)


def load(folder: Path, size: int = 64) -> LpcSprites:
    """Read ``lpc_sprites_64.npz`` from a folder: every combination of six factors.

    Args:
        folder: holds the file with arrays ``index``, ``palette`` and ``factors``.
        size: 64, or 32 or 16 for means over squares of pixels.

    Raises:
        BadInput: (field ``data`` or ``size``) the file is not there or not as it should be.
    """
    index, palette, factors = read_arrays(folder / FILE, "index", "palette", "factors")
    crossed = Crossed(factors, FILE)
    if (
        len(crossed.values) != len(_TITLES)
        or index.ndim != 3
        or index.shape[1] != index.shape[2]
        or len(index) != len(factors)
        or index.dtype != np.uint8
        or palette.shape[1:] != (3,)
        or palette.dtype != np.uint8
        or int(index.max()) >= len(palette)
    ):
        raise BadInput(f"data: {FILE} does not hold indexed pictures with six factors", "data")
    check_reduction(index.shape[1], size)
    return LpcSprites(size, torch.from_numpy(index), torch.from_numpy(palette), crossed)

"""What the sets of small pictures have in common: a training part and a part held back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.method import BadInput

#: Pictures that no training ever sees, per set.
HELD_BACK = 64


@dataclass(frozen=True)
class SmallPictures:
    """A set of small pictures, all uint8 and of one size, 32 for the sets that are shipped.

    Attributes:
        train: ``(n, channels, size, size)`` uint8.
        train_labels: ``(n,)`` int64, indices into ``class_names``.
        train_groups: ``(n,)`` int64; pictures of one group are variants of one picture (its
            skin tones, say) and share its weight when pictures are drawn.
        held_back: ``(64, channels, size, size)`` uint8; fewer of a small folder.
        held_back_labels: ``(64,)`` int64.
        held_back_names: what the set calls each held-back picture.
        class_names: the classes.
        flips: whether a mirrored picture is as likely as the picture.
    """

    train: Tensor
    train_labels: Tensor
    train_groups: Tensor
    held_back: Tensor
    held_back_labels: Tensor
    held_back_names: tuple[str, ...]
    class_names: tuple[str, ...]
    flips: bool


def archive(folder: Path, name: str) -> Path:
    """The file ``name`` of ``folder``; ``BadInput`` (field ``data``) when it is not there."""
    path = folder / name
    if not path.is_file():
        raise BadInput(f"data: {folder} holds no {name}", "data")
    return path


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """A uint8 picture ``(height, width, 3)`` at ``side`` pixels a side (Lanczos filter)."""
    small = Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(small)


def draw(pictures: SmallPictures, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """``count`` training pictures, float32 in [0, 1], and their labels.

    Every group is equally likely; mirrored half of the time where the set allows it.
    """
    groups = pictures.train_groups
    if int(groups.max()) + 1 == len(groups):
        which = torch.randint(len(groups), (count,), generator=rng)
    else:
        weights = 1 / torch.bincount(groups)[groups].float()
        which = torch.multinomial(weights, count, replacement=True, generator=rng)
    drawn = pictures.train[which].float() / 255
    if pictures.flips:
        mirror = torch.rand(count, generator=rng) < 0.5
        drawn = torch.where(mirror[:, None, None, None], drawn.flip(-1), drawn)
    return drawn, pictures.train_labels[which]

"""A person's own folder of pictures, squared and reduced to one small size.

Sub-folders are the classes. Every tenth picture is held back, at most 64, chosen by the
SHA-256 of its path in the folder, so adding a picture changes little about the others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.data.pictures import read_picture, resize
from engine.data.small_pictures import HELD_BACK, SmallPictures
from engine.method import BadInput

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"})
#: More would not fit into memory beside a training.
MOST = 50_000
#: The class of pictures that are in no sub-folder.
LOOSE = "pictures"


@dataclass(frozen=True)
class Folder:
    """What a folder held.

    Attributes:
        pictures: those that could be read.
        skipped: one line for each that could not, with the reason.
    """

    pictures: SmallPictures
    skipped: tuple[str, ...]


def load(folder: Path, size: int = 32, *, color: bool = True, flips: bool = False) -> Folder:
    """Read every picture below a folder; the middle square of each, at ``size`` pixels a side.

    Args:
        folder: its sub-folders, if it has any, are the classes.
        size: 8 to 256.
        color: three channels, else the mean of the three.
        flips: whether mirrored pictures are as likely, as for scenes but not for letters.

    Raises:
        BadInput: (field ``data`` or ``size``) no folder, no picture that can be read, or more
            than ``MOST``.
    """
    if not 8 <= size <= 256:
        raise BadInput(f"size is {size}; it must be 8 to 256 pixels", "size")
    files = _files(folder)
    kept, names, skipped = [], [], []
    for file in files:
        name = file.relative_to(folder).as_posix()
        try:
            kept.append(_small(file, size, color))
            names.append(name)
        except BadInput as error:
            skipped.append(f"{name}: {error}")
    if not kept:
        raise BadInput(f"data: none of the {len(files)} pictures of {folder} can be read", "data")
    return Folder(_parted(torch.stack(kept), names, flips), tuple(skipped))


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise BadInput(f"data: {folder} is not a folder; give a folder of pictures", "data")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
    if not files:
        raise BadInput(f"data: {folder} holds no PNG, JPEG, WebP, TIFF, BMP or GIF files", "data")
    if len(files) > MOST:
        raise BadInput(
            f"data: {folder} holds {len(files)} pictures; at most {MOST} are read", "data"
        )
    return files


def _small(file: Path, size: int, color: bool) -> Tensor:
    picture = read_picture(file).tensor()
    height, width = picture.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    small = resize(picture[..., top : top + side, left : left + side], size, size)[0]
    small = small if color else small.mean(0, keepdim=True)
    return (small * 255).round().byte()


def _parted(pixels: Tensor, names: list[str], flips: bool) -> SmallPictures:
    classes = [name.rpartition("/")[0] or LOOSE for name in names]
    class_names = tuple(dict.fromkeys(sorted(classes)))
    labels = torch.tensor([class_names.index(c) for c in classes])
    ranked = sorted(range(len(names)), key=lambda i: hashlib.sha256(names[i].encode()).digest())
    held = ranked[: min(HELD_BACK, len(names) // 10)]
    train = sorted(set(range(len(names))) - set(held))
    return SmallPictures(
        train=pixels[train],
        train_labels=labels[train],
        train_groups=torch.arange(len(train)),
        held_back=pixels[held],
        held_back_labels=labels[held],
        held_back_names=tuple(names[i] for i in held),
        class_names=class_names,
        flips=flips,
    )

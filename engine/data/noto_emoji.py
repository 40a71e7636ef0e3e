"""Noto Emoji at 32x32 on white (Google; SIL OFL 1.1, tools and most pictures Apache 2.0).

An emoji's base name is the name of its file without skin tones (1f3fb to 1f3ff) and
variation selectors. The 64 base names whose SHA-256 is smallest are held back with all
their skin tones; a picture equal to a held-back one is left out too. Relatives under other
base names (the same person as a man and as a woman, say) can stay in training.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.data.small_pictures import HELD_BACK, SmallPictures, archive, shrink

FILE = "noto_emoji_72_rgba.npz"
SIDE = 32
#: Kinds of emoji, told by their first code point.
CLASS_NAMES = ("face", "person", "hand or body", "animal, plant or food", "sign", "thing")
_SKIN = range(0x1F3FB, 0x1F400)
_SELECTORS = (0xFE0E, 0xFE0F)
_JOINER = 0x200D

_Spans = tuple[tuple[int, int], ...]
_HANDS: _Spans = (
    (0x261D, 0x261D), (0x270A, 0x270D), (0x1F440, 0x1F450), (0x1F485, 0x1F485),
    (0x1F4AA, 0x1F4AA), (0x1F590, 0x1F596), (0x1F64C, 0x1F64C), (0x1F64F, 0x1F64F),
    (0x1F90C, 0x1F90C), (0x1F90F, 0x1F90F), (0x1F918, 0x1F91F), (0x1F932, 0x1F933),
    (0x1F9B4, 0x1F9B7), (0x1F9BB, 0x1F9BB), (0x1F9E0, 0x1F9E0), (0x1FAC0, 0x1FAC1),
    (0x1FAF0, 0x1FAF8),
)  # fmt: skip
_PEOPLE: _Spans = (
    (0x26F9, 0x26F9), (0x1F385, 0x1F385), (0x1F3C2, 0x1F3C4), (0x1F3C7, 0x1F3C7),
    (0x1F3CA, 0x1F3CC), (0x1F464, 0x1F478), (0x1F47C, 0x1F47C), (0x1F481, 0x1F483),
    (0x1F486, 0x1F487), (0x1F48F, 0x1F48F), (0x1F491, 0x1F491), (0x1F574, 0x1F575),
    (0x1F57A, 0x1F57A), (0x1F5E3, 0x1F5E3), (0x1F645, 0x1F647), (0x1F64B, 0x1F64E),
    (0x1F6A3, 0x1F6A3), (0x1F6B4, 0x1F6B6), (0x1F6C0, 0x1F6C0), (0x1F6CC, 0x1F6CC),
    (0x1F926, 0x1F926), (0x1F930, 0x1F931), (0x1F934, 0x1F939), (0x1F93C, 0x1F93E),
    (0x1F977, 0x1F977), (0x1F9B8, 0x1F9B9), (0x1F9CC, 0x1F9CF), (0x1F9D1, 0x1F9DF),
    (0x1FAC2, 0x1FAC5),
)  # fmt: skip
_FACES: _Spans = (
    (0x2639, 0x263A), (0x1F600, 0x1F644), (0x1F910, 0x1F917), (0x1F920, 0x1F92F),
    (0x1F970, 0x1F97A), (0x1F9D0, 0x1F9D0), (0x1FAE0, 0x1FAE8),
)  # fmt: skip
_LIVING: _Spans = (
    (0x2618, 0x2618), (0x1F32D, 0x1F37F), (0x1F382, 0x1F382), (0x1F400, 0x1F43F),
    (0x1F490, 0x1F490), (0x1F54A, 0x1F54A), (0x1F577, 0x1F577), (0x1F648, 0x1F64A),
    (0x1F940, 0x1F940), (0x1F950, 0x1F96F), (0x1F980, 0x1F9AE), (0x1F9C0, 0x1F9CB),
    (0x1FAB0, 0x1FABF), (0x1FACE, 0x1FADF),
)  # fmt: skip
_SIGNS: _Spans = (
    (0x0, 0x2319), (0x23CF, 0x23EF), (0x23F3, 0x25FF), (0x2622, 0x262F), (0x2638, 0x2638),
    (0x2640, 0x2653), (0x2660, 0x267F), (0x2695, 0x2695), (0x269B, 0x269C), (0x26A0, 0x26AB),
    (0x26CE, 0x26CE), (0x26D4, 0x26D4), (0x2705, 0x2705), (0x2714, 0x2734), (0x2747, 0x27BF),
    (0x2900, 0x32FF), (0x1F170, 0x1F2FF), (0x1F4A0, 0x1F4A0), (0x1F4AF, 0x1F4AF),
    (0x1F4F3, 0x1F4F6), (0x1F500, 0x1F50A), (0x1F51C, 0x1F524), (0x1F52F, 0x1F54E),
    (0x1F6AB, 0x1F6BE), (0x1F6C2, 0x1F6C5), (0x1F7E0, 0x1F7FF),
)  # fmt: skip
_ORDER = (_FACES, _PEOPLE, _HANDS, _LIVING, _SIGNS)


def codes(name: str) -> list[int]:
    """The code points in a file name such as ``u1f468_1f3fb_200d_1f33e``."""
    return [int(code, 16) for code in name.removeprefix("u").split("_")]


def base_name(name: str) -> str:
    """The name without skin tones and variation selectors (a lone tone stays itself)."""
    first, *rest = codes(name)
    kept = [c for c in rest if c not in _SKIN and c not in _SELECTORS]
    return "_".join(f"{c:04x}" for c in (first, *kept))


def class_of(name: str) -> int:
    """Index into ``CLASS_NAMES``, by the first code point."""
    first, *rest = codes(name)
    # People before faces: 1f926, a person, lies in a range of faces.
    for index in (1, 0, 2, 3, 4):
        if any(low <= first <= high for low, high in _ORDER[index]):
            return index
    return 4 if 0x20E3 in rest else 5


@cache
def load(folder: Path) -> SmallPictures:
    """Read ``noto_emoji_72_rgba.npz``: about 3,500 emoji and 64 held back.

    Args:
        folder: holds the file with arrays ``images`` (n, 72, 72, 4), straight alpha, and
            ``names``.

    Raises:
        BadInput: the file is not there.
    """
    with np.load(archive(folder, FILE)) as arrays:
        rgba, names = arrays["images"], [str(n) for n in arrays["names"]]
    alpha = rgba[..., 3:].astype(np.uint32)
    solid = ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    small = torch.from_numpy(np.stack([shrink(p, SIDE) for p in solid])).permute(0, 3, 1, 2)
    bases = [base_name(n) for n in names]
    chosen = sorted(set(bases), key=lambda b: hashlib.sha256(b.encode()).digest())[:HELD_BACK]
    # The first picture of a base name is the plain one: names are sorted.
    held = [bases.index(b) for b in chosen]
    kept_pixels = {small[i].numpy().tobytes() for i in held}
    train = [
        i
        for i, base in enumerate(bases)
        if base not in chosen and small[i].numpy().tobytes() not in kept_pixels
    ]
    labels = torch.tensor([class_of(n) for n in names])
    return SmallPictures(
        train=small[train].contiguous(),
        train_labels=labels[train],
        train_groups=_groups([bases[i] for i in train]),
        held_back=small[held].contiguous(),
        held_back_labels=labels[held],
        held_back_names=tuple(chosen),
        class_names=CLASS_NAMES,
        flips=True,
    )


def _groups(bases: list[str]) -> Tensor:
    number = {base: i for i, base in enumerate(dict.fromkeys(bases))}
    return torch.tensor([number[b] for b in bases])


def held_back(folder: Path) -> Tensor:
    """The 64 held-back emoji, float32 ``(64, 3, 32, 32)`` in [0, 1]."""
    return load(folder).held_back.float() / 255

"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, MIT license): clothing, 28x28, ten classes.

The pictures stand in the middle of a black 32x32 square. Held back are the first 64 of the
test part, which no training reads.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.data.small_pictures import HELD_BACK, SmallPictures, archive

FILE = "fashion_mnist.npz"
CLASS_NAMES = (
    "T-shirt or top",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


def _framed(pixels: np.ndarray) -> Tensor:
    return F.pad(torch.from_numpy(pixels.copy())[:, None], (2, 2, 2, 2))


@cache
def load(folder: Path) -> SmallPictures:
    """Read ``fashion_mnist.npz`` from a folder: 60,000 pictures and 64 held back.

    Args:
        folder: holds the file with arrays ``x_train``, ``y_train``, ``x_test``, ``y_test``.

    Raises:
        BadInput: the file is not there.
    """
    with np.load(archive(folder, FILE)) as arrays:
        labels = arrays["y_test"][:HELD_BACK]
        return SmallPictures(
            train=_framed(arrays["x_train"]),
            train_labels=torch.from_numpy(arrays["y_train"].astype(np.int64)),
            train_groups=torch.arange(len(arrays["x_train"])),
            held_back=_framed(arrays["x_test"][:HELD_BACK]),
            held_back_labels=torch.from_numpy(labels.astype(np.int64)),
            held_back_names=tuple(f"{i} {CLASS_NAMES[c]}" for i, c in enumerate(labels)),
            class_names=CLASS_NAMES,
            flips=False,
        )


def held_back(folder: Path) -> Tensor:
    """The 64 held-back pictures, float32 ``(64, 1, 32, 32)`` in [0, 1]."""
    return load(folder).held_back.float() / 255

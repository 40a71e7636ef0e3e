"""Masks painted by hand, kept as small PNG files named by their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtGui import QImage

from app.pages.bench_intake import keep_image


def keep_mask(mask: Any) -> str:
    """Write a mask (H, W) uint8, 255 where painted, below the cache; its file name.

    Raises:
        OSError: the cache cannot be written.
    """
    height, width = mask.shape
    data = np.ascontiguousarray(mask)
    image = QImage(data.data, width, height, width, QImage.Format.Format_Grayscale8)
    return str(keep_image(image.copy(), "painted"))


def read_mask(path: str, shape: tuple[int, int]) -> Any | None:
    """The mask in a file as (H, W) uint8; None where there is none of this shape."""
    if not path or not Path(path).is_file():
        return None
    image = QImage(path).convertToFormat(QImage.Format.Format_Grayscale8)
    if (image.height(), image.width()) != shape:
        return None
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(shape[0], image.bytesPerLine())
    return np.where(rows[:, : shape[1]] > 127, 255, 0).astype(np.uint8)

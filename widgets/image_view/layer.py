"""One picture of the stage: the caller's pixels, their Qt image, and smaller copies of it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

Pixels = NDArray[np.uint8]


def checked_pixels(array: object, name: str) -> Pixels:
    """``array`` as contiguous uint8 (H, W, 3); raises ValueError naming what was given instead.

    Gray pictures (H, W) and (H, W, 1) become three equal channels. No copy is made of an array
    that is right already.
    """
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        kind = getattr(array, "dtype", type(array).__name__)
        raise ValueError(f"picture {name}: uint8 array expected, got {kind}")
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or 0 in pixels.shape:
        raise ValueError(f"picture {name}: shape (height, width, 3) expected, got {array.shape}")
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels)


def image_over(pixels: Pixels) -> QImage:
    """A QImage that looks at the memory of ``pixels`` (H, W, 3); the caller keeps them alive."""
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)


class Layer:
    """A picture with its title, and images of it at halved sizes made when first asked for.

    The array is borrowed: whoever hands it over must not write into it afterwards. Nothing is
    converted before `image` is called, so frames that are replaced unseen cost nothing.
    """

    def __init__(self, key: str, pixels: Pixels, title: str, serial: int) -> None:
        self.key = key
        self.pixels = pixels
        self.title = title
        self.serial = serial
        self._levels: list[QImage] = []
        self._arrays: dict[int, Pixels] = {0: pixels}

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    def level_for(self, zoom: float) -> int:
        """The halving to draw from at ``zoom`` device pixels per pixel of this picture.

        What is left to shrink is then less than a factor of two, where bilinear sampling does
        not yet skip pixels.
        """
        if zoom > 0.5:
            return 0
        deepest = int(math.log2(min(self.width, self.height)))
        return min(math.floor(-math.log2(zoom) + 1e-9), deepest)

    def image(self, level: int = 0) -> QImage:
        """The picture at 1/2^level of its size, 32 bit, which Qt draws several times faster."""
        if not self._levels:
            source = image_over(self.pixels)
            self._levels.append(source.convertToFormat(QImage.Format.Format_RGB32))
        while len(self._levels) <= level:
            last = self._levels[-1]
            self._levels.append(
                last.scaled(
                    max(last.width() // 2, 1),
                    max(last.height() // 2, 1),
                    Qt.AspectRatioMode.IgnoreAspectRatio,
                    Qt.TransformationMode.SmoothTransformation,
                )
            )
        return self._levels[level]

    def array(self, level: int = 0) -> Pixels:
        """The pixels of `image` as an array (h, w, 3); level 0 is the caller's own array."""
        if level not in self._arrays:
            image = self.image(level)
            words = np.frombuffer(image.constBits(), np.uint8)
            bgra = words.reshape(image.height(), image.bytesPerLine() // 4, 4)
            self._arrays[level] = np.ascontiguousarray(bgra[:, : image.width(), 2::-1])
        return self._arrays[level]

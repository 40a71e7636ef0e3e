"""One picture of the stage: the caller's pixels or numbers, their Qt image, smaller copies."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from widgets.image_view import difference
from widgets.image_view.difference import Pixels

Numbers = NDArray[np.floating]
Words = NDArray[np.uint32]


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


def checked_numbers(array: object, name: str) -> Numbers:
    """``array`` as it is, if it holds floating numbers (H, W); else a ValueError says why."""
    if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, np.floating):
        kind = getattr(array, "dtype", type(array).__name__)
        raise ValueError(f"numbers {name}: floating array expected, got {kind}")
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"numbers {name}: shape (height, width) expected, got {array.shape}")
    return array


def image_over(pixels: Pixels) -> QImage:
    """A QImage that looks at the memory of ``pixels`` (H, W, 3); the caller keeps them alive."""
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB888)


def image_of_words(words: Words, form: QImage.Format) -> QImage:
    """A QImage that looks at ``words`` (H, W), 32 bit a pixel; the caller keeps them alive."""
    height, width = words.shape
    return QImage(words.data, width, height, words.strides[0], form)


class Layer:
    """What is drawn under a key, with its title, and images of it at halved sizes.

    The array is borrowed: whoever hands it over must not write into it afterwards. Nothing is
    converted before `image` is called, so frames that are replaced unseen cost nothing.
    """

    def __init__(self, key: str, shape: tuple[int, ...], title: str, serial: int) -> None:
        self.key = key
        self.height, self.width = shape[:2]
        self.title = title
        self.serial = serial
        self._images: dict[int, QImage] = {}
        self._arrays: dict[int, Pixels] = {}

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
        if level not in self._images:
            self._images[level] = self._made(level)
        return self._images[level]

    def _made(self, level: int) -> QImage:
        raise NotImplementedError

    def array(self, level: int = 0) -> Pixels:
        """The pixels of `image` as an array (h, w, 3)."""
        if level not in self._arrays:
            image = self.image(level)
            words = np.frombuffer(image.constBits(), np.uint8)
            bgra = words.reshape(image.height(), image.bytesPerLine() // 4, 4)
            self._arrays[level] = np.ascontiguousarray(bgra[:, : image.width(), 2::-1])
        return self._arrays[level]

    @property
    def pixels(self) -> Pixels:
        """The colors that are seen, (H, W, 3)."""
        return self.array()

    def color(self, row: int, column: int) -> tuple[int, int, int]:
        """The color of one pixel."""
        red, green, blue = (int(channel) for channel in self.pixels[row, column])
        return red, green, blue


class PictureLayer(Layer):
    """A picture (H, W, 3), which is what its ``array`` is at level 0."""

    def __init__(self, key: str, pixels: Pixels, title: str, serial: int) -> None:
        super().__init__(key, pixels.shape, title, serial)
        self._arrays[0] = pixels

    def _made(self, level: int) -> QImage:
        if level == 0:
            return image_over(self.pixels).convertToFormat(QImage.Format.Format_RGB32)
        last = self.image(level - 1)
        return last.scaled(
            max(last.width() // 2, 1),
            max(last.height() // 2, 1),
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )


class NumbersLayer(Layer):
    """Numbers (H, W) drawn in false colors up to ``end``, which 99 % of them stay below.

    Only as many of them are colored as are drawn.

    Args:
        kind: ``signed`` from minus the end on, ``absolute`` from 0 on.
        unit: in which the numbers are.
        before: the layer that this one replaces; its scale is kept while it suits.
    """

    def __init__(
        self,
        key: str,
        numbers: Numbers,
        title: str,
        serial: int,
        *,
        kind: difference.Kind = "absolute",
        unit: str = "",
        before: Layer | None = None,
    ) -> None:
        super().__init__(key, numbers.shape, title, serial)
        self.numbers, self.kind, self.unit = numbers, kind, unit
        present = before.end if isinstance(before, NumbersLayer) else 0.0
        self.end: float = difference.end_for(numbers, present)
        #: What the images look at.
        self._words: dict[int, Words] = {}

    def _made(self, level: int) -> QImage:
        step = 1 << level
        height, width = self.height >> level, self.width >> level
        # One number of each square as it is: what is not finite has no mean.
        thin = self.numbers[step // 2 :: step, step // 2 :: step][:height, :width]
        self._words[level] = difference.false_colors(thin, self.kind, self.end)
        return image_of_words(self._words[level], QImage.Format.Format_RGB32)

    def color(self, row: int, column: int) -> tuple[int, int, int]:
        """The color of one number, for which no other is colored."""
        one = self.numbers[row : row + 1, column : column + 1]
        word = int(difference.false_colors(one, self.kind, self.end)[0, 0])
        return word >> 16 & 255, word >> 8 & 255, word & 255

    def text(self, row: int, column: int) -> str:
        """One of the numbers, to a hundredth of the scale or finer; tiny ones to three digits."""
        decimals = max(0, 2 - math.floor(math.log10(self.end)))
        # Of a tiny scale nobody counts the zeros.
        form = f".{decimals}f" if self.end >= 1e-3 else ".3g"
        number = f"{self.numbers[row, column]:{form}}".replace("-", "−")
        return f"{number} {self.unit}".rstrip()

"""Numbers as a picture, on a scale that is said: of two pictures their difference.

Signed maps run from blue (the second is darker) over near-black (equal) to orange (the second is
brighter); absolute maps from near-black to pale yellow. Both grow lighter with the size of the
difference, and neither asks anyone to tell red from green.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Kind = Literal["signed", "absolute"]
SCALES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""The full-scale values an automatic scale chooses from; 1.0 is black against white."""

_STEPS = 510
"""Steps of a scale that colors tell apart; even, so that the middle of a signed one is 0."""

_SIGNED = (
    (-1.0, (190, 228, 255)),
    (-0.5, (47, 140, 230)),
    (0.0, (16, 20, 26)),
    (0.5, (222, 132, 24)),
    (1.0, (255, 226, 170)),
)
_ABSOLUTE = (
    (0.0, (16, 20, 26)),
    (0.25, (38, 66, 124)),
    (0.5, (106, 118, 136)),
    (0.75, (204, 172, 84)),
    (1.0, (255, 244, 176)),
)


def colors(kind: Kind, values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Colors (N, 3) of relative values (N,): -1 to 1 for signed maps, 0 to 1 for absolute ones."""
    anchors = _SIGNED if kind == "signed" else _ABSOLUTE
    at = [position for position, _ in anchors]
    channels = [
        np.interp(values, at, [color[channel] for _, color in anchors]) for channel in range(3)
    ]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def _packed(kind: Kind, values: NDArray[np.float64]) -> NDArray[np.uint32]:
    """``colors`` as 0xffRRGGBB."""
    rgb = colors(kind, values).astype(np.uint32)
    packed: NDArray[np.uint32] = 0xFF000000 | rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]
    return packed


@cache
def _table(kind: Kind, scale: float) -> NDArray[np.uint32]:
    """0xffRRGGBB for every possible sum of three channel differences, -765 to 765."""
    relative = np.arange(-765, 766) / (765 * scale)
    return _packed(kind, relative if kind == "signed" else np.abs(relative))


@cache
def _shades(kind: Kind) -> NDArray[np.uint32]:
    """0xffRRGGBB along a whole scale, from its lower end to its upper."""
    return _packed(kind, np.linspace(-1.0 if kind == "signed" else 0.0, 1.0, _STEPS + 1))


def _sums(left: Pixels, right: Pixels, kind: Kind) -> NDArray[np.int16]:
    total = np.zeros(left.shape[:2], np.int16)
    for channel in range(3):
        step = np.subtract(right[..., channel], left[..., channel], dtype=np.int16)
        total += np.abs(step, out=step) if kind == "absolute" else step
    return total


def values(left: Pixels, right: Pixels, kind: Kind) -> NDArray[np.float64]:
    """Mean over the channels of ``right - left`` (or of its size), in -1..1 (or 0..1), (H, W)."""
    return _sums(left, right, kind) / 765.0


def picture(left: Pixels, right: Pixels, kind: Kind, scale: float) -> NDArray[np.uint32]:
    """The map (H, W) as 0xffRRGGBB; differences of ``scale`` and more take the end colors."""
    return _table(kind, scale)[_sums(left, right, kind) + np.int16(765)]


def automatic_scale(left: Pixels, right: Pixels, kind: Kind, present: float = 0.0) -> float:
    """The smallest of `SCALES` that 99 % of the differences stay below.

    A ``present`` scale is kept while it is not exceeded and no more than three times too wide:
    a live map would otherwise flicker between two scales.
    """
    stride = max(1, int(np.sqrt(left.shape[0] * left.shape[1] / 65536)))
    sample = np.abs(values(left[::stride, ::stride], right[::stride, ::stride], kind))
    reach = float(np.percentile(sample, 99))
    if _keeps(reach, present):
        return present
    return next((scale for scale in SCALES if reach <= scale), 1.0)


def end_for(numbers: NDArray[np.floating], present: float = 0.0) -> float:
    """The smallest of 1, 2, 5, 10, … of any decade that 99 % of the numbers (H, W) stay below.

    What is not finite does not count. A ``present`` end is kept as ``automatic_scale`` keeps its
    scale.
    """
    stride = max(1, int(np.sqrt(numbers.size / 65536)))
    sample = np.abs(numbers[::stride, ::stride])
    finite = sample[np.isfinite(sample)]
    reach = float(np.percentile(finite, 99)) if finite.size else 0.0
    if _keeps(reach, present):
        return present
    if reach <= 0.0:
        return present or 1.0
    # Rounded, as single precision lies a hair beside its number.
    reach = float(f"{reach:.5g}")
    decade = 10.0 ** math.floor(math.log10(reach))
    # Said in few digits, it must not be a hair beside its decade.
    return float(f"{next((n for n in (1, 2, 5) if reach <= n * decade), 10) * decade:.3g}")


def _keeps(reach: float, present: float) -> bool:
    return bool(present) and present / 3 <= reach <= present


def false_colors(numbers: NDArray[np.floating], kind: Kind, end: float) -> NDArray[np.uint32]:
    """Numbers (H, W) as 0xffRRGGBB; those of ``end`` and more take the end colors.

    What is infinite lies beyond an end, and what is no number counts as 0.
    """
    reach, zero = (_STEPS / 2, _STEPS / 2) if kind == "signed" else (_STEPS, 0.0)
    precise = np.result_type(numbers, np.float32)
    # Far beyond the end a number may overflow on its way to the end's color.
    with np.errstate(over="ignore", invalid="ignore"):
        shade = np.multiply(numbers, reach / end, dtype=precise, order="C")
    shade += zero + 0.5
    np.copyto(shade, zero, where=np.isnan(shade))
    np.clip(shade, 0, _STEPS, out=shade)
    return _shades(kind)[shade.astype(np.uint16)]


def same_size(pixels: Pixels, width: int, height: int) -> Pixels:
    """``pixels`` at that size by nearest neighbor, so that pictures of two sizes compare."""
    if pixels.shape[:2] == (height, width):
        return pixels
    rows = np.arange(height) * pixels.shape[0] // height
    columns = np.arange(width) * pixels.shape[1] // width
    return pixels[rows[:, None], columns]

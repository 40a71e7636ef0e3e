"""Drawing on pictures with smooth edges: discs, lines, arrows and words.

A canvas is a uint8 array (height, width, 3) that is drawn on in place; colors are (r, g, b), 0 to
255, places are in pixels, right and down from the upper left corner. What lies outside is cut off.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Canvas = NDArray[np.uint8]
Floats = NDArray[np.floating[Any]]
Color = tuple[int, int, int]

_FONT = Path(__file__).resolve().parents[2] / "assets" / "fonts" / "Inter-Medium.otf"
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
#: Told apart by color-blind eyes as well (Okabe and Ito 2008, Wong 2011), two grays after them.
COLORS: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (235, 235, 235),
    (120, 200, 150),
    (150, 130, 220),
)


def disc(
    canvas: Canvas, x: float, y: float, radius: float, color: Color, opacity: float = 1.0
) -> None:
    """A filled circle."""
    window = _window(canvas, x - radius, y - radius, x + radius, y + radius)
    if window is not None:
        part, across, down = window
        distance = np.hypot(across - x, down - y) - radius
        _lay(part, np.clip(0.5 - distance, 0, 1) * opacity, color)


def ring(canvas: Canvas, x: float, y: float, radius: float, width: float, color: Color) -> None:
    """A circle, ``width`` wide."""
    reach = radius + width / 2
    window = _window(canvas, x - reach, y - reach, x + reach, y + reach)
    if window is not None:
        part, across, down = window
        distance = np.abs(np.hypot(across - x, down - y) - radius) - width / 2
        _lay(part, np.clip(0.5 - distance, 0, 1), color)


def line(
    canvas: Canvas,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
    color: Color,
    opacity: float = 1.0,
) -> None:
    """A straight line with round ends."""
    (x0, y0), (x1, y1) = start, end
    half = width / 2
    window = _window(
        canvas, min(x0, x1) - half, min(y0, y1) - half, max(x0, x1) + half, max(y0, y1) + half
    )
    if window is None:
        return
    part, across, down = window
    dx, dy = x1 - x0, y1 - y0
    square = max(dx * dx + dy * dy, 1e-12)
    along = np.clip(((across - x0) * dx + (down - y0) * dy) / square, 0, 1)
    distance = np.hypot(across - x0 - along * dx, down - y0 - along * dy) - half
    _lay(part, np.clip(0.5 - distance, 0, 1) * opacity, color)


def polyline(
    canvas: Canvas, points: Floats, width: float, color: Color, opacity: float = 1.0
) -> None:
    """Straight lines from each of ``points`` (n, 2) to the next."""
    for a, b in pairwise(points.tolist()):
        line(canvas, tuple(a), tuple(b), width, color, opacity)


def arrow(
    canvas: Canvas,
    start: tuple[float, float],
    end: tuple[float, float],
    width: float,
    color: Color,
    opacity: float = 1.0,
) -> None:
    """A line with a head at ``end``; without one where it is shorter than the head."""
    line(canvas, start, end, width, color, opacity)
    way = np.subtract(end, start)
    length = float(np.hypot(*way))
    head = 3.0 + width
    if length < head:
        return
    along = way / length * head
    side = np.array([-along[1], along[0]]) * 0.55
    for sign in (1, -1):
        tip = np.asarray(end) - along + sign * side
        line(canvas, end, (float(tip[0]), float(tip[1])), width, color, opacity)


def words(
    canvas: Canvas,
    text: str,
    x: float,
    y: float,
    *,
    size: int = 13,
    color: Color = WHITE,
    anchor: str = "la",
    shade: bool = False,
) -> None:
    """A line of text; ``anchor`` as Pillow has it (``lm``: left, middle).

    ``shade`` lays a dark rim behind it, to be read on any ground.
    """
    mask, left, top = _written(text, size, anchor)
    corner_x, corner_y = round(x + left), round(y + top)
    if shade:
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            _stamp(canvas, mask, corner_x + dx, corner_y + dy, BLACK, 0.8)
    _stamp(canvas, mask, corner_x, corner_y, color, 1.0)


def fitting(text: str, width: float, most: int, least: int = 9) -> int:
    """The largest size, at most ``most``, at which a line of text is no wider than ``width``."""
    for size in range(most, least, -1):
        mask, _, _ = _written(text, size, "la")
        if mask.shape[1] <= width:
            return size
    return least


def frame(canvas: Canvas, left: int, top: int, right: int, bottom: int, color: Color) -> None:
    """A frame of one pixel around a rectangle, whose corners are inside it."""
    canvas[top, left : right + 1] = canvas[bottom, left : right + 1] = color
    canvas[top : bottom + 1, left] = canvas[top : bottom + 1, right] = color


@lru_cache(maxsize=1024)
def _written(text: str, size: int, anchor: str) -> tuple[Floats, float, float]:
    """The opacity of a text, and where its upper left corner lies from its anchor."""
    font = ImageFont.truetype(str(_FONT), size)
    left, top, right, bottom = font.getbbox(text, anchor=anchor)
    width, height = max(1, int(right - left) + 2), max(1, int(bottom - top) + 2)
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).text((1 - left, 1 - top), text, fill=255, font=font, anchor=anchor)
    return np.asarray(image, np.float32) / 255, left - 1, top - 1


def _stamp(canvas: Canvas, mask: Floats, x: int, y: int, color: Color, opacity: float) -> None:
    height, width = canvas.shape[:2]
    rows, columns = mask.shape
    top, left, bottom, right = max(0, y), max(0, x), min(height, y + rows), min(width, x + columns)
    if top < bottom and left < right:
        seen = mask[top - y : bottom - y, left - x : right - x]
        _lay(canvas[top:bottom, left:right], seen * opacity, color)


def _window(
    canvas: Canvas, left: float, top: float, right: float, bottom: float
) -> tuple[Canvas, Floats, Floats] | None:
    """The part of a canvas around a shape, and its pixels' places across and down."""
    height, width = canvas.shape[:2]
    if not all(np.isfinite((left, top, right, bottom))):
        return None
    x0, y0 = max(0, int(left) - 1), max(0, int(top) - 1)
    x1, y1 = min(width, int(right) + 3), min(height, int(bottom) + 3)
    if x0 >= x1 or y0 >= y1:
        return None
    across = np.arange(x0, x1, dtype=np.float32)[None, :]
    down = np.arange(y0, y1, dtype=np.float32)[:, None]
    return canvas[y0:y1, x0:x1], across, down


def _lay(part: Canvas, opacity: Floats, color: Color) -> None:
    cover = opacity[..., None]
    part[:] = (part * (1 - cover) + np.asarray(color, np.float32) * cover + 0.5).astype(np.uint8)

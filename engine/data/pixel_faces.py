"""Pixel faces: small portraits in the manner of pixel art, with identities.

An identity fixes what a person keeps (skin, hair, eyes, beard, width of the head); expression,
glasses, tilt, light and background stay free.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.data.drawing import (
    check_size,
    column,
    hues,
    in_chunks,
    pixel_centers,
    spread,
    table,
)
from engine.data.face_hair import STYLES, paint_behind, paint_on
from engine.data.face_parts import (
    CENTER,
    SPAN,
    TILTS,
    Head,
    box,
    ellipse,
    paint_bare_head,
    paint_beard,
    paint_brows,
    paint_eyes,
    paint_features,
    paint_glasses,
)
from engine.data.factors import Factor, check
from engine.method import BadInput

_SKINS = torch.tensor(
    [
        [0.99, 0.87, 0.78], [0.95, 0.76, 0.62], [0.86, 0.64, 0.46],
        [0.71, 0.48, 0.32], [0.53, 0.34, 0.22], [0.36, 0.22, 0.15],
    ]
)  # fmt: skip
_HAIRS = torch.tensor(
    [
        [0.15, 0.13, 0.16], [0.36, 0.22, 0.13], [0.62, 0.24, 0.12], [0.90, 0.45, 0.13],
        [0.96, 0.80, 0.38], [0.78, 0.79, 0.82], [0.25, 0.45, 0.88], [0.92, 0.36, 0.62],
    ]
)  # fmt: skip
_IRISES = torch.tensor(
    [
        [0.42, 0.22, 0.10], [0.80, 0.55, 0.10], [0.20, 0.60, 0.25],
        [0.20, 0.50, 0.90], [0.60, 0.30, 0.80],
    ]
)  # fmt: skip
_SHIRT = torch.tensor([0.27, 0.30, 0.38])
_GAPS = spread(2.7, 4.2, 4)
_EYES = spread(1.35, 2.15, 3)
_LIFTS = spread(-1.4, 1.4, 5)
_MOUTHS = spread(-1.7, 1.7, 5)
_WIDTHS = spread(6.4, 8.8, 5)
_LIGHTS = [math.radians(a) for a in (-75, -38, 0, 38, 75)]
_LIGHT_X = table([3.4 * math.sin(a) for a in _LIGHTS])
_LIGHT_Y = table([-2.6 * math.cos(a) for a in _LIGHTS])
_BACKGROUNDS = 8
_FACTORS = (
    Factor("skin", "Skin, light to dark", len(_SKINS), "ordered"),
    Factor("hair_style", "Hair style", len(STYLES), "category"),
    Factor("hair_color", "Hair color", len(_HAIRS), "category"),
    Factor("eye_gap", "Distance of the eyes", len(_GAPS), "ordered"),
    Factor("eye_size", "Size of the eyes", len(_EYES), "ordered"),
    Factor("eye_color", "Color of the eyes", len(_IRISES), "category"),
    Factor("brows", "Eyebrows, frowning to raised", len(_LIFTS), "ordered"),
    Factor("mouth", "Mouth, sad to glad", len(_MOUTHS), "ordered"),
    Factor("glasses", "Glasses: none, round, square, tinted", 4, "category"),
    Factor("beard", "Beard: none, mustache, goatee, full", 4, "category"),
    Factor("head_width", "Width of the head", len(_WIDTHS), "ordered"),
    Factor("tilt", "Tilt of the head, left to right", len(TILTS), "ordered"),
    Factor("light", "Light, from left to right", len(_LIGHTS), "ordered"),
    Factor("background", "Background", _BACKGROUNDS, "circular"),
)
#: The factors that an identity fixes.
IDENTITY = (
    "skin", "hair_style", "hair_color", "eye_gap", "eye_size", "eye_color", "beard", "head_width",
)  # fmt: skip
#: How many persons there are: every combination of what an identity fixes.
PEOPLE = math.prod(factor.values for factor in _FACTORS if factor.name in IDENTITY)
#: Steps through the combinations that meet each once, chosen so that the first people have
#: all hair styles, hair colors and skins about as often and differ from each other the most.
_FIRST, _STRIDE = 281_903, 265_637


@dataclass(frozen=True)
class PixelFaces:
    """The set.

    Attributes:
        size: side in pixels, 16 to 256; drawn for 32.
    """

    size: int = 32
    name = "pixel-faces"
    title = "Pixel faces"
    factors = _FACTORS
    channels = 3

    def __post_init__(self) -> None:
        check_size(self.size)

    def identity(self, number: int) -> dict[str, int]:
        """What person ``number`` (from 0) keeps: a value for every factor in ``IDENTITY``.

        Use it as the ``fixed`` of ``factors.draw``. The first ``PEOPLE`` numbers are different
        persons. ``BadInput`` (field ``identity``) beyond.
        """
        if not 0 <= number < PEOPLE:
            raise BadInput(f"identity is {number}; it must be 0 to {PEOPLE - 1}", "identity")
        rest = (_FIRST + number * _STRIDE) % PEOPLE
        kept = {}
        for factor in (f for f in _FACTORS if f.name in IDENTITY):
            rest, kept[factor.name] = divmod(rest, factor.values)
        return kept

    def render(self, codes: Tensor) -> Tensor:
        """Float32 ``(n, 3, size, size)`` of int64 ``(n, 14)``; see ``FactorSet``."""
        check(self, codes)
        return in_chunks(self._draw, codes, 3, self.size)

    def _draw(self, codes: Tensor) -> Tensor:
        of = {f.name: codes[:, k] for k, f in enumerate(_FACTORS)}
        skin, hair = _SKINS[of["skin"]], _HAIRS[of["hair_color"]]
        gap = _GAPS[of["eye_gap"]]
        head = self._start(of)
        styles, some = range(len(STYLES)), range(1, 4)
        _each(head, of["hair_style"], styles, paint_behind, hair)
        _paint_body(head, skin)
        paint_bare_head(head, skin)
        _each(head, of["beard"], some, paint_beard, hair * 0.85)
        paint_features(head, skin, _MOUTHS[of["mouth"]])
        paint_eyes(head, gap, _EYES[of["eye_size"]], _IRISES[of["eye_color"]])
        _each(head, of["hair_style"], styles, paint_on, hair)
        paint_brows(head, gap, _LIFTS[of["brows"]], hair * 0.5)
        _each(head, of["glasses"], some, paint_glasses, gap)
        return head.canvas.clamp_(0, 1)

    def _start(self, of: dict[str, Tensor]) -> Head:
        back = 0.42 + 0.5 * hues(_BACKGROUNDS)[of["background"]]
        canvas = back[:, :, None, None].repeat(1, 1, self.size, self.size)
        light = column(_LIGHT_X[of["light"]]), column(_LIGHT_Y[of["light"]])
        return Head.on(canvas, of["tilt"], column(_WIDTHS[of["head_width"]]), light)


def _paint_body(head: Head, skin: Tensor) -> None:
    """Shoulders and neck, which do not tilt."""
    across, down = pixel_centers(head.size)
    x, y = across * SPAN - CENTER[0], down * SPAN - CENTER[1]
    shoulders = ellipse(x, y - 17.0, 12.5, 7.3)
    head.fill(shoulders - 0.9, _SHIRT * 0.35)
    head.fill(shoulders, _SHIRT)
    neck = box(x, y - 8.5, 3.2, 4.2, 2.0)
    head.fill(neck - 0.8, skin * 0.3)
    head.fill(neck, skin * 0.66)


def _each(
    head: Head, kinds: Tensor, drawn: range, paint: Callable[[Head, int, Tensor], None],
    values: Tensor,
) -> None:  # fmt: skip
    """``paint`` every kind in ``drawn`` on the heads that have it."""
    for kind in drawn:
        rows = (kinds == kind).nonzero().squeeze(1)
        if len(rows):
            part = head.of(rows)
            paint(part, kind, values[rows])
            head.canvas[rows] = part.canvas

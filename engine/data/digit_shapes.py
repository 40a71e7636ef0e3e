"""The ten digits as pen strokes: points, and the splines through them.

A digit stands in a box of height 1 around the origin, the second coordinate pointing down.
A stroke runs through its points as a Catmull-Rom spline; two points make a straight line, and
a stroke that ends where it began is closed. Strokes share points, so a corner stays one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

#: Straight pieces of each span of a curved stroke.
_PIECES = 3
#: How far a point strays at most, across and down, in heights of the digit.
_STRAY = 0.065


@dataclass(frozen=True)
class _Digit:
    points: tuple[tuple[float, float], ...]
    strokes: tuple[tuple[int, ...], ...]


_DIGITS = (
    _Digit(
        ((0, -0.5), (0.22, -0.36), (0.29, 0), (0.22, 0.36),
         (0, 0.5), (-0.22, 0.36), (-0.29, 0), (-0.22, -0.36)),
        ((0, 1, 2, 3, 4, 5, 6, 7, 0),),
    ),
    _Digit(((-0.17, -0.28), (0.05, -0.5), (0.05, 0.5)), ((0, 1), (1, 2))),
    _Digit(
        ((-0.27, -0.27), (-0.17, -0.44), (0.04, -0.5), (0.24, -0.36), (0.2, -0.1),
         (-0.28, 0.48), (0.3, 0.48)),
        ((0, 1, 2, 3, 4, 5), (5, 6)),
    ),
    _Digit(
        ((-0.26, -0.37), (-0.04, -0.5), (0.2, -0.4), (0.19, -0.17), (-0.07, -0.05),
         (0.21, 0.06), (0.27, 0.29), (0.04, 0.5), (-0.28, 0.36)),
        ((0, 1, 2, 3, 4), (4, 5, 6, 7, 8)),
    ),
    _Digit(
        ((0.12, -0.5), (-0.31, 0.19), (0.32, 0.19), (0.12, 0.5)),
        ((0, 1), (1, 2), (0, 3)),
    ),
    _Digit(
        ((0.25, -0.48), (-0.2, -0.48), (-0.25, -0.04), (0.02, -0.14), (0.26, 0.03),
         (0.24, 0.34), (0, 0.5), (-0.28, 0.38)),
        ((0, 1), (1, 2), (2, 3, 4, 5, 6, 7)),
    ),
    _Digit(
        ((0.2, -0.48), (-0.1, -0.29), (-0.26, 0.02), (-0.25, 0.3), (-0.02, 0.5),
         (0.24, 0.35), (0.22, 0.08), (-0.02, -0.03), (-0.25, 0.16)),
        ((0, 1, 2, 3, 4, 5, 6, 7, 8),),
    ),
    _Digit(
        ((-0.28, -0.48), (0.28, -0.48), (0.04, 0), (-0.08, 0.5)),
        ((0, 1), (1, 2, 3)),
    ),
    _Digit(
        ((0, -0.03), (0.2, -0.16), (0.17, -0.42), (0, -0.5), (-0.17, -0.42), (-0.2, -0.16),
         (0.25, 0.13), (0.21, 0.42), (0, 0.5), (-0.21, 0.42), (-0.25, 0.13)),
        ((0, 1, 2, 3, 4, 5, 0), (0, 6, 7, 8, 9, 10, 0)),
    ),
    _Digit(
        ((0.25, -0.27), (0.06, -0.5), (-0.2, -0.42), (-0.22, -0.15), (0.01, -0.03),
         (0.22, 0.12), (0.08, 0.5)),
        ((0, 1, 2, 3, 4, 0), (0, 5, 6)),
    ),
)  # fmt: skip


def _stray(digit: int, hand: int, count: int) -> Tensor:
    """How the points of a digit stray in one hand, ``(count, 2)``; hand 0 does not stray.

    From SHA-256, not from a random generator, so that no library can ever change it.
    """
    if hand == 0:
        return torch.zeros(count, 2, dtype=torch.float64)
    raw = b"".join(
        hashlib.sha256(f"{digit}:{hand}:{point}".encode()).digest()[:8] for point in range(count)
    )
    numbers = [int.from_bytes(raw[k : k + 4], "big") / 2**31 - 1 for k in range(0, len(raw), 4)]
    return _STRAY * torch.tensor(numbers, dtype=torch.float64).reshape(count, 2)


def _spline(points: Tensor) -> Tensor:
    """Points along a Catmull-Rom spline through ``points``, ``(k, 2)``, natural at open ends."""
    if len(points) == 2:
        return points
    inner = (points[2:] - points[:-2]) / 2
    if torch.equal(points[0], points[-1]):
        first = last = (points[1] - points[-2]) / 2
    else:
        first = 1.5 * (points[1] - points[0]) - 0.5 * inner[0]
        last = 1.5 * (points[-1] - points[-2]) - 0.5 * inner[-1]
    slopes = torch.cat([first[None], inner, last[None]])
    t = (torch.arange(_PIECES, dtype=torch.float64) / _PIECES)[:, None]
    before, after = points[:-1, None], points[1:, None]
    leaving, arriving = slopes[:-1, None], slopes[1:, None]
    along = (
        (1 + 2 * t) * (1 - t) ** 2 * before
        + t**2 * (3 - 2 * t) * after
        + t * (1 - t) ** 2 * leaving
        - t**2 * (1 - t) * arriving
    )
    return torch.cat([along.reshape(-1, 2), points[-1:]])


def piece_counts() -> Tensor:
    """How many straight pieces each digit has: int64 ``(10,)``."""
    spans = [[len(stroke) - 1 for stroke in shape.strokes] for shape in _DIGITS]
    return torch.tensor([sum(n if n == 1 else n * _PIECES for n in of) for of in spans])


@cache
def pieces(hands: int) -> Tensor:
    """The straight pieces of every digit in every hand.

    Float32 ``(10, hands, pieces, 4)``: start across, start down, end across, end down; a
    digit of fewer pieces repeats its last one.
    """
    written = []
    for digit, shape in enumerate(_DIGITS):
        points = torch.tensor(shape.points, dtype=torch.float64)
        for hand in range(hands):
            strayed = points + _stray(digit, hand, len(points))
            strokes = [_spline(strayed[list(stroke)]) for stroke in shape.strokes]
            written.append(torch.cat([torch.cat([s[:-1], s[1:]], dim=1) for s in strokes]))
    most = max(len(w) for w in written)
    full = [torch.cat([w, w[-1:].expand(most - len(w), 4)]) for w in written]
    return torch.stack(full).reshape(len(_DIGITS), hands, most, 4).float()

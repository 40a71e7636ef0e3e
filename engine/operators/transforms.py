"""Fast transforms that the operators share: orthonormal cosine transform, plane by plane work.

All act on the last two axes of ``(batch, channel, height, width)`` and are differentiable.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from engine.operators.table import Table

#: Above this many pixels a transform runs one plane at a time: a 24-megapixel picture then
#: needs one complex plane of work memory, not three.
PLANE_LIMIT = 1 << 22


def per_plane(transform: Callable[..., Tensor], *pictures: Tensor) -> Tensor:
    """``transform(*pictures)``, by single planes ``(1, 1, height, width)`` where they are large."""
    batch, channels, height, width = pictures[0].shape
    if height * width <= PLANE_LIMIT or batch * channels == 1:
        return transform(*pictures)
    rows = [
        torch.cat(
            [transform(*(x[b : b + 1, c : c + 1] for x in pictures)) for c in range(channels)],
            dim=1,
        )
        for b in range(batch)
    ]
    return rows[0] if batch == 1 else torch.cat(rows)


def fast_length(length: int) -> int:
    """The smallest size of at least ``length`` with no prime factor above 5."""
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1


@lru_cache(maxsize=32)
def _twiddle(length: int) -> Table:
    """``exp(-i pi k / 2N)`` with the orthonormal scale of frequency ``k``, for half the range."""
    k = torch.arange(length // 2 + 1, dtype=torch.float64)
    scale = torch.full_like(k, math.sqrt(2 / length))
    scale[0] = math.sqrt(1 / length)
    return Table(torch.polar(scale, -math.pi * k / (2 * length)))


def _dct_last(x: Tensor) -> Tensor:
    length = x.shape[-1]
    order = torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], dim=-1)
    spectrum = torch.fft.rfft(order) * _twiddle(length).like(x)
    # The upper half of the cosine coefficients is minus the imaginary part, read backward.
    return torch.cat([spectrum.real, -spectrum.imag[..., 1 : (length + 1) // 2].flip(-1)], dim=-1)


def _idct_last(c: Tensor) -> Tensor:
    length = c.shape[-1]
    half = length // 2 + 1
    mirrored = torch.cat([torch.zeros_like(c[..., :1]), c.flip(-1)[..., : half - 1]], dim=-1)
    order = torch.fft.irfft(
        torch.complex(c[..., :half], -mirrored) / _twiddle(length).like(c), n=length
    )
    even = (length + 1) // 2
    out = torch.empty_like(c)
    out[..., ::2] = order[..., :even]
    out[..., 1::2] = order[..., even:].flip(-1)
    return out


def dct2(x: Tensor) -> Tensor:
    """Orthonormal DCT-II of the last two axes: the basis of pictures mirrored at their edges.

    Source: J. Makhoul, A fast cosine transform in one and two dimensions, IEEE TASSP 1980.
    """
    return per_plane(lambda p: _dct_last(_dct_last(p).mT).mT.contiguous(), x)


def idct2(c: Tensor) -> Tensor:
    """The inverse, and the transpose, of ``dct2``."""
    return per_plane(lambda p: _idct_last(_idct_last(p.mT).mT), c)


def mirror(x: Tensor, rows: int, columns: int) -> Tensor:
    """``x`` continued by ``rows`` and ``columns`` on every side, mirrored with the edge repeated.

    Unlike torch's ``reflect`` it allows borders wider than the picture.
    """
    height, width = x.shape[-2:]
    if rows:
        x = x.index_select(-2, _mirror_index(height, rows).to(x.device))
    if columns:
        x = x.index_select(-1, _mirror_index(width, columns).to(x.device))
    return x


def _mirror_index(length: int, border: int) -> Tensor:
    index = torch.arange(-border, length + border) % (2 * length)
    return torch.minimum(index, 2 * length - 1 - index)

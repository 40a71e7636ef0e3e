"""Training pictures as a function of seed and step alone, from any set.

A stream remembers no position: batch ``step`` is the same after a resume, in another process
or asked for twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from engine.data import small_pictures
from engine.data.factors import FactorSet, draw
from engine.data.small_pictures import SmallPictures
from engine.method import BadInput

#: Pictures rendered at a time while a pool fills.
_PART = 1024


class Stream(Protocol):
    """Batches of pictures with what is known of them."""

    def batch(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """Pictures, float32 ``(count, channels, size, size)`` in [0, 1], and their codes.

        Codes are int64 ``(count, factors)``; labeled pictures have one factor, their class.
        """
        ...


def generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step."""
    # torch's CPU generator looks at the low 32 bits of a seed only.
    return torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**32)


@dataclass(frozen=True)
class Fresh:
    """Every batch drawn and rendered anew: a set without end.

    Attributes:
        of: the set.
        seed: of the stream.
        fixed: factors that keep one value, as in ``factors.draw``.
    """

    of: FactorSet
    seed: int
    fixed: Mapping[str, int] = field(default_factory=dict)

    def batch(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """See ``Stream``."""
        codes = draw(self.of, count, generator(self.seed, step), self.fixed)
        return self.of.render(codes), codes


class Pool:
    """Pictures rendered once, kept as bytes, shuffled anew on every pass through them.

    Args:
        of: the set.
        count: how many pictures; one takes ``channels * size * size`` bytes.
        seed: of the pictures and of the order.
        fixed: factors that keep one value, as in ``factors.draw``.

    Attributes:
        codes: int64 ``(count, factors)``.
        pixels: uint8 ``(count, channels, size, size)``.
    """

    def __init__(
        self, of: FactorSet, count: int, seed: int, fixed: Mapping[str, int] | None = None
    ) -> None:
        if count < 1:
            raise BadInput(f"count is {count}; it must be at least 1", "count")
        self.seed = seed
        self.codes = draw(of, count, generator(seed, 0), fixed)
        self.pixels = torch.empty(count, of.channels, of.size, of.size, dtype=torch.uint8)
        for start in range(0, count, _PART):
            part = of.render(self.codes[start : start + _PART])
            self.pixels[start : start + _PART] = part.mul_(255).round_().byte()
        # A pass is asked for by many batches in a row.
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def _shuffled(self, number: int) -> Tensor:
        return torch.randperm(len(self.codes), generator=generator(self.seed, number + 1))

    def batch(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """See ``Stream``; with batches of one size, each pass meets every picture once."""
        places = torch.arange(step * count, (step + 1) * count)
        passes, places = places // len(self.codes), places % len(self.codes)
        rows = torch.empty_like(places)
        for number in range(int(passes[0]), int(passes[-1]) + 1):
            here = passes == number
            rows[here] = self._order(number)[places[here]]
        return self.pixels[rows].float() / 255, self.codes[rows]


@dataclass(frozen=True)
class Labeled:
    """The training part of a set of labeled pictures, every group equally likely."""

    pictures: SmallPictures
    seed: int

    def batch(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """See ``Stream``."""
        drawn, labels = small_pictures.draw(self.pictures, count, generator(self.seed, step))
        return drawn, labels[:, None]

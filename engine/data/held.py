"""A part of a set: some factors keep one value, the others are those of the part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.data.factors import Factor, FactorSet, check, position


@dataclass(frozen=True)
class Held:
    """The pictures of a set in which some factors keep one value.

    Attributes:
        of: the whole set.
        fixed: factor to value; ``BadInput`` for an unknown factor, or, at the first rendering, a
            value that it does not have.
    """

    of: FactorSet
    fixed: Mapping[str, int]

    def __post_init__(self) -> None:
        for name in self.fixed:
            position(self.of, name)

    @property
    def name(self) -> str:
        """The id of the whole set."""
        return self.of.name

    @property
    def title(self) -> str:
        """The title of the whole set."""
        return self.of.title

    @property
    def channels(self) -> int:
        """1 for gray, 3 for RGB."""
        return self.of.channels

    @property
    def size(self) -> int:
        """Side of a picture in pixels."""
        return self.of.size

    @property
    def factors(self) -> tuple[Factor, ...]:
        """What still varies."""
        return tuple(f for f in self.of.factors if f.name not in self.fixed)

    def whole(self, codes: Tensor) -> Tensor:
        """``codes``, int64 (n, factors), as those of the whole set."""
        filled = torch.empty(len(codes), len(self.of.factors), dtype=torch.int64)
        free = iter(codes.unbind(1))
        for column, factor in enumerate(self.of.factors):
            kept = self.fixed.get(factor.name)
            filled[:, column] = next(free) if kept is None else kept
        return filled

    def render(self, codes: Tensor) -> Tensor:
        """Float32 ``(n, channels, size, size)`` of int64 ``(n, factors)``; see ``FactorSet``."""
        check(self, codes)
        return self.of.render(self.whole(codes))

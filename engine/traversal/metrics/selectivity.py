"""How much of what a path changes is one factor: its selectivity, and the curves behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.data.factors import Factor
from engine.method import BadInput


class Reader(Protocol):
    """Tells the factors of a picture: an exact rule, or a network that has learned to."""

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The factors that are read, in the order of a reading's columns."""
        ...

    def read(self, pictures: Tensor, near: Tensor | None = None) -> Tensor:
        """Readings (n, factors), floating, of pictures (n, C, H, W).

        In units of a factor's values: between them for what is ordered or circular, a whole number
        for a category. Of readings that are as good as each other, the one nearest to ``near``.
        """
        ...


@dataclass(frozen=True)
class Selectivity:
    """What a direction changes.

    Attributes:
        share: of all that changes, in the factor that changes the most: 1 for a direction of one
            factor, 1/f for one that moves all f alike, 0 for one that changes nothing.
        factor: which one that is; None if nothing changes.
        shares: (f,), of every factor.
        curves: (steps, f), how far each factor is from the start, in shares of the farthest
            that it can be; means over the seeds.
    """

    share: float
    factor: int | None
    shares: Tensor
    curves: Tensor


def read_path(reader: Reader, pictures: Tensor, start: int = 0) -> Tensor:
    """Readings (steps, n, f) of the pictures (steps, n, C, H, W) along a path.

    It is read from its ``start`` outward, every step near the one before.
    """
    _inside(start, len(pictures))
    readings: dict[int, Tensor] = {start: reader.read(pictures[start])}
    for step in range(start + 1, len(pictures)):
        readings[step] = reader.read(pictures[step], readings[step - 1])
    for step in reversed(range(start)):
        readings[step] = reader.read(pictures[step], readings[step + 1])
    return torch.stack([readings[step] for step in range(len(pictures))])


def apart(one: Tensor, other: Tensor, factors: Sequence[Factor]) -> Tensor:
    """How far two readings (..., f) are from each other, factor by factor: in [0, 1].

    Of an ordered factor, in shares of its range; of a circular one, of half its round; a category
    is the same or another. So 1 is the farthest that there is, whatever the factor.
    """
    if one.shape[-1] != len(factors):
        raise BadInput(
            f"readings have shape {tuple(one.shape)}; (..., {len(factors)}) is needed", "readings"
        )
    difference = (one - other).abs()
    columns = [_share(difference[..., i], factor) for i, factor in enumerate(factors)]
    return torch.stack(columns, -1)


def selectivity(readings: Tensor, factors: Sequence[Factor], start: int = 0) -> Selectivity:
    """Measure one direction by the readings (steps, n, f) along its paths from n seeds.

    What counts is how far each factor gets from the start, on average over the steps, and not the
    length of its way: a reading that trembles would add up to a long one. The seeds are
    averaged before the shares are taken, so that the direction has to mean the same for all.

    Args:
        start: the step that a path starts from; the middle one of a path with both sides.
    """
    _inside(start, len(readings))
    curves = apart(readings, readings[start], factors).mean(1)
    changed = curves.mean(0)
    total = float(changed.sum())
    if total == 0:
        return Selectivity(0.0, None, torch.zeros_like(changed), curves)
    shares = changed / total
    factor = int(shares.argmax())
    return Selectivity(float(shares[factor]), factor, shares, curves)


def _share(difference: Tensor, factor: Factor) -> Tensor:
    if factor.kind == "category":
        return (difference > 0.5).float()
    if factor.kind == "circular":
        around = difference % factor.values
        return torch.minimum(around, factor.values - around) / (factor.values / 2)
    return difference / max(1, factor.values - 1)


def _inside(start: int, steps: int) -> None:
    if not 0 <= start < steps:
        raise BadInput(f"start is {start}; it must be 0 to {steps - 1}", "start")

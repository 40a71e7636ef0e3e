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

    def read(self, pictures: Tensor) -> Tensor:
        """Readings (n, factors), floating, of pictures (n, C, H, W).

        In units of a factor's values: between them for what is ordered or circular, a whole number
        for a category.
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


def read_path(reader: Reader, pictures: Tensor) -> Tensor:
    """Readings (steps, n, f) of the pictures (steps, n, C, H, W) along a path."""
    steps, seeds = pictures.shape[:2]
    return torch.stack([reader.read(step) for step in pictures]).reshape(steps, seeds, -1)


def departures(readings: Tensor, factors: Sequence[Factor], start: int = 0) -> Tensor:
    """How far every reading (steps, n, f) is from the one at step ``start``: in [0, 1].

    Of an ordered factor, in shares of its range; of a circular one, of half its round; a category
    is the same or another. So 1 is the farthest that there is, whatever the factor.
    """
    if readings.ndim != 3 or readings.shape[2] != len(factors):
        raise BadInput(
            f"readings have shape {tuple(readings.shape)}; (steps, n, {len(factors)}) is needed",
            "readings",
        )
    if not 0 <= start < len(readings):
        raise BadInput(f"start is {start}; it must be 0 to {len(readings) - 1}", "start")
    apart = (readings - readings[start]).abs()
    columns = [_share(apart[..., i], factor) for i, factor in enumerate(factors)]
    return torch.stack(columns, -1)


def selectivity(readings: Tensor, factors: Sequence[Factor], start: int = 0) -> Selectivity:
    """Measure one direction by the readings (steps, n, f) along its paths from n seeds.

    What counts is how far each factor gets from the start, on average over the steps, and not the
    length of its way: a reading that trembles would add up to a long one. The seeds are
    averaged before the shares are taken, so that the direction has to mean the same for all.

    Args:
        start: the step that a path starts from; the middle one of a path with both sides.
    """
    curves = departures(readings, factors, start).mean(1)
    changed = curves.mean(0)
    total = float(changed.sum())
    if total == 0:
        return Selectivity(0.0, None, torch.zeros_like(changed), curves)
    shares = changed / total
    factor = int(shares.argmax())
    return Selectivity(float(shares[factor]), factor, shares, curves)


def _share(apart: Tensor, factor: Factor) -> Tensor:
    if factor.kind == "category":
        return (apart > 0.5).to(apart)
    if factor.kind == "circular":
        round_ = apart % factor.values
        return torch.minimum(round_, factor.values - round_) / (factor.values / 2)
    return apart / max(1, factor.values - 1)

"""Sets of pictures made from known factors: what every renderer and labeled set agrees on.

A code is one row of whole numbers, one value for each factor; a set turns codes into pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from engine.method import BadInput


@dataclass(frozen=True)
class Factor:
    """One thing that varies.

    Attributes:
        name: an identifier, such as ``wall_hue``.
        title: for a person, such as "Hue of the wall".
        values: how many values there are, 0 to ``values - 1``.
        kind: ``ordered`` from little to much, ``circular`` when the last value is the first
            one's neighbor, else ``category``.
    """

    name: str
    title: str
    values: int
    kind: Literal["category", "ordered", "circular"]


class FactorSet(Protocol):
    """A set of pictures with known factors."""

    @property
    def name(self) -> str:
        """Its id, such as ``pixel-faces``."""
        ...

    @property
    def title(self) -> str:
        """Its name for a person."""
        ...

    @property
    def factors(self) -> tuple[Factor, ...]:
        """What varies, in the order of a code's columns."""
        ...

    @property
    def channels(self) -> int:
        """1 for gray, 3 for RGB."""
        ...

    @property
    def size(self) -> int:
        """Side of a picture in pixels."""
        ...

    def render(self, codes: Tensor) -> Tensor:
        """The pictures of ``codes``, int64 ``(n, factors)``.

        Returns float32 ``(n, channels, size, size)`` in [0, 1]. Equal codes give equal bits,
        alone or among others. ``BadInput`` (field ``codes``) as from ``check``.
        """
        ...


def position(of: FactorSet, name: str) -> int:
    """The column of the factor ``name`` in a code; ``BadInput`` (field ``factor``) if unknown."""
    names = [factor.name for factor in of.factors]
    if name not in names:
        known = ", ".join(names)
        raise BadInput(f"factor {name!r} is not one of {of.name}, which has {known}", "factor")
    return names.index(name)


def check(of: FactorSet, codes: Tensor) -> None:
    """``BadInput`` (field ``codes``) unless ``codes`` are int64 ``(n, factors)`` in range."""
    columns = len(of.factors)
    if codes.dtype != torch.int64:
        raise BadInput(f"codes are {codes.dtype}; they must be torch.int64", "codes")
    if codes.ndim != 2 or codes.shape[1] != columns:
        raise BadInput(
            f"codes have shape {tuple(codes.shape)}; {of.name} needs (n, {columns})", "codes"
        )
    limits = torch.tensor([factor.values for factor in of.factors], device=codes.device)
    wrong = (codes < 0) | (codes >= limits)
    if wrong.any():
        row, column = wrong.nonzero()[0].tolist()
        factor = of.factors[column]
        raise BadInput(
            f"codes: {factor.name} is {int(codes[row, column])}; "
            f"it must be 0 to {factor.values - 1}",
            "codes",
        )


def draw(
    of: FactorSet, count: int, rng: torch.Generator, fixed: Mapping[str, int] | None = None
) -> Tensor:
    """``count`` codes, every factor uniform and independent: int64 ``(count, factors)``.

    The factors named in ``fixed`` keep the value given there; what the others draw does not
    depend on it. ``BadInput`` for an unknown factor or a value that it does not have.
    """
    columns = [torch.randint(f.values, (count,), generator=rng) for f in of.factors]
    codes = torch.stack(columns, dim=1)
    for name, value in (fixed or {}).items():
        codes[:, position(of, name)] = value
    if fixed:
        check(of, codes)
    return codes


def sweep(of: FactorSet, code: Tensor, name: str) -> Tensor:
    """``code``, int64 ``(factors,)``, with each value of one factor: ``(values, factors)``."""
    column = position(of, name)
    values = of.factors[column].values
    codes = code.repeat(values, 1)
    codes[:, column] = torch.arange(values)
    return codes

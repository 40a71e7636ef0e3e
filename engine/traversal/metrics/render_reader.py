"""Reads the factors of any picture by rendering: which code of the set looks the most like it?

Nothing is trained. The search starts from the nearest of some thousand random codes and changes one
factor at a time, to the value whose picture is nearest, until none is nearer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.data.factors import Factor, FactorSet, draw
from engine.traversal.metrics.selectivity import apart

#: What the farthest change of a factor weighs against squared pixels: where pictures are as good as
#: equal (a square turned by 90 degrees), the reading stays near the one before.
_TIE = 1e-3
#: Pictures rendered at a time, and rounds of the search at most.
_CHUNK, _ROUNDS = 4096, 8


class RenderReader:
    """A ``selectivity.Reader`` for pictures like those of a set with known factors.

    Exact, up to codes that look the same, for pictures of the set wherever the search finds them:
    nearly always for sprites, rooms and faces; for stroke digits in half of the cases, as slant,
    turn and hand can stand in for each other. A reading takes some hundred renderings a picture.

    Args:
        of: the set.
        bank: random codes to start from.
        starts: how many of the nearest ones are followed; the best end is the reading. Beside a
            reading to stay near, one is.
        seed: of the bank.
    """

    def __init__(self, of: FactorSet, *, bank: int = 4096, starts: int = 3, seed: int = 0) -> None:
        self.of, self.starts = of, min(starts, bank)
        self._codes = draw(of, bank, torch.Generator().manual_seed(seed))
        parts = [of.render(part).mul_(255).byte() for part in torch.split(self._codes, _CHUNK)]
        self._bank = torch.cat(parts).flatten(1)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The factors of the set."""
        return self.of.factors

    @torch.no_grad()
    def read(self, pictures: Tensor, near: Tensor | None = None) -> Tensor:
        """See ``Reader``; whole numbers."""
        target = pictures.float().cpu().flatten(1)
        codes = self._nearest(target)
        hint = None
        if near is not None:
            hint = near.cpu().round().long()
            codes = torch.cat([hint[:, None], codes[:, :1]], 1)
        ends = [self._search(start, target, hint) for start in codes.unbind(1)]
        costs = torch.stack([self._costs(end, target, hint) for end in ends])
        best = costs.argmin(0)
        return torch.stack(ends)[best, torch.arange(len(best))].to(pictures)

    def _nearest(self, target: Tensor) -> Tensor:
        """The codes (n, starts, f) of the bank that look the most like ``target`` (n, pixels)."""
        bank = self._bank.float() / 255
        distance = bank.square().sum(1) - 2 * target @ bank.mT
        return self._codes[distance.topk(self.starts, largest=False).indices]

    def _search(self, codes: Tensor, target: Tensor, hint: Tensor | None) -> Tensor:
        """The codes (n, f) that are reached from ``codes``, one factor at a time."""
        cost = self._costs(codes, target, hint)
        for _ in range(_ROUNDS):
            before = codes
            for i, factor in enumerate(self.factors):
                tried = codes.repeat_interleave(factor.values, 0)
                tried[:, i] = torch.arange(factor.values).repeat(len(codes))
                costs = self._costs(tried, target, hint).reshape(-1, factor.values)
                least, value = costs.min(1)
                # Rounding alone is no reason to move.
                better = least < cost - 1e-6
                codes = codes.clone()
                codes[better, i] = value[better]
                cost = torch.where(better, least, cost)
            if torch.equal(codes, before):
                break
        return codes

    def _costs(self, codes: Tensor, target: Tensor, hint: Tensor | None) -> Tensor:
        """Squared differences (n * m,) from ``target`` (n, pixels), m codes in a row for each."""
        each = len(codes) // len(target)
        costs = []
        for rows in torch.split(torch.arange(len(codes)), _CHUNK):
            tried, of = codes[rows], rows // each
            cost = (self.of.render(tried).flatten(1) - target[of]).square().sum(1)
            if hint is not None:
                cost += _TIE * apart(tried, hint[of], self.factors).sum(-1)
            costs.append(cost)
        return torch.cat(costs)

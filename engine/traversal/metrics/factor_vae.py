"""FactorVAE's score: with one factor held, does one and the same code stand still?

Source: H. Kim, A. Mnih, Disentangling by Factorising, ICML 2018, https://arxiv.org/abs/1802.05983;
batches of 64, 10,000 votes to learn from and 5,000 to be judged on, codes below a deviation of
0.05 left out, as in disentanglement_lib.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.method import BadInput
from engine.traversal.metrics.samples import arrays

#: Codes whose standard deviation is below it are dead.
DEAD = 0.05
#: Votes gathered at a time, which bounds the memory.
_CHUNK = 2048


@dataclass(frozen=True)
class FactorVAE:
    """The score and the votes behind it.

    Attributes:
        train: share of the learning votes that the majority vote tells right.
        test: the same of the votes kept for judging: the score.
        votes: (d, f), how often code i stood stillest while factor j was held; learning votes.
        live: bool (d,).
    """

    train: float
    test: float
    votes: Tensor
    live: Tensor


def factor_vae(
    factors: Tensor,
    codes: Tensor,
    rng: torch.Generator,
    *,
    batch: int = 64,
    train: int = 10_000,
    test: int = 5_000,
) -> FactorVAE:
    """Vote with batches in which one factor has one value, drawn from the samples given.

    Args:
        factors: (n, f), int64. A value must occur twice to be held; a batch larger than the number
            of its samples has some of them more than once.
        codes: (n, d).
        rng: on the CPU.
        batch: samples of one vote.
        train, test: numbers of votes.
    """
    f, z = (torch.from_numpy(x) for x in arrays(factors, codes))
    variance = z.var(0)
    live = variance.sqrt() >= DEAD
    if not live.any():
        return FactorVAE(0.0, 0.0, torch.zeros(z.shape[1], f.shape[1]), live)
    scaled = torch.where(live, z / variance.sqrt().where(live, 1.0), 0.0)
    learned = _votes(f, scaled, live, rng, batch, train)
    judged = _votes(f, scaled, live, rng, batch, test)
    answer = learned.argmax(1, keepdim=True)
    return FactorVAE(
        float(learned.gather(1, answer).sum() / learned.sum()),
        float(judged.gather(1, answer).sum() / judged.sum()),
        learned,
        live,
    )


def _votes(
    f: Tensor, scaled: Tensor, live: Tensor, rng: torch.Generator, batch: int, count: int
) -> Tensor:
    """Votes (d, f) of ``count`` batches."""
    held = torch.randint(f.shape[1], (count,), generator=rng)
    votes = torch.zeros(scaled.shape[1], f.shape[1])
    for factor in range(f.shape[1]):
        times = int((held == factor).sum())
        for start in range(0, times, _CHUNK):
            rows = _alike(f[:, factor], rng, batch, min(_CHUNK, times - start))
            still = scaled[rows].var(1).where(live, torch.inf).argmin(1)
            votes[:, factor] += torch.bincount(still, minlength=len(votes))
    return votes


def _alike(values: Tensor, rng: torch.Generator, batch: int, count: int) -> Tensor:
    """Rows (count, batch), those of one line having one value, which a random row names."""
    _, label, times = torch.unique(values, return_inverse=True, return_counts=True)
    rows = (times[label] > 1).nonzero()[:, 0]
    if not len(rows):
        raise BadInput("factors: one has no value twice; more samples are needed", "factors")
    named = label[rows[torch.randint(len(rows), (count,), generator=rng)]]
    order, start = label.argsort(stable=True), times.cumsum(0) - times
    among = torch.rand(count, batch, generator=rng, dtype=torch.float64) * times[named, None]
    alike: Tensor = order[start[named, None] + among.long()]
    return alike

"""Does a generator make everything that its set holds? Its samples, read by a small classifier.

The classifier learns each factor from fresh renderings. Its features also give a Frechet distance
between samples and renderings; it is nobody else's measure, least of all FID.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.data.factors import Factor, FactorSet, draw
from engine.data.stream import Fresh, generator
from engine.models.precision import mixed
from engine.nets.factor_reader import FactorReader

#: A value is covered if it is met at least this often, as a share of what is due.
DUE = 0.25
#: Every random number of a reader comes from seeds below this one, which no training uses.
_SEED = -1_000
_CHUNK = 512
#: Steps after which a reader is right as often as it will be: minutes on a processor.
READER_STEPS = 1_200


@dataclass(frozen=True)
class Coverage:
    """How the samples of a generator are spread over the values of the factors.

    Attributes:
        covered: share of all values of all factors that are met ``DUE`` times as often as in a
            uniform set.
        unevenness: mean over the factors of the total variation from uniform, 0 to 1.
        shares: of each value, a row of sum 1 for each factor.
    """

    covered: float
    unevenness: float
    shares: tuple[Tensor, ...]


@torch.enable_grad()
def train_reader(of: FactorSet, *, steps: int = READER_STEPS, batch: int = 128) -> FactorReader:
    """A classifier of all factors at once, trained on fresh renderings; always the same one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        reader = FactorReader(of.channels, of.size, [f.values for f in of.factors])
    reader.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    adam = torch.optim.Adam(reader.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for step in range(steps):
        x, codes = Fresh(of, _SEED).batch(step, batch)
        with mixed("cpu"):
            answers = reader(x.contiguous(memory_format=torch.channels_last))
        loss = torch.stack(
            [F.cross_entropy(a, c) for a, c in zip(answers, codes.T, strict=True)]
        ).sum()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        schedule.step()
    return reader.eval().requires_grad_(False)


def fresh(of: FactorSet, count: int) -> tuple[Tensor, Tensor]:
    """Pictures and codes that no reader has learned from."""
    codes = draw(of, count, generator(_SEED - 1, 0))
    return of.render(codes), codes


@torch.no_grad()
def accuracy(reader: FactorReader, x: Tensor, codes: Tensor) -> Tensor:
    """Share of pictures whose factors are read right, one number (f,) for each factor."""
    return (_read(reader, x) == codes).float().mean(0)


@torch.no_grad()
def coverage(reader: FactorReader, factors: tuple[Factor, ...], x: Tensor) -> Coverage:
    """How pictures ``x`` (n, C, H, W) are spread over the values of ``factors``."""
    codes = _read(reader, x)
    shares = tuple(
        torch.bincount(codes[:, k], minlength=factor.values) / len(codes)
        for k, factor in enumerate(factors)
    )
    met = torch.cat([s >= DUE / len(s) for s in shares])
    apart = [0.5 * (s - 1 / len(s)).abs().sum() for s in shares]
    return Coverage(float(met.float().mean()), float(torch.stack(apart).mean()), shares)


@torch.no_grad()
def frechet(reader: FactorReader, x: Tensor, y: Tensor) -> float:
    """Squared Frechet distance of two sets of pictures, each taken for a Gaussian of features."""
    a, b = (_features(reader, part).double() for part in (x, y))
    covariances = a.T.cov(), b.T.cov()
    # The trace of the root of a product is the sum of the roots of its eigenvalues.
    values = torch.linalg.eigvals(covariances[0] @ covariances[1]).real.clamp_min(0.0)
    spread = covariances[0].trace() + covariances[1].trace() - 2 * values.sqrt().sum()
    return float((a.mean(0) - b.mean(0)).square().sum() + spread)


def _read(reader: FactorReader, x: Tensor) -> Tensor:
    return torch.cat([reader.read(part) for part in torch.split(x, _CHUNK)])


def _features(reader: FactorReader, x: Tensor) -> Tensor:
    return torch.cat([reader.features(part) for part in torch.split(x, _CHUNK)])

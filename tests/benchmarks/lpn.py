"""Learned proximal networks: the line, the prior's opinion of digits, and restored pictures.

    python tests/benchmarks/lpn.py [--data ../shared/data] [--digits 128] [--pictures 4]

Three tables: how far the shipped line is from the exact prox; for how many held-back digits the
prior's value rises with noise and blur, and in the middle of a blend of two; and what plug-and-play
reaches on digits and on central 128 x 128 pixels of photographs, guaranteed and with the paper's
settings, beside total variation with the best weight of a grid for these very pictures.

Exit code 1 if a required margin is missed, 2 if there is nothing to measure with.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.data.pictures import read_picture
from engine.models import zoo
from engine.models.lpn_recipes import digits, line_errors
from engine.operators import GaussianBlur, Identity, LinearOperator, Mask, random_mask
from engine.restoration.data_step import DataStep
from engine.restoration.learned_prox import LearnedProx
from engine.restoration.lpn import admm_step, strength
from engine.restoration.lpn_prior import Change, spoiled, value
from engine.restoration.metrics import psnr
from engine.restoration.start import first_picture
from engine.restoration.total_variation import total_variation_steps

#: Positions of the dial beyond the untouched picture.
DIAL: dict[Change, tuple[float, ...]] = {
    "noise": (0.0, 0.1, 0.2, 0.3),
    "blur": (0.0, 1.0, 2.0, 4.0),
}
#: Share of digits whose value must be higher at the end of the dial than at its start.
RISING = 0.95
TV_GRID = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16)


@dataclass(frozen=True)
class Opinion:
    """Values (digits, positions) in nats, and the largest residual of the search."""

    values: Tensor
    residual: float

    @property
    def risen(self) -> float:
        """Share whose last value is above the first."""
        return float((self.values[:, -1] > self.values[:, 0]).float().mean())

    @property
    def monotone(self) -> float:
        """Share that rises from every position to the next."""
        return float((self.values.diff(dim=1) > 0).all(1).float().mean())


def load(name: str, channels: int) -> LearnedProx:
    card = zoo.card(name)
    network = zoo.network(name)
    return LearnedProx(network, sigma=card.metrics["sigma"], channels=channels, name=name)  # type: ignore[arg-type]


def opinion(prox: LearnedProx, x: Tensor, change: Change, steps: int = 60) -> Opinion:
    """What the prior thinks of pictures ``x`` (n, C, H, W) along the dial."""
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    found, start, worst = [], None, 0.0
    for amount in DIAL[change]:
        nats, residual, start = value(
            prox, spoiled(x, change, amount, noise), start=start, steps=steps
        )
        found.append(nats)
        worst = max(worst, float(residual.max()))
    return Opinion(torch.stack(found, 1), worst)


def blended(prox: LearnedProx, x: Tensor, steps: int = 60) -> tuple[float, float]:
    """Share of pairs (first with last, ...) whose middle is less likely than the mean of the ends,
    and the largest residual."""
    other = x.flip(0)
    parts = [value(prox, p, steps=steps) for p in (x, torch.lerp(x, other, 0.5), other)]
    (a, middle, b) = (p[0] for p in parts)
    return float((middle > 0.5 * (a + b)).float().mean()), max(float(p[1].max()) for p in parts)


@dataclass
class Case:
    truth: Tensor
    A: LinearOperator
    y: Tensor
    sigma: float


def cases(pictures: list[Tensor], damage: str, sigma: float) -> Iterator[Case]:
    for seed, truth in enumerate(pictures):
        rng = torch.Generator().manual_seed(seed)
        shape = (truth.shape[1], truth.shape[2], truth.shape[3])
        A: LinearOperator = Identity(shape)
        if damage == "blur":
            A = GaussianBlur(shape, 1.0, "periodic")
        elif damage == "missing":
            A = Mask(random_mask(shape[1:], 0.5, rng), shape[0])
        y = A(truth)
        y = y + sigma * torch.randn(y.shape, generator=rng)
        yield Case(truth, A, A(y) if damage == "missing" else y, sigma)


def with_lpn(prox: LearnedProx, margin: float, matched: bool, steps: int) -> Callable:
    def solve(c: Case) -> Tensor:
        at = strength(c.A, c.sigma, prox.sigma, margin=margin, matched=matched)
        data = DataStep(c.A, c.y)
        z = x = first_picture(c.A, c.y)
        u, last = torch.zeros_like(z), float("inf")
        for k in range(steps):
            x, u, z, certificate = admm_step(z, u, x, data, prox, at)
            if margin > 1 and k and certificate > last + 1e-5 * max(1.0, abs(last)):
                raise SystemExit(f"the certificate rose from {last} to {certificate}")
            last = certificate
        return z

    return solve


def with_tv(weight: float) -> Callable:
    def solve(c: Case) -> Tensor:
        return list(total_variation_steps(c.y, c.A, weight, 120))[-1].x

    return solve


def mean_psnr(solve: Callable, found: list[Case]) -> tuple[float, float]:
    began = time.perf_counter()
    values = [psnr(solve(c).clamp(0, 1), c.truth) for c in found]
    return sum(values) / len(values), (time.perf_counter() - began) / len(values)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--digits", type=int, default=128)
    parser.add_argument("--pictures", type=int, default=4)
    options = parser.parse_args()
    if not (options.data / "mnist").is_dir() or not zoo.available("lpn-digits"):
        print("the digits or the trained networks are not here", file=sys.stderr)
        return 2
    failed = []

    errors = line_errors(zoo.network("lpn-line"))
    matched, squared = errors["error_on_3_matched"], errors["error_on_3_squared"]
    print(f"line, largest error on [-3, 3]: matched {matched:.4f}, twin {squared:.4f}")
    if matched >= 0.05 or squared < 5 * matched:
        failed.append("line")

    prox = load("lpn-digits", 1)
    x = digits(options.data / "mnist", "test")[: options.digits].float() / 255
    print(
        f"\n{'digits':>8} {'risen':>7} {'monotone':>9} {'residual':>9}   mean nats along the dial"
    )
    for change in DIAL:
        seen = opinion(prox, x, change)
        means = " ".join(f"{v:9.1f}" for v in (seen.values - seen.values[:, :1]).mean(0).tolist())
        print(
            f"{change:>8} {seen.risen:7.1%} {seen.monotone:9.1%} {seen.residual:9.4f}   {means}",
            flush=True,
        )
        if seen.risen < RISING:
            failed.append(change)
    share, residual = blended(prox, x[: options.digits // 2 * 2])
    print(f"{'blend':>8} {share:7.1%} {'':>9} {residual:9.4f}   middle above the mean of the ends")

    few = [picture[None] for picture in x[: 4 * options.pictures]]
    sets = [("digits", few, prox)]
    if (options.data / "kodak12").is_dir():
        files = sorted((options.data / "kodak12").glob("*.png"))[: options.pictures]
        whole = [read_picture(file).tensor() for file in files]
        crops = [
            p[..., p.shape[-2] // 2 - 64 :, p.shape[-1] // 2 - 64 :][..., :128, :128] for p in whole
        ]
        sets.append(("photos", crops, load("lpn-photos", 3)))
    print(f"\n{'mean PSNR, dB':>22} {'damaged':>8} {'TV':>7} {'paper':>7} {'guarded':>8} {'s':>6}")
    for name, pictures, network in sets:
        for damage, sigma in (("noise", 0.1), ("blur", 0.02), ("missing", 0.02)):
            found = list(cases(pictures, damage, sigma))
            given = sum(psnr(first_picture(c.A, c.y).clamp(0, 1), c.truth) for c in found)
            tv = max(mean_psnr(with_tv(w), found)[0] for w in TV_GRID)
            paper, _ = mean_psnr(with_lpn(network, 0.2, False, 20), found)
            guarded, seconds = mean_psnr(with_lpn(network, 1.05, True, 80), found)
            print(
                f"{name + ', ' + damage + f' {sigma}':>22} {given / len(found):8.2f} {tv:7.2f} "
                f"{paper:7.2f} {guarded:8.2f} {seconds:6.2f}",
                flush=True,
            )
    for name in failed:
        print(f"missed: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Wiener, total variation and plug-and-play on photographs: the table and its margins.

    python tests/benchmarks/restoration_table.py [--data ../shared/data/kodak12]

Two damages: Gaussian blur (sigma 1.6 px, noise 2.55/255) and half of the pixels missing at
random (without noise unless ``--missing-noise`` adds some). All methods get the same
measurement. The classical methods get every advantage: their weight (and Wiener's spectrum
slope) is the best of a grid for the mean PSNR of these very pictures, found on their
central 256 x 256 pixels. Plug-and-play runs on its presets as they ship.

Exit code 1 if a required margin is missed, 2 if there is nothing to measure with.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from engine.data.pictures import read_picture
from engine.method import BadInput
from engine.models.zoo import load_denoiser
from engine.operators import GaussianBlur, LinearOperator, Mask, random_mask
from engine.restoration.metrics import psnr, ssim
from engine.restoration.plug_and_play import METHOD as PLUG_AND_PLAY
from engine.restoration.plug_and_play import Params, plug_and_play_steps
from engine.restoration.priors import Denoiser, PatchDenoiser, scale_mixture
from engine.restoration.problem import QUIET
from engine.restoration.total_variation import automatic_weight, total_variation_steps
from engine.restoration.wiener import photograph_prior, wiener

#: Method that must be beaten, and by how many dB of mean PSNR.
MARGINS = {
    "blur": {"total variation": 1.0, "Wiener": 1.5},
    "missing": {"total variation": 1.0},
}
CROP = 256
TV_STEPS = 150
TV_GRID = (0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 4.0)
WIENER_GRID = [(slope, trust) for slope in (2.0, 2.5, 3.0) for trust in (0.3, 1.0, 3.0)]

Solve = Callable[["Case"], Tensor]


@dataclass
class Case:
    """One damaged picture."""

    truth: Tensor
    A: LinearOperator
    y: Tensor
    sigma: float


def case(truth: Tensor, damage: str, noise: float, seed: int) -> Case:
    rng = torch.Generator().manual_seed(seed)
    shape = (3, truth.shape[-2], truth.shape[-1])
    A: LinearOperator
    if damage == "blur":
        A = GaussianBlur(shape, 1.6, "padded")
    else:
        A = Mask(random_mask(shape[1:], 0.5, rng), 3)
    clean = A(A.extend(truth))
    y = clean + noise * torch.randn(clean.shape, generator=rng)
    return Case(truth, A, A(y) if isinstance(A, Mask) else y, max(noise, QUIET))


def with_wiener(slope: float, trust: float) -> Solve:
    def solve(c: Case) -> Tensor:
        known = c.A.known if isinstance(c.A, Mask) else None
        prior = photograph_prior(c.y, c.A, c.sigma, slope, known)
        return wiener(c.y, c.A, c.sigma, prior, trust=trust, steps=100, tol=3e-5)

    return solve


def with_variation(trust: float) -> Solve:
    def solve(c: Case) -> Tensor:
        weight = trust * automatic_weight(c.A, c.sigma)
        for at in total_variation_steps(c.y, c.A, weight, TV_STEPS):
            x = at.x
        return x

    return solve


def with_denoiser(denoiser: Denoiser, preset: dict[str, object]) -> Solve:
    params = Params(**preset)

    def solve(c: Case) -> Tensor:
        for at in plug_and_play_steps(
            c.y,
            c.A,
            c.sigma,
            denoiser,
            steps=params.steps,
            weight=params.weight,
            first=params.first,
            last=params.last * c.sigma,
            turned=params.turned,
        ):
            z = at.z
        return z

    return solve


def scored(solve: Solve, cases: list[Case]) -> tuple[float, float, float]:
    """Mean PSNR, SSIM and seconds."""
    totals = [0.0, 0.0, 0.0]
    for c in cases:
        began = time.perf_counter()
        x = c.A.crop(solve(c)).clamp(0, 1)
        totals[2] += time.perf_counter() - began
        totals[0] += psnr(x, c.truth)
        totals[1] += ssim(x, c.truth)
    return totals[0] / len(cases), totals[1] / len(cases), totals[2] / len(cases)


def best(options: dict[str, Solve], cases: list[Case]) -> tuple[str, Solve]:
    name = max(options, key=lambda name: scored(options[name], cases)[0])
    return name, options[name]


def central(truth: Tensor) -> Tensor:
    height, width = truth.shape[-2:]
    top, left = max(0, (height - CROP) // 2), max(0, (width - CROP) // 2)
    return truth[..., top : top + CROP, left : left + CROP]


def table(damage: str, noise: float, pictures: list[Tensor], denoiser: Denoiser) -> bool:
    """Print one damage's rows; whether every margin is kept."""
    tuning = [case(central(p), damage, noise, seed) for seed, p in enumerate(pictures)]
    cases = [case(p, damage, noise, seed) for seed, p in enumerate(pictures)]
    tv, tv_solve = best({f"trust {t:g}": with_variation(t) for t in TV_GRID}, tuning)
    classic, wiener_solve = best(
        {f"slope {s:g}, trust {t:g}": with_wiener(s, t) for s, t in WIENER_GRID}, tuning
    )
    rows: dict[str, tuple[str, Solve]] = {
        "measurement": ("", lambda c: c.A.extend(c.y)),
        "Wiener": (classic, wiener_solve),
        "total variation": (tv, tv_solve),
    }
    for preset in PLUG_AND_PLAY.presets:
        rows[f"plug-and-play, {preset.name}"] = ("", with_denoiser(denoiser, preset.values))
    print(f"\n{damage}, noise {255 * noise:.3g}/255, {len(pictures)} pictures")
    print(f"{'method':26} {'PSNR dB':>8} {'SSIM':>7} {'seconds':>8}  knobs")
    reached = {}
    for name, (note, solve) in rows.items():
        quality, likeness, seconds = scored(solve, cases)
        reached[name] = quality
        print(f"{name:26} {quality:8.2f} {likeness:7.4f} {seconds:8.2f}  {note}", flush=True)
    ours = max(value for name, value in reached.items() if name.startswith("plug-and-play"))
    kept = True
    for name, margin in MARGINS[damage].items():
        lead = ours - reached[name]
        kept &= lead >= margin
        verdict = "kept" if lead >= margin else "MISSED"
        print(f"  over {name}: {lead:+.2f} dB, required {margin:+.1f}: {verdict}", flush=True)
    return kept


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--data", type=Path, default=root / "../shared/data/kodak12")
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--size", type=int, default=0, help="use the central SIZE pixels only")
    parser.add_argument("--damage", choices=["blur", "missing"], action="append")
    parser.add_argument("--missing-noise", type=float, default=0.0, help="of 255")
    parser.add_argument("--prior", choices=["photo-denoiser", "mixture"], default="photo-denoiser")
    args = parser.parse_args(argv)
    paths = sorted(args.data.glob("*.png"))[: args.pictures]
    if not paths:
        print(f"no pictures in {args.data}", file=sys.stderr)
        return 2
    pictures = [read_picture(path).tensor() for path in paths]
    if args.size:
        global CROP
        CROP = args.size
        pictures = [central(p).contiguous() for p in pictures]
    try:
        denoiser: Denoiser = (
            load_denoiser(args.prior)
            if args.prior == "photo-denoiser"
            else PatchDenoiser(scale_mixture())
        )
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    noise = {"blur": 2.55 / 255, "missing": args.missing_noise / 255}
    kept = [
        table(damage, noise[damage], pictures, denoiser)
        for damage in args.damage or ["blur", "missing"]
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())

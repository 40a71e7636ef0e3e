"""Equivariance error of a VAE with potentials as a regularizer beside a plain VAE.

    python tests/benchmarks/equivariance.py [--seeds 3] [--steps 2000] [--each 12] [--half 5]
        [--set digits] [--factors scale rotation hue] [--vary class jitter]

Both learn colored digits and what one more of a factor's values makes of them; only ``--factors``
and ``--vary`` vary. The error is the summed absolute difference between a picture decoded after
walking and the one that was really transformed, averaged over 1 to ``--half - 1`` transformations.
The regularized VAE walks along its potentials; the plain one shifts by its codes' mean shift, which
it is told. The plain one learns until it reconstructs as well as the regularized one, and is shown
once more after as many steps. Both start with weights that keep signals strong: with torch's own,
both linger for thousands of steps where no latent tells anything, and nothing can be compared.
Reconstruction is the cross entropy from posterior means, above the least that it can be, in nats
per picture. Means over the seeds, with spread, and processor seconds of one thread. Ends with 1 if
the error is not at least halved at equal reconstruction, with 2 if there is nothing to measure.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from _common import table
from _seeds import command, mean_and_spread, verdict
from torch import Tensor

from engine.data.factors import FactorSet, draw, position
from engine.data.held import Held
from engine.data.sprites import Sprites
from engine.data.stroke_digits import StrokeDigits
from engine.models.vae_losses import cross_entropy, entropy_floor, normal_kl
from engine.nets.potential_field import PotentialField
from engine.nets.vae import ConvVAE
from engine.traversal.paths import Walk
from engine.traversal.potential_regularizer import (
    Weights,
    equivariance_error,
    factor_steps,
    mean_shifts,
    regularized,
)
from engine.traversal.potentials import PotentialWalk

REGULARIZED, EQUAL, LONG = "potentials", "plain, equal reconstruction", "plain, equal steps"
ROWS = (REGULARIZED, EQUAL, LONG)
SETS = {"digits": StrokeDigits, "sprites": Sprites}
#: Steps of the plain VAE between two looks at its reconstruction.
LOOK = 20
#: Pictures to judge by, of each transformation.
JUDGED = 200


@dataclass(frozen=True)
class Judge:
    """Pictures (K, half, n, C, H, W) of no training, transformed 0, 1, ... times."""

    truth: Tensor

    def rebuilt(self, vae: ConvVAE) -> float:
        """Cross entropy from posterior means above its floor, nats per picture."""
        x = self.truth[:, 0].flatten(0, 1)
        with torch.no_grad():
            return float((cross_entropy(vae.logits(vae.encode(x)), x) - entropy_floor(x)).mean())

    def errors(self, vae: ConvVAE, walk: Callable[[int, Tensor], Walk]) -> list[float]:
        """The equivariance error of each transformation; ``walk(k, codes)`` goes along it."""
        found = []
        for k, truth in enumerate(self.truth):
            with torch.no_grad():
                codes = torch.stack([vae.encode(x) for x in truth])
            error = equivariance_error(walk(k, codes), codes[0], vae.decode, truth)
            found.append(float(error[1:].mean()))
        return found


def held(of: FactorSet, args: argparse.Namespace) -> Judge:
    rng = torch.Generator().manual_seed(99)
    rows = []
    for name in args.factors:
        column = position(of, name)
        factor = of.factors[column]
        codes = draw(of, JUDGED, rng)
        if factor.kind == "ordered":
            room = factor.values - (args.half - 1)
            codes[:, column] = torch.randint(room, (JUDGED,), generator=rng)
        steps = []
        for _ in range(args.half):
            steps.append(of.render(codes))
            codes[:, column] = (codes[:, column] + 1) % factor.values
        rows.append(torch.stack(steps))
    return Judge(torch.stack(rows))


def network(of: FactorSet, args: argparse.Namespace, seed: int) -> ConvVAE:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae = ConvVAE(of.channels, of.size, args.latents, width=args.width, hidden=args.hidden)
        vae.start_even(of.render(draw(of, JUDGED, torch.Generator().manual_seed(98))))
    return vae


@dataclass
class Row:
    """What was found of one VAE of one seed."""

    errors: list[float]
    rebuilt: float
    seconds: float
    steps: int


def trained(of: FactorSet, judge: Judge, args: argparse.Namespace, seed: int) -> dict[str, Row]:
    """The regularized VAE of a seed and the plain one at both its moments."""
    weights = Weights(kl=args.kl, match=args.match)
    vae = network(of, args, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1_000 + seed)
        field = PotentialField(len(args.factors), args.latents, args.field_width)
    adam = torch.optim.Adam([*vae.parameters(), *field.parameters()], lr=args.rate)
    began = time.process_time()
    for k in range(args.steps):
        rng = torch.Generator().manual_seed(seed * 100_003 + k)
        batch = factor_steps(of, args.factors, args.each, args.half, rng)
        parts = regularized(
            field, vae.posterior, vae.logits, batch, half=args.half, rng=rng, weights=weights
        )
        _step(adam, parts["loss"], k, args)
    spent = time.process_time() - began
    goal = judge.rebuilt(vae)
    errors = judge.errors(vae, lambda k, _: PotentialWalk(field, k))
    found = {REGULARIZED: Row(errors, goal, spent, args.steps)}
    return found | _plain(of, judge, args, seed, goal)


def _plain(
    of: FactorSet, judge: Judge, args: argparse.Namespace, seed: int, goal: float
) -> dict[str, Row]:
    vae = network(of, args, seed)
    adam = torch.optim.Adam(vae.parameters(), lr=args.rate)
    found: dict[str, Row] = {}
    began = time.process_time()
    for k in range(args.steps):
        rng = torch.Generator().manual_seed(seed * 100_003 + k)
        batch = factor_steps(of, args.factors, args.each, args.half, rng)
        x = torch.cat([batch.x, batch.now, batch.later], 1).flatten(0, 1)
        mean, spread = vae.posterior(x)
        z = mean + (spread / 2).exp() * torch.randn(mean.shape, generator=rng)
        kl = normal_kl(mean, spread).sum(1)
        _step(adam, (cross_entropy(vae.logits(z), x) + args.kl * kl).mean(), k, args)
        last = k + 1 == args.steps
        if not last and (EQUAL in found or (k + 1) % LOOK):
            continue
        rebuilt = judge.rebuilt(vae)
        if last or rebuilt <= goal:
            spent = time.process_time() - began
            errors = judge.errors(vae, lambda _, codes: mean_shifts(codes[0], codes))
            now = Row(errors, rebuilt, spent, k + 1)
            found.setdefault(EQUAL, now)
            if last:
                found[LONG] = now
    return found


def _step(adam: torch.optim.Optimizer, loss: Tensor, k: int, args: argparse.Namespace) -> None:
    """One update; the rate falls to nothing over the last half."""
    for group in adam.param_groups:
        group["lr"] = args.rate * min(1.0, 2 * (args.steps - k) / args.steps)
    adam.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    adam.step()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2_000, help="of a training")
    parser.add_argument("--each", type=int, default=12, help="pictures of each transformation")
    parser.add_argument("--half", type=int, default=5, help="steps of a flow, the first at rest")
    parser.add_argument("--set", choices=list(SETS), default="digits")
    parser.add_argument("--factors", nargs="+", default=["scale", "rotation", "hue"])
    parser.add_argument("--vary", nargs="*", default=["class", "jitter"], help="further factors")
    parser.add_argument("--latents", type=int, default=16)
    parser.add_argument("--width", type=int, default=32, help="channels of the VAE")
    parser.add_argument("--hidden", type=int, default=256, help="dense layers of the VAE")
    parser.add_argument("--field-width", type=int, default=32, help="of the potentials")
    parser.add_argument("--kl", type=float, default=0.5)
    parser.add_argument("--match", type=float, default=3.0, help="walked and encoded latents")
    parser.add_argument("--rate", type=float, default=2e-3)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    print(command())
    if args.seeds < 1:
        print("nothing to measure", file=sys.stderr)
        return 2
    whole = SETS[args.set](32, colored=True)
    still = {f.name: f.values // 2 for f in whole.factors if f.name not in args.factors + args.vary}
    of = Held(whole, still)
    judge = held(of, args)
    found: dict[str, list[Row]] = {name: [] for name in ROWS}
    for seed in range(args.seeds):
        for name, one in trained(of, judge, args, seed).items():
            found[name].append(one)
            errors = " ".join(f"{e:.1f}" for e in one.errors)
            print(f"  seed {seed}, {name}: {errors}; {one.rebuilt:.1f} nats", flush=True)
    print()
    table(
        ("VAE", *args.factors, "mean error", "reconstruction", "steps", "seconds"),
        [
            (
                name,
                *(mean_and_spread(list(e), 1) for e in zip(*(o.errors for o in ones), strict=True)),
                mean_and_spread([statistics.fmean(o.errors) for o in ones], 1),
                mean_and_spread([o.rebuilt for o in ones], 1),
                f"{statistics.fmean(o.steps for o in ones):.0f}",
                f"{statistics.fmean(o.seconds for o in ones):.0f}",
            )
            for name, ones in found.items()
        ],
    )
    error = {n: statistics.fmean(e for o in ones for e in o.errors) for n, ones in found.items()}
    rebuilt = {n: statistics.fmean(o.rebuilt for o in ones) for n, ones in found.items()}
    ratio = error[EQUAL] / error[REGULARIZED]
    met = verdict(f"error {ratio:.2f} times lower, at least 2", ratio >= 2)
    met &= verdict(
        f"the plain VAE reconstructs as well ({rebuilt[EQUAL]:.1f} and {rebuilt[REGULARIZED]:.1f})",
        rebuilt[EQUAL] <= 1.05 * rebuilt[REGULARIZED],
    )
    print(f"beside a plain VAE of as many steps {error[LONG] / error[REGULARIZED]:.2f} times lower")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())

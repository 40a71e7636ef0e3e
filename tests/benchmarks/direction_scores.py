"""Variation predictability of potential flows, PCA, SeFa, axes and random directions.

    python tests/benchmarks/direction_scores.py [--seeds 3] [--sets sprites rooms faces]
        [--count 6] [--steps 5] [--reach 2] [--iterations N] [--batch 48] [--rate 0.001]
        [--distinct 3] [--potential-width 64]
        [--pairs 2000] [--epochs 24] [--width 16] [--one-side]

One row for each rule on each set's shipped generator: means over the seeds of the score, its
spread, and processor seconds of one thread. A seed draws everything anew: the potentials and their
training, the random directions, the pictures whose codes PCA and the axes look at, the latents that
walks start from, and the network that guesses. Every rule has ``--count`` walks of ``--steps``
steps, every step of every walk is ``--reach / --steps`` long, and the network is the published one,
narrower, on fewer pairs. A walk and its opposite are one direction, as in the strips of the page;
with ``--one-side`` all walks go forward, and potentials are trained so. Ends with 1 if flows are
not above random or not as good as PCA on a set, with 2 if there is no generator.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from _common import table
from _seeds import command, mean_and_spread, verdict
from torch import Tensor

from engine.data.factors import draw
from engine.method import BadInput
from engine.models.traversal_plans import set_of
from engine.traversal.axes import nats
from engine.traversal.flow_training import FlowPlan, FlowTrainer
from engine.traversal.generator import Shipped, load_generator
from engine.traversal.metrics.variation import VariationPlan, differences, variation_score
from engine.traversal.paths import Straight, Walk
from engine.traversal.pca import pca
from engine.traversal.potentials import PotentialWalk
from engine.traversal.random_directions import random_directions
from engine.traversal.sefa import sefa

GENERATORS = {"sprites": "sprites-vae", "rooms": "rooms-vae", "faces": "faces-gan"}
#: Training steps of the potentials: with three seeds, a quarter of an hour of one core in all.
ITERATIONS = {"sprites-vae": 400, "rooms-vae": 400, "faces-gan": 200}
#: Pictures, or samples of a generator without an encoder, that PCA and axes look at.
LOOKED_AT = 2_048
RULES = ("potential flows", "PCA", "SeFa", "axes", "random")
FLOWS, PCA, SEFA, AXES, RANDOM = RULES


@dataclass(frozen=True)
class Codes:
    """Latents of real pictures (n, d), and what each axis tells (d,)."""

    z: Tensor
    told: Tensor


def codes_of(generator: Shipped, size: int, seed: int) -> Codes:
    """Posterior means with nats; of a GAN its own samples, with variances."""
    rng = torch.Generator().manual_seed(1_000 + seed)
    of = set_of(generator.name, size)
    with torch.no_grad():
        if of is None or not hasattr(generator.network, "posterior"):
            z = generator.sample(LOOKED_AT, rng)
            return Codes(z, z.var(0))
        mean, log_variance = generator.network.posterior(of.render(draw(of, LOOKED_AT, rng)))
        return Codes(mean, nats(mean, log_variance))


def flows(generator: Shipped, args: argparse.Namespace, seed: int) -> list[Walk]:
    """Potentials trained with steps of the length that they are walked with."""
    plan = FlowPlan(
        count=args.count,
        width=args.potential_width,
        distinct=args.distinct,
        steps=2 * args.steps,
        batch=args.batch,
        iterations=args.iterations or ITERATIONS[generator.name],
        rate=args.rate,
        both_sides=not args.one_side,
        length=args.reach / args.steps,
    )
    trainer = FlowTrainer(generator, plan, seed)
    for k in range(plan.iterations):
        trainer.step(k, plan)
    field = trainer.field.eval().requires_grad_(False)
    return [PotentialWalk(field, k, plan.length) for k in range(args.count)]


def straight(vectors: Tensor, args: argparse.Namespace) -> list[Walk]:
    """Walks along unit vectors (K, d)."""
    return [Straight(args.reach / args.steps * v) for v in vectors]


def walks_of(rule: str, generator: Shipped, args: argparse.Namespace, seed: int) -> Sequence[Walk]:
    """The walks of a rule under a seed."""
    if rule == FLOWS:
        return flows(generator, args, seed)
    if rule == SEFA:
        return straight(sefa(generator.first_linear(), args.count).vectors, args)
    if rule == RANDOM:
        rng = torch.Generator().manual_seed(2_000 + seed)
        return straight(random_directions(generator.latent_dim, args.count, rng).vectors, args)
    codes = codes_of(generator, generator.shape[-1], seed)
    if rule == PCA:
        return straight(pca(codes.z, args.count).vectors, args)
    first = codes.told.argsort(descending=True)[: args.count]
    return straight(torch.eye(generator.latent_dim)[first], args)


def seconds_of(work: Callable[[], Sequence[Walk]]) -> tuple[Sequence[Walk], float]:
    """What ``work`` returns, and the processor seconds that it took."""
    began = time.process_time()
    return work(), time.process_time() - began


def score(generator: Shipped, walks: Sequence[Walk], args: argparse.Namespace, seed: int) -> float:
    """Variation predictability of the walks."""
    changes, labels = differences(
        generator,
        walks,
        args.pairs,
        torch.Generator().manual_seed(3_000 + seed),
        steps=args.steps,
        both_sides=not args.one_side,
    )
    plan = VariationPlan(pairs=args.pairs, epochs=args.epochs, width=args.width, looks=2)
    return variation_score(changes, labels, plan, seed).score


def measured(name: str, generator: Shipped, args: argparse.Namespace) -> dict[str, list[float]]:
    """The scores of every rule, one for each seed; prints the table of a set."""
    scores: dict[str, list[float]] = {rule: [] for rule in RULES}
    finding: dict[str, list[float]] = {rule: [] for rule in RULES}
    judging: dict[str, list[float]] = {rule: [] for rule in RULES}
    for seed in range(args.seeds):
        for rule in RULES:
            walks, spent = seconds_of(lambda r=rule, s=seed: walks_of(r, generator, args, s))
            began = time.process_time()
            scores[rule].append(score(generator, walks, args, seed))
            judging[rule].append(time.process_time() - began)
            finding[rule].append(spent)
            print(f"  seed {seed}, {rule}: {scores[rule][-1]:.3f}", flush=True)
    print(f"\n{name}: {generator.name}, d = {generator.latent_dim}, chance {1 / args.count:.3f}")
    rows = [
        (
            rule,
            mean_and_spread(scores[rule]),
            " ".join(f"{one:.3f}" for one in scores[rule]),
            f"{statistics.fmean(finding[rule]):.1f}",
            f"{statistics.fmean(judging[rule]):.1f}",
        )
        for rule in RULES
    ]
    table(("rule", "VP score", "each seed", "s to find", "s to judge"), rows)
    return scores


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", choices=GENERATORS, default=list(GENERATORS))
    parser.add_argument("--count", type=int, default=6, help="walks of a rule")
    parser.add_argument("--steps", type=int, default=5, help="of a walk")
    parser.add_argument("--reach", type=float, default=2.0, help="length of a walk, latent units")
    parser.add_argument("--iterations", type=int, help="of the potentials' training")
    parser.add_argument("--batch", type=int, default=48, help="latents of an iteration")
    parser.add_argument("--rate", type=float, default=1e-3, help="of the potentials' training")
    parser.add_argument("--distinct", type=float, default=3.0, help="weight of being told apart")
    parser.add_argument("--potential-width", type=int, help="hidden units of a potential")
    parser.add_argument("--pairs", type=int, default=2_000, help="to learn from (1/10) and judge")
    parser.add_argument("--epochs", type=int, default=24, help="of the network that guesses")
    parser.add_argument("--width", type=int, default=16, help="of the network that guesses")
    parser.add_argument("--one-side", action="store_true", help="walk and train forward only")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    print(command())
    met, found = True, 0
    for name in args.sets:
        try:
            generator = load_generator(GENERATORS[name])
        except BadInput as error:
            print(f"\n{name}: left out: {error}")
            continue
        generator.network.requires_grad_(False)
        found += 1
        means = {k: statistics.fmean(v) for k, v in measured(name, generator, args).items()}
        met &= verdict(
            f"flows {means[FLOWS]:.3f} above random {means[RANDOM]:.3f} on {name}",
            means[FLOWS] > means[RANDOM],
        )
        met &= verdict(
            f"flows {means[FLOWS]:.3f} at least PCA {means[PCA]:.3f} on {name}",
            means[FLOWS] >= means[PCA],
        )
    if not found:
        print("nothing to measure: no generator is there", file=sys.stderr)
        return 2
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())

"""Every sampler against the exact posterior of a mixture and of a Gaussian: printed tables.

    python tests/benchmarks/exact_priors.py [--count 2000] [--only NAME ...] [--seed 0]

Pictures of 4 x 4 pixels: 16 dimensions. Half of the pixels are measured, at random, with
noise of 0.1. The mixture has five modes; its posterior is a mixture again, so mean,
covariance and mode weights are known. Errors are relative: of the mean, to the root of the
posterior's total variance; of the covariance, to its Frobenius norm. ``exact draws`` are
drawn from the posterior itself: what chance alone makes of these numbers.

To add a sampler, give it a line in ``ADAPTERS``; one whose module is absent is left out.
Exit code 2 if a name of ``--only`` is unknown.
"""

from __future__ import annotations

import argparse
import importlib
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from _common import table
from torch import Tensor

from engine.method import State
from engine.operators import Mask, random_mask
from engine.restoration.diffusion import uncentered
from engine.restoration.priors import Formula, MixturePrior, matrix_of
from engine.restoration.problem import Problem, RestorationSettings

SHAPE = (1, 4, 4)
DIMENSION, MODES, SIGMA = 16, 5, 0.1


class Exact(Formula):
    """A formula in the place of the trained prior."""

    size = None


@dataclass
class Case:
    """One measurement, its exact posterior, and how many samples are asked for."""

    prior: MixturePrior
    A: Mask
    y: Tensor
    posterior: MixturePrior
    count: int
    seed: int

    def final(self, module: Any, **values: Any) -> State:
        """The last state of a method with these knobs."""
        network = Exact(self.prior)
        served = {"photo-denoiser": network}
        problem = Problem(self.A, self.y, SIGMA, None, RestorationSettings(), denoisers=served)
        # A page offers at most a few samples; the solvers bear any number.
        params = module.Params(prior="photo-denoiser", **values)
        params = params.model_copy(update={"samples": self.count})
        solver = module.solve(problem, params, torch.Generator().manual_seed(self.seed))
        state = next(solver)
        while True:
            try:
                state = solver.send(())
            except StopIteration:
                return state


def diffpir(module: Any, case: Case) -> Tensor:
    """DiffPIR as published: a hundred levels from the strongest noise on."""
    paper = next(p.values for p in module.METHOD.presets if p.name == "faithful")
    return uncentered(case.final(module, **paper).tensors["level"])


def dps(module: Any, case: Case) -> Tensor:
    """DPS, every level, with its own strength."""
    return uncentered(case.final(module, steps=1000).tensors["level"])


def dps_stronger(module: Any, case: Case) -> Tensor:
    """DPS with the strength that of 0.5, 1, 2, 3 and 5 comes nearest on the mixture."""
    return uncentered(case.final(module, steps=1000, strength=2.0).tensors["level"])


def pigdm(module: Any, case: Case) -> Tensor:
    """PiGDM as statistics wants it, with the deviation of the prior's pixels."""
    deviation = 2.0 * math.sqrt(float(case.prior.covariance().diagonal().mean()))
    return uncentered(case.final(module, steps=300, deviation=deviation).tensors["level"])


def pigdm_paper(module: Any, case: Case) -> Tensor:
    """PiGDM as published: unit deviation and the paper's guidance."""
    return uncentered(case.final(module, steps=100, guidance="paper").tensors["level"])


def ddrm(module: Any, case: Case) -> Tensor:
    """DDRM, a hundred levels; its pictures are in [0, 1] units."""
    return case.final(module, steps=100).tensors["level"]


def score_sde(module: Any, case: Case) -> Tensor:
    """Score SDE by replacement, with one correction a level."""
    return uncentered(case.final(module, steps=300, corrections=1).tensors["level"])


#: Row: the method's module below ``engine.restoration``, and the adapter.
ADAPTERS: dict[str, tuple[str, Callable[[Any, Case], Tensor]]] = {
    "DiffPIR": ("diffpir", diffpir),
    "DPS": ("dps", dps),
    "DPS, strength 2": ("dps", dps_stronger),
    "PiGDM": ("pigdm", pigdm),
    "PiGDM, paper": ("pigdm", pigdm_paper),
    "DDRM": ("ddrm", ddrm),
    "Score SDE": ("score_sde", score_sde),
}


def mixture(modes: int) -> MixturePrior:
    """``modes`` Gaussians, each with its own mean and correlated pixels; one is a Gaussian."""
    rng = torch.Generator().manual_seed(11)
    means = 0.5 + 0.15 * torch.randn(modes, DIMENSION, generator=rng)
    roots = 0.025 * torch.randn(modes, DIMENSION, DIMENSION, generator=rng)
    covariances = roots @ roots.mT + 2.5e-3 * torch.eye(DIMENSION)
    weights = torch.arange(1.0, modes + 1.0)
    return MixturePrior(weights / weights.sum(), means, covariances)


def case_of(prior: MixturePrior, count: int, seed: int) -> Case:
    rng = torch.Generator().manual_seed(7)
    A = Mask(random_mask(SHAPE[1:], 0.5, rng), 1)
    # Between the modes, so that several of them remain possible.
    truth = prior.mean().reshape(1, *SHAPE)
    y = A(truth + SIGMA * torch.randn(truth.shape, generator=rng))
    known = A.known.flatten()
    exact = prior.posterior(y.flatten()[known], matrix_of(A, torch.float32)[known], SIGMA)
    return Case(prior, A, y, exact, count, seed)


def row(name: str, samples: Tensor, case: Case, seconds: float) -> tuple[str, ...]:
    flat, exact = samples.flatten(1), case.posterior
    covariance = exact.covariance()
    apart = float((flat.mean(0) - exact.mean()).norm() / covariance.trace().sqrt())
    spread = float((torch.cov(flat.T) - covariance).norm() / covariance.norm())
    volume = float(torch.cov(flat.T).trace() / covariance.trace())
    shares = exact.responsibilities(flat).mean(0)
    return (
        name,
        f"{apart:.3f}",
        f"{spread:.3f}",
        f"{volume:.2f}",
        " ".join(f"{share:.3f}" for share in shares),
        f"{seconds:.1f}",
    )


def compare(title: str, prior: MixturePrior, names: list[str], count: int, seed: int) -> None:
    case = case_of(prior, count, seed)
    print(f"\n{title}: {DIMENSION} dimensions, {count} samples, noise {SIGMA}")
    weights = " ".join(f"{weight:.3f}" for weight in case.posterior.weights)
    drawn = case.posterior.sample(count, torch.Generator().manual_seed(seed))
    rows = [("exact", "0", "0", "1.00", weights, ""), row("exact draws", drawn, case, 0.0)]
    for name in names:
        module, adapter = ADAPTERS[name]
        try:
            loaded = importlib.import_module(f"engine.restoration.{module}")
        except ModuleNotFoundError:
            continue
        began = time.perf_counter()
        samples = adapter(loaded, case)
        rows.append(row(name, samples, case, time.perf_counter() - began))
    head = ("sampler", "mean error", "covariance error", "variance", "mode weights", "seconds")
    table(head, rows)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--only", nargs="*", default=list(ADAPTERS), metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    unknown = [name for name in args.only if name not in ADAPTERS]
    if unknown:
        print(
            f"no adapter for {', '.join(unknown)}; there are {', '.join(ADAPTERS)}", file=sys.stderr
        )
        return 2
    compare("Mixture of five modes", mixture(MODES), args.only, args.count, args.seed)
    compare("Gaussian", mixture(1), args.only, args.count, args.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())

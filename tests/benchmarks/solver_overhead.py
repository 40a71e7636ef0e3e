"""What each solver costs beyond its network, on 32 x 32 pixels.

    python tests/benchmarks/solver_overhead.py [--method ddrm ...] [--prior photo-denoiser]

Three numbers per method that runs a network:

- ``overhead``: seconds of a run over the seconds of its network passes (bar 1.10). Forward
  passes are timed inside the very run; a backward pass counts what one takes on its own.
- ``batch 16``: the network's share of a run with 16 samples at once, which is the solver's
  throughput over that of the bare network (bar 0.9); for methods that draw samples.
- ``seconds``: one run for one picture (bar 10), with the preset called ``small`` where there
  is one, else the first.

Each is the best of ``--repeats`` runs after one that warms up: the least disturbed one.
Exit code 1 if a bar is missed, 2 if there is no network to measure with.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from typing import Any

import torch
from _common import table
from small_pictures import ADAPTERS, NOISE, SHAPE, Adapter, last, preset

from engine.discovery import installed
from engine.method import BadInput, Method
from engine.models.served import Denoiser
from engine.models.zoo import available
from engine.operators import GaussianBlur
from engine.restoration.problem import Problem, RestorationSettings

OVERHEAD, THROUGHPUT, SECONDS = 1.10, 0.9, 10.0


def problem() -> Problem:
    """A blurred picture of waves; what it shows makes no difference to the time."""
    rng = torch.Generator().manual_seed(0)
    A = GaussianBlur(SHAPE, 1.0)
    waves = 0.5 + 0.4 * torch.sin(torch.arange(32) / 4.0)
    y = A((waves[:, None] * waves).expand(1, *SHAPE))
    y = y + NOISE * torch.randn(y.shape, generator=rng)
    return Problem(A, y, NOISE, None, RestorationSettings())


def backward_seconds(denoiser: Denoiser, batch: int, repeats: int = 5) -> float:
    """Seconds of one backward pass through the network, the best of some."""
    best = float("inf")
    for _ in range(repeats):
        x = torch.rand(batch, *SHAPE).requires_grad_(True)
        clean = denoiser.differentiable(x, 0.3)
        began = time.perf_counter()
        torch.autograd.grad(clean.sum(), x)
        best = min(best, time.perf_counter() - began)
    return best


@dataclass
class Timing:
    """One run: in all, and inside its network."""

    seconds: float
    network: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.network if self.network else float("nan")


def timed(method: Method, params: Any, batch: int, repeats: int) -> Timing | None:
    """The least disturbed of some runs; None where no network was run."""
    at = problem()
    runs = []
    back = 0.0
    for k in range(repeats + 1):
        before = {name: (d.seconds, d.backwards) for name, d in at.denoisers.items()}
        began = time.perf_counter()
        last(method, at, params)
        seconds = time.perf_counter() - began
        network = 0.0
        for name, denoiser in at.denoisers.items():
            spent, passes = before.get(name, (0.0, 0))
            network += denoiser.seconds - spent
            if denoiser.backwards > passes:
                passes = denoiser.backwards - passes
                back = back or backward_seconds(denoiser, batch)
                network += passes * back
        if not at.denoisers:
            return None
        if k > 0:
            runs.append(Timing(seconds, network))
    return min(runs, key=lambda run: run.ratio)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--method", action="append", default=[], help="such as dps; repeatable")
    parser.add_argument(
        "--prior", default="", help="else emoji-score where it ships, or the photo denoiser"
    )
    parser.add_argument("--repeats", type=int, default=2)
    args = parser.parse_args(argv)
    prior = args.prior or ("emoji-score" if available("emoji-score") else "photo-denoiser")
    body, missed = [], []
    for name, method in sorted(installed().methods.items(), key=lambda pair: pair[1].order):
        short = name.rpartition(".")[2]
        if method.bench != "restoration" or (args.method and short not in args.method):
            continue
        try:
            params = preset(method, ADAPTERS.get(name, Adapter()).settings, prior)
            sampling = "samples" in method.params.model_fields
            single = params.model_copy(update={"samples": 1}) if sampling else params
            one = timed(method, single, 1, args.repeats)
            if one is None:
                continue
            many = None
            if sampling:
                many = timed(method, params.model_copy(update={"samples": 16}), 16, args.repeats)
        except BadInput as error:
            print(f"{short}: {error}", flush=True)
            continue
        share = f"{1 / many.ratio:.2f}" if many else "-"
        body.append((short, f"{one.ratio:.3f}", share, f"{one.seconds:.2f}"))
        print("  ".join(body[-1]), flush=True)
        if one.ratio > OVERHEAD:
            missed.append(f"{short}: overhead {one.ratio:.3f}, bar {OVERHEAD}")
        if many and 1 / many.ratio < THROUGHPUT:
            missed.append(f"{short}: batch 16 {share}, bar {THROUGHPUT}")
        if one.seconds > SECONDS:
            missed.append(f"{short}: {one.seconds:.1f} s, bar {SECONDS:g}")
    if not body:
        print("there is no network to measure with", file=sys.stderr)
        return 2
    table(("method", "overhead", "batch 16", "seconds"), body)
    for line in missed:
        print(f"MISSED {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""What each solver costs beyond its network.

    OMP_NUM_THREADS=1 python tests/benchmarks/solver_overhead.py [--method ddrm ...]
    OMP_NUM_THREADS=1 python tests/benchmarks/solver_overhead.py --side 128 --method lpn

Pictures have 32 x 32 pixels, for which there are small networks; 128 x 128 for a method whose
network is for photographs only. With ``--side`` all have that one, with a network that knows
every size, and there is no bar of seconds.

Numbers per method that runs a network, with the preset called ``small`` where there is one,
else the first:

- ``overhead``: seconds of a run over the seconds of its network passes (bar 1.10), the preset
  as it ships. Every forward and backward pass is timed inside the very run, so batch, backend
  and the state of the caches are those of the run; what the solver spends on preparing a pass,
  on the operator and on the way from its picture to the network's input and back is not part
  of the pass.
- ``one sample``: the same where the preset draws several, but drawing one. There is no bar:
  a pass of 3 ms empties the caches, and what comes after it has to fetch its code again.
- ``batch 16``: the network's share of a run with 16 samples at once, which is the solver's
  throughput over that of the bare network (bar 0.9); for methods that draw samples.
- ``seconds``: one run for one sample on the wall clock (bar 10).

With one thread, all but the last are of processor time, so that other work on the
machine disturbs them little. Each is of the shortest of ``--repeats`` runs after one that
warms up. Exit code 1 if a bar is missed, 2 if there is no network to measure with.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from _common import table
from small_pictures import ADAPTERS, NOISE, SIDE, Adapter, clock, last, preset
from torch import Tensor

from engine.discovery import installed
from engine.method import BadInput, Method
from engine.models.served import Denoiser
from engine.models.zoo import available
from engine.operators import GaussianBlur
from engine.restoration.learned_prox import LearnedProx
from engine.restoration.problem import Problem, RestorationSettings

OVERHEAD, THROUGHPUT, SECONDS = 1.10, 0.9, 10.0
#: Side of photographs where a method has no network of small pictures.
LARGE = 128


def problem(side: int = SIDE) -> Problem:
    """A blurred picture of waves; what it shows makes no difference to the time."""
    rng = torch.Generator().manual_seed(0)
    A = GaussianBlur((3, side, side), 1.0)
    waves = 0.5 + 0.4 * torch.sin(torch.arange(side) / 4.0)
    y = A((waves[:, None] * waves).expand(1, 3, -1, -1))
    y = y + NOISE * torch.randn(y.shape, generator=rng)
    return Problem(A, y, NOISE, None, RestorationSettings())


class Watch:
    """Seconds inside the passes of all networks from now on, both ways."""

    def __init__(self) -> None:
        self.seconds = self._began = 0.0
        self._differentiable = Denoiser._with_gradient
        Denoiser._with_gradient = self._between()  # type: ignore[method-assign]
        Denoiser._estimate = self._timed(Denoiser._estimate)  # type: ignore[method-assign]
        LearnedProx.evaluate = self._timed(LearnedProx.evaluate)  # type: ignore[method-assign]

    def _timed(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any) -> Any:
            began = clock()
            result = forward(*args)
            self.seconds += clock() - began
            return result

        return timed

    def _between(self) -> Callable[..., Tensor]:
        """The network between two hooks: a gradient enters at its result, leaves at ``x``."""

        def between(denoiser: Denoiser, x: Tensor, sigma: Tensor) -> Tensor:
            x = x.view_as(x)
            x.register_hook(self._leave)
            result = self._differentiable(denoiser, x, sigma)
            result.register_hook(self._enter)
            return result

        return between

    def _enter(self, _: Tensor) -> None:
        self._began = clock()

    def _leave(self, _: Tensor) -> None:
        self.seconds += clock() - self._began


@dataclass
class Timing:
    """One run: in all, and inside its network; and in all on the wall clock."""

    seconds: float
    network: float
    wall: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.network


def timed(method: Method, params: Any, watch: Watch, repeats: int, side: int) -> Timing | None:
    """The shortest of some runs; None where no network was run."""
    at, runs = problem(side), []
    for k in range(repeats + 1):
        before, wall, began = watch.seconds, time.perf_counter(), clock()
        last(method, at, params)
        seconds, wall = clock() - began, time.perf_counter() - wall
        if k > 0:
            runs.append(Timing(seconds, watch.seconds - before, wall))
    best = min(runs, key=lambda run: run.seconds)
    return best if best.network else None


def entered(method: Method, name: str, prior: str) -> tuple[Any, bool]:
    """The parameters that a method takes part with, and whether it knows the prior; one that
    does not takes its own.
    """
    settings = ADAPTERS.get(name, Adapter()).settings
    try:
        return preset(method, settings, prior), True
    except BadInput:
        return preset(method, settings, ""), False


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--method", action="append", default=[], help="such as dps; repeatable")
    parser.add_argument(
        "--prior", default="", help="else emoji-score where it ships, or the photo denoiser"
    )
    parser.add_argument("--side", type=int, default=0, help="of all pictures, in pixels")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args(argv)
    small = args.side in (0, SIDE) and available("emoji-score")
    prior = args.prior or ("emoji-score" if small else "photo-denoiser")
    body, missed, watch = [], [], Watch()
    for name, method in sorted(installed().methods.items(), key=lambda pair: pair[1].order):
        short = name.rpartition(".")[2]
        if method.bench != "restoration" or (args.method and short not in args.method):
            continue
        try:
            params, knows = entered(method, name, prior)
            side = args.side or (SIDE if knows else LARGE)
            runs = {"ships": timed(method, params, watch, args.repeats, side)}
            for count in (1, 16) if "samples" in method.params.model_fields else ():
                several = params.model_copy(update={"samples": count})
                runs[str(count)] = timed(method, several, watch, args.repeats, side)
        except BadInput as error:
            print(f"{short}: {error}", flush=True)
            continue
        timings = {key: timing for key, timing in runs.items() if timing is not None}
        if "ships" not in timings:
            continue
        ships = timings["ships"].ratio
        single, many = timings.get("1", timings["ships"]), timings.get("16")
        share = f"{1 / many.ratio:.2f}" if many else "-"
        row = (short, str(side), f"{ships:.3f}", f"{single.ratio:.3f}", share, f"{single.wall:.2f}")
        body.append(row)
        print("  ".join(row), flush=True)
        if ships > OVERHEAD:
            missed.append(f"{short}: overhead {ships:.3f}, bar {OVERHEAD}")
        if many and 1 / many.ratio < THROUGHPUT:
            missed.append(f"{short}: batch 16 {share}, bar {THROUGHPUT}")
        if side == SIDE and single.wall > SECONDS:
            missed.append(f"{short}: {single.wall:.1f} s, bar {SECONDS:g}")
    if not body:
        print("there is no network to measure with", file=sys.stderr)
        return 2
    table(("method", "side", "overhead", "one sample", "batch 16", "seconds"), body)
    for line in missed:
        print(f"MISSED {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

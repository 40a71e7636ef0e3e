"""Every method on small pictures that no training saw: PSNR, SSIM, network passes, seconds.

    python tests/benchmarks/small_pictures.py [--pictures 64] [--set emoji] [--task deblur] ...

Held-back emoji (RGB) and Fashion-MNIST (gray), 32 x 32, and three damages: a hole of 12 x 12
in the middle, a blur (sigma 1) and four times fewer pixels (block means); noise 0.02. All
methods get the same measurements and one preset: the one called ``small`` where a method has
it, else its first, with the values of ``SETTINGS`` put in. Rows without a method: the damaged
picture (holes black, small pictures enlarged by repeating pixels) and the first picture that
iterative methods begin with (holes filled in smoothly, small pictures enlarged by splines).

A method that draws samples is given a batch of pictures in their place, one sample each, so
``seconds`` are per picture out of a batch; the others get one picture at a time. With one
thread (``OMP_NUM_THREADS=1``) they are of processor time, so that other work on the machine
disturbs them little. Network passes are per picture.

Exit code 1 if a verdict is missed: RED-diff at least as good as DPS in PSNR and at fewer
seconds; no method below the damaged picture on a task that its paper claims. 2 if there is
nothing to measure with.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from _common import table
from torch import Tensor

from engine.data import fashion_mnist, noto_emoji
from engine.discovery import installed
from engine.method import BadInput, Method, State
from engine.models import zoo
from engine.operators import Downsample, GaussianBlur, LinearOperator, Mask, rectangle_mask
from engine.restoration.metrics import psnr, ssim
from engine.restoration.panels import measured_picture
from engine.restoration.problem import Problem, RestorationSettings
from engine.restoration.start import first_picture
from engine.settings import make

SIDE, NOISE = 32, 0.02
SHAPE = (3, SIDE, SIDE)
#: As many pictures at once as a method draws samples at most.
BATCH = 16
SETS: dict[str, tuple[str, Callable[[Path], Tensor]]] = {
    "emoji": ("noto_emoji", noto_emoji.held_back),
    "fashion": ("fashion_mnist", fashion_mnist.held_back),
}
HOLE = tuple(side / SIDE for side in (10, 10, 22, 22))
TASKS: dict[str, Callable[[], LinearOperator]] = {
    "box": lambda: Mask(rectangle_mask(SHAPE[1:], HOLE), 3),  # type: ignore[arg-type]
    "deblur": lambda: GaussianBlur(SHAPE, 1.0),
    "x4": lambda: Downsample(SHAPE, 4, "average"),
}
EVERYTHING = frozenset(TASKS)
#: Processor time where one thread does all the work, else that of the wall.
clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter


@dataclass(frozen=True)
class Adapter:
    """How a method takes part.

    Attributes:
        claims: tasks that its paper shows it on; there it must beat the damaged picture.
        settings: put into its preset.
        skip: tasks that it does not take, or takes hours for.
    """

    claims: frozenset[str] = frozenset()
    settings: dict[str, Any] | None = None
    skip: frozenset[str] = frozenset()


#: Methods that are not named here take part with their preset and claim nothing.
ADAPTERS: dict[str, Adapter] = {
    "restoration.wiener": Adapter(claims=frozenset({"deblur"})),
    "restoration.total_variation": Adapter(claims=frozenset({"deblur"})),
    "restoration.plug_and_play": Adapter(claims=frozenset({"deblur", "x4"})),
    "restoration.red_diff": Adapter(EVERYTHING),
    "restoration.lpn": Adapter(claims=frozenset({"deblur"})),
    "restoration.flowchef": Adapter(EVERYTHING),
    "restoration.score_sde": Adapter(frozenset({"box"}), {"steps": 50, "corrections": 1}),
    "restoration.diffpir": Adapter(EVERYTHING, {"steps": 50, "first": 25.0}),
    "restoration.dps": Adapter(EVERYTHING, {"steps": 100}),
    "restoration.pigdm": Adapter(EVERYTHING, {"steps": 100}),
    "restoration.ddrm": Adapter(EVERYTHING),
}


@dataclass
class Row:
    """Means over the pictures."""

    psnr: float
    ssim: float
    calls: float = 0.0
    backwards: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Case:
    """One damage of a set of pictures; ``y`` (n, c, h, w)."""

    A: LinearOperator
    truth: Tensor
    y: Tensor

    def problem(self, part: slice) -> Problem:
        """The problem of some of the pictures."""
        return Problem(self.A, self.y[part], NOISE, None, RestorationSettings(), backend=BACKEND)

    def scored(self, x: Tensor) -> tuple[float, float]:
        """Mean PSNR and SSIM of pictures ``x`` (n, 3, 32, 32)."""
        pairs = [(a[None].clamp(0, 1), b[None]) for a, b in zip(x, self.truth, strict=True)]
        count = len(pairs)
        return sum(psnr(*p) for p in pairs) / count, sum(ssim(*p) for p in pairs) / count


BACKEND = "auto"


def case(task: str, truth: Tensor) -> Case:
    """Damage pictures; the noise of a picture depends on its place in the set alone."""
    A = TASKS[task]()
    seeds = [torch.Generator().manual_seed(k) for k in range(len(truth))]
    y = A(truth) + NOISE * torch.stack([torch.randn(A.shape_out, generator=g) for g in seeds])
    return Case(A, truth, A(y) if isinstance(A, Mask) else y)


def preset(method: Method, changes: dict[str, Any] | None, prior: str) -> Any:
    """The parameters that a method takes part with."""
    named = {p.name: p.values for p in method.presets}
    values = {**named.get("small", method.presets[0].values), **(changes or {})}
    if prior and "prior" in method.params.model_fields:
        values["prior"] = prior
    return make(method.params, values)


def last(method: Method, problem: Problem, params: Any, seed: int = 7) -> State:
    """The state that a run ends in."""
    solver = method.solve(problem, params, torch.Generator().manual_seed(seed))
    state = next(solver)
    while True:
        try:
            state = solver.send(())
        except StopIteration:
            return state if isinstance(state, State) else state.state


def measured(method: Method, params: Any, of: Case) -> Row:
    """Restore every picture of a case."""
    batched = "samples" in type(params).model_fields
    step = BATCH if batched else 1
    found, seconds, calls, backwards = [], 0.0, 0.0, 0.0
    for begin in range(0, len(of.truth), step):
        part = slice(begin, min(begin + step, len(of.truth)))
        problem = of.problem(part)
        count = len(problem.measurement)
        now = params.model_copy(update={"samples": count}) if batched else params
        began = clock()
        state = last(method, problem, now)
        seconds += clock() - began
        several = batched and count > 1
        found.append(state.tensors["samples"] if several else of.A.crop(state.tensors["x"]))
        # A pass over a batch is one pass for each of its pictures.
        curves = state.scalars.get("curves", {})
        calls += count * curves.get("calls", sum(d.calls for d in problem.denoisers.values()))
        backwards += count * curves.get("backwards", 0.0)
    n = len(of.truth)
    return Row(*of.scored(torch.cat(found)), calls / n, backwards / n, seconds / n)


def without_method(of: Case) -> dict[str, Row]:
    """The damaged pictures, and the first pictures of iterative methods."""
    damaged = [measured_picture(of.problem(slice(k, k + 1))) for k in range(len(of.y))]
    return {
        "damaged": Row(*of.scored(torch.cat(damaged))),
        "first picture": Row(*of.scored(first_picture(of.A, of.y))),
    }


def rows(of: Case, task: str, only: list[str], prior: str) -> dict[str, Row]:
    """Measure and print every method on one case."""
    found = without_method(of)
    methods = installed().methods
    for name, method in sorted(methods.items(), key=lambda pair: pair[1].order):
        adapter = ADAPTERS.get(name, Adapter())
        if method.bench != "restoration" or not method.races or task in adapter.skip:
            continue
        if only and name.rpartition(".")[2] not in only:
            continue
        try:
            found[name] = row = measured(method, preset(method, adapter.settings, prior), of)
            # A table takes long; what was measured should outlive a run that is broken off.
            print(f"  {name}: {row.psnr:.2f} dB, {row.seconds:.2f} s", flush=True)
        except BadInput as error:
            print(f"{name}: not on this problem: {error}", flush=True)
    head = ("method", "PSNR dB", "SSIM", "calls", "backward", "seconds")
    body = [
        (
            name.removeprefix("restoration."),
            f"{row.psnr:.2f}",
            f"{row.ssim:.4f}",
            f"{row.calls:.0f}",
            f"{row.backwards:.0f}",
            f"{row.seconds:.3f}",
        )
        for name, row in found.items()
    ]
    table(head, body)
    return found


def verdicts(found: dict[str, Row], task: str) -> bool:
    """Print what must hold on one case, and whether it does."""
    kept = True
    red, dps = found.get("restoration.red_diff"), found.get("restoration.dps")
    if red and dps:
        good = red.psnr >= dps.psnr and red.seconds < dps.seconds
        kept &= good
        print(
            f"  RED-diff over DPS: {red.psnr - dps.psnr:+.2f} dB, {red.seconds:.2f} against "
            f"{dps.seconds:.2f} s: {'kept' if good else 'MISSED'}"
        )
    for name, row in found.items():
        if task in ADAPTERS.get(name, Adapter()).claims:
            lead = row.psnr - found["damaged"].psnr
            kept &= lead >= 0
            if lead < 0:
                print(f"  {name} over the damaged picture: {lead:+.2f} dB: MISSED")
    return kept


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    root = Path(__file__).resolve().parents[2] / "../shared/data"
    parser.add_argument("--data", type=Path, default=root)
    parser.add_argument("--pictures", type=int, default=64)
    parser.add_argument("--set", choices=list(SETS), action="append")
    parser.add_argument("--task", choices=list(TASKS), action="append")
    parser.add_argument("--method", action="append", default=[], help="such as dps; repeatable")
    parser.add_argument("--prior", default="", help="instead of the one that fits")
    parser.add_argument("--backend", choices=zoo.BACKENDS, default="auto")
    args = parser.parse_args(argv)
    global BACKEND
    BACKEND = args.backend
    kept = True
    for name in args.set or SETS:
        folder, held_back = SETS[name]
        try:
            truth = held_back(args.data / folder)[: args.pictures].expand(-1, 3, -1, -1)
        except BadInput as error:
            print(error, file=sys.stderr)
            return 2
        for task in args.task or TASKS:
            print(f"\n{name}, {task}, noise {NOISE}, {len(truth)} pictures", flush=True)
            kept &= verdicts(rows(case(task, truth), task, args.method, args.prior), task)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

"""RED-diff and DiffPIR with the photo score, beside plug-and-play with the same network.

    python tests/benchmarks/photo_priors.py [--crop 256] [--pictures 12] [--task blur] ...
    python tests/benchmarks/photo_priors.py --method red_diff --method dps --task overexposed ...

Three damages of photographs, all with noise 2.55/255 unless ``--noise`` says otherwise:
Gaussian blur (sigma 1.6 px), two times fewer pixels along each side, and half of the pixels
missing at random. Three more that are not linear, where asked for: overexposed twofold, light
blurred in the lens (1.6 px), and the phase lost, where a picture counts as its half turn does.
Every method gets the same measurement and takes part with its presets as they ship, if it can
undo the damage; those that say they take longer than ``--longest`` seconds are left out.
With ``--method`` others take part.

Network passes count once for every sample of a method that draws several. The methods take
turns on each picture, so that what disturbs the machine hits all of them.

Exit code 1 if the best preset of RED-diff or of DiffPIR is more than 0.3 dB of mean PSNR
below the best one of plug-and-play on a task, 2 if there is nothing to measure with.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from _common import table
from torch import Tensor

from engine.catalogue import PresetSpec
from engine.data.pictures import read_picture
from engine.discovery import installed
from engine.method import BadInput, Method, State
from engine.models import zoo
from engine.models.served import Denoiser
from engine.operators import (
    Downsample,
    GaussianBlur,
    LightBlur,
    Mask,
    Operator,
    Overexposure,
    PhaseRetrieval,
    Shape,
    random_mask,
)
from engine.restoration import diffpir, plug_and_play, red_diff
from engine.restoration.metrics import nearest, psnr, ssim
from engine.restoration.problem import QUIET, Problem, RestorationSettings
from engine.restoration.start import first_picture
from engine.settings import make

PRIOR = "photo-denoiser"
RIVAL = plug_and_play.METHOD.title
JUDGED = (red_diff.METHOD.title, diffpir.METHOD.title)
#: How many dB of mean PSNR below the rival are still as good.
MARGIN = 0.3
TASKS: dict[str, Callable[[Shape, torch.Generator], Operator]] = {
    "blur": lambda shape, _: GaussianBlur(shape, 1.6, "padded"),
    "x2": lambda shape, _: Downsample(shape, 2),
    "missing": lambda shape, rng: Mask(random_mask(shape[1:], 0.5, rng), shape[0]),
    "overexposed": lambda shape, _: Overexposure(shape, 2.0),
    "light_blur": lambda shape, _: LightBlur(shape, 1.6),
    "lost_phase": lambda shape, _: PhaseRetrieval(shape),
}
LINEAR = ("blur", "x2", "missing")


@dataclass
class Row:
    """What a preset reached on one picture, or on the mean of several."""

    psnr: float
    ssim: float
    calls: float = 0.0
    seconds: float = 0.0


def damaged(truth: Tensor, task: str, noise: float, seed: int, denoiser: Denoiser) -> Problem:
    """The problem of one picture (1, 3, H, W); ``noise`` in [0, 1] units."""
    rng = torch.Generator().manual_seed(seed)
    A = TASKS[task](tuple(truth.shape[1:]), rng)  # type: ignore[arg-type]
    clean = A(A.extend(truth))
    y = clean + noise * torch.randn(clean.shape, generator=rng)
    y = A(y) if isinstance(A, Mask) else y
    settings = RestorationSettings(damage="noise" if task in LINEAR else task)
    return Problem(A, y, max(noise, QUIET), truth, settings, denoisers={PRIOR: denoiser})


def scored(problem: Problem, x: Tensor) -> tuple[float, float]:
    assert problem.truth is not None
    A = problem.operator
    best = nearest(A.alike(A.crop(x).clamp(0, 1)), problem.truth)
    return psnr(best, problem.truth), ssim(best, problem.truth)


def restored(method: Method, preset: PresetSpec, problem: Problem, seed: int) -> Row:
    """Run a preset to its end."""
    prior = {"prior": PRIOR} if PRIOR in method.priors else {}
    params = make(method.params, {**preset.values, **prior})
    denoiser = problem.denoisers[PRIOR]
    before, began = denoiser.calls, time.perf_counter()
    solver = method.solve(problem, params, torch.Generator().manual_seed(seed))
    state = next(solver)
    while True:
        try:
            state = solver.send(())
        except StopIteration:
            break
    assert isinstance(state, State)
    seconds = time.perf_counter() - began
    calls = (denoiser.calls - before) * getattr(params, "samples", 1)
    return Row(*scored(problem, state.tensors["x"]), calls, seconds)


def mean(rows: list[Row]) -> Row:
    count = len(rows)
    return Row(
        sum(row.psnr for row in rows) / count,
        sum(row.ssim for row in rows) / count,
        sum(row.calls for row in rows) / count,
        sum(row.seconds for row in rows) / count,
    )


def fits(method: Method, problem: Problem) -> bool:
    """Whether a method can undo the damage."""
    try:
        if method.fits is not None:
            method.fits(make(method.params, {}), problem.settings)
    except BadInput:
        return False
    return True


def measured(
    task: str,
    noise: float,
    pictures: dict[str, Tensor],
    methods: list[Method],
    longest: float,
    denoiser: Denoiser,
) -> dict[tuple[str, str], Row]:
    """The mean over the pictures for every method and preset; prints each picture's PSNR."""
    found: dict[tuple[str, str], list[Row]] = {}
    for seed, (name, truth) in enumerate(pictures.items()):
        problem = damaged(truth, task, noise, seed, denoiser)
        start = first_picture(problem.operator, problem.measurement)
        now = {("first picture", ""): Row(*scored(problem, start))}
        for method in methods:
            for preset in method.presets if fits(method, problem) else ():
                if (preset.seconds or 0.0) <= longest:
                    now[method.title, preset.name] = restored(method, preset, problem, seed)
        for key, row in now.items():
            found.setdefault(key, []).append(row)
        print(f"  {name}: " + " ".join(f"{row.psnr:.2f}" for row in now.values()), flush=True)
    return {key: mean(rows) for key, rows in found.items()}


def judged(found: dict[tuple[str, str], Row]) -> bool:
    """Print the table and the verdicts; whether all are kept."""
    body = [
        (*key, f"{row.psnr:.2f}", f"{row.ssim:.4f}", f"{row.calls:.0f}", f"{row.seconds:.2f}")
        for key, row in found.items()
    ]
    table(("method", "preset", "PSNR dB", "SSIM", "passes", "seconds"), body)
    best: dict[str, float] = {}
    for (title, _), row in found.items():
        best[title] = max(row.psnr, best.get(title, row.psnr))
    kept = True
    for title in JUDGED:
        if title in best and RIVAL in best:
            lead = best[title] - best[RIVAL]
            kept &= lead >= -MARGIN
            verdict = "kept" if lead >= -MARGIN else "MISSED"
            print(f"  {title} over {RIVAL}: {lead:+.2f} dB, required {-MARGIN}: {verdict}")
    return kept


def central(picture: Tensor, side: int) -> Tensor:
    """The middle of a picture; ``side`` 0 takes all of it."""
    height, width = picture.shape[-2:]
    rows, columns = min(side or height, height) // 2 * 2, min(side or width, width) // 2 * 2
    top, left = (height - rows) // 2, (width - columns) // 2
    return picture[..., top : top + rows, left : left + columns].contiguous()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--data", type=Path, default=root / "../shared/data/kodak12")
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--crop", type=int, default=0, help="use the central CROP pixels only")
    parser.add_argument("--task", choices=list(TASKS), action="append")
    parser.add_argument("--method", action="append", help="such as dps; repeatable")
    parser.add_argument("--noise", type=float, default=2.55, help="of 255")
    parser.add_argument("--longest", type=float, default=120.0, help="preset, in seconds")
    args = parser.parse_args(argv)
    found = sorted(p for kind in ("*.png", "*.jpg") for p in args.data.glob(kind))
    paths = found[: args.pictures]
    if not paths:
        print(f"no pictures in {args.data}", file=sys.stderr)
        return 2
    try:
        denoiser = zoo.load_denoiser(PRIOR)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    pictures = {path.stem: central(read_picture(path).tensor(), args.crop) for path in paths}
    short = {name.rpartition(".")[2]: method for name, method in installed().methods.items()}
    asked = args.method or ("plug_and_play", "red_diff", "diffpir")
    if unknown := [name for name in asked if name not in short]:
        print(f"no method is called {', '.join(unknown)}", file=sys.stderr)
        return 2
    methods = [short[name] for name in asked]
    kept = True
    for task in args.task or LINEAR:
        print(f"\n{task}, noise {args.noise:g}/255, {len(pictures)} pictures", flush=True)
        found_now = measured(task, args.noise / 255, pictures, methods, args.longest, denoiser)
        kept &= judged(found_now)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

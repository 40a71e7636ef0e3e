"""Watch a prox being learned: on the line, where the answer is known.

Source: Z. Fang, S. Buchanan, J. Sulam, What's in a Prior? Learned Proximal Networks for Inverse
Problems, ICLR 2024, https://arxiv.org/abs/2310.14344 (their example in one dimension); wavelet
shrinkage after D. Donoho, I. Johnstone, Ideal spatial adaptation by wavelet shrinkage, 1994.

For numbers of a Laplace law with unit scale and unit noise, the MAP denoiser is soft-thresholding,
``sign(y) max(|y| - 1, 0)``, and its prior is ``|x|``. A network trained by proximal matching
arrives there as gamma falls; its twin, trained by squared error on the same numbers, arrives at the
posterior mean and not at a prox of ``|x|``. The picture shows what the learned curve is good for:
the wavelet details of the measurement are shrunk by it, as it is so far.
"""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.catalogue import PanelSpec, PresetSpec, SeriesSpec
from engine.method import Method, Settings, Solver, State, knob
from engine.models import zoo
from engine.models.lpn_recipes import LINE_REACH, line_batch, line_task, soft_threshold
from engine.models.proximal import Stage, Trainer, stage_at, total_steps
from engine.nets.lpn import ConvexLine, LinePair
from engine.restoration.learned_prox import LearnedProx
from engine.restoration.problem import Problem
from engine.restoration.start import first_picture
from engine.restoration.stepping import Numbers, Tensors, stepped

#: Training steps per yield, and yields between two pictures.
CHUNK, REDRAWN = 3, 10
#: Points of the curves, and half the stretch over which errors are measured.
POINTS, JUDGED = 361, 3.0
#: How often the picture is halved before its details are shrunk.
LEVELS = 3


class Params(Settings):
    """Knobs of the page on the line."""

    start: Literal["scratch", "trained"] = knob(
        "scratch",
        title="Start from",
        help="Watch it learn from nothing, or see the network that ships, which trains on with "
        "its last gamma.",
        titles={"scratch": "Nothing learned yet", "trained": "The trained network"},
    )
    steps: int = knob(
        1800,
        title="Training steps",
        help="In how many steps gamma goes down its stairs; the network that ships took 6000.",
        ge=10,
        le=50_000,
    )
    threshold: float = knob(
        1.5,
        title="Threshold",
        help="Details of the picture below so many times its noise are taken away.",
        unit="× noise",
        ge=0.1,
        le=10.0,
        scale="log",
        live=True,
    )


def curve(network: ConvexLine, y: Tensor) -> tuple[Tensor, Tensor]:
    """``f`` and the prior ``R(f(y))`` at the points ``y`` (n,)."""
    f, psi = network.evaluate(y[:, None])
    f = f[:, 0]
    return f, y * f - 0.5 * f.square() - psi


def prior_at(x: Tensor, f: Tensor, R: Tensor) -> Tensor:
    """``R`` at the positions ``x``, read between the points ``(f, R)``, f growing; 0 at 0.

    Beyond the outermost ``f`` nothing is known: infinite.
    """
    f, order = f.sort()
    R = R[order]
    both = torch.cat([x, x.new_zeros(1)])
    right = torch.searchsorted(f, both).clamp(1, len(f) - 1)
    low, high = f[right - 1], f[right]
    share = ((both - low) / (high - low).clamp_min(1e-9)).clamp(0.0, 1.0)
    read = torch.lerp(R[right - 1], R[right], share)
    known = (x >= f[0]) & (x <= f[-1])
    return torch.where(known, read[:-1] - read[-1], math.inf)


def shrunk(picture: Tensor, f: Tensor, threshold: float) -> Tensor:
    """``picture`` (B, C, H, W) with the details of its Haar wavelets shrunk by a prox.

    Args:
        f: the prox at ``POINTS`` even points of ``[-LINE_REACH, LINE_REACH]``; beyond them it
            goes on with slope one.
        threshold: the number that the prox sees as one.
    """

    def prox(c: Tensor) -> Tensor:
        v = c / threshold
        inside = v.clamp(-LINE_REACH, LINE_REACH)
        at = (inside + LINE_REACH) * ((len(f) - 1) / (2 * LINE_REACH))
        left = at.floor().clamp_max(len(f) - 2)
        index = left.long()
        return threshold * (torch.lerp(f[index], f[index + 1], at - left) + v - inside)

    height, width = picture.shape[-2:]
    block = 2**LEVELS
    x = F.pad(picture, (0, -width % block, 0, -height % block), mode="replicate")
    details = []
    for _ in range(LEVELS):
        x, parts = _parted(x)
        details.append(prox(parts))
    for parts in reversed(details):
        x = _joined(x, parts)
    return x[..., :height, :width]


def _parted(x: Tensor) -> tuple[Tensor, Tensor]:
    """Half-size averages and the three orthonormal details (3, ...) of a picture."""
    a, b, c, d = x[..., ::2, ::2], x[..., ::2, 1::2], x[..., 1::2, ::2], x[..., 1::2, 1::2]
    details = torch.stack([a + b - c - d, a - b + c - d, a - b - c + d])
    return 0.5 * (a + b + c + d), 0.5 * details


def _joined(average: Tensor, details: Tensor) -> Tensor:
    """The inverse of ``_parted``."""
    p, q, r = details
    x = average.new_empty(*average.shape[:-2], 2 * average.shape[-2], 2 * average.shape[-1])
    x[..., ::2, ::2] = average + p + q + r
    x[..., ::2, 1::2] = average + p - q - r
    x[..., 1::2, ::2] = average - p + q - r
    x[..., 1::2, 1::2] = average - p - q + r
    return 0.5 * x


def trainers(start: str, seed: int) -> dict[str, Trainer]:
    """The two trainers, fresh or from the shipped weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pair = line_task(10).network()
    assert isinstance(pair, LinePair)
    if start == "trained":
        pair.load_state_dict(zoo.network("lpn-line").state_dict())
    return {"matched.": Trainer(pair.matched), "squared.": Trainer(pair.squared)}


def plans(params: Params) -> dict[str, list[Stage]]:
    """The stages of both trainers; what is trained already stays at the end of them."""
    stages = {f"{name}.": list(parts) for name, parts in line_task(params.steps).parts.items()}
    if params.start == "trained":
        slow = {name: parts[-1] for name, parts in stages.items()}
        return {
            name: [Stage(end.loss, params.steps, 1e-5, end.gamma)] for name, end in slow.items()
        }
    return stages


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield after every few training steps, with both networks beside the exact answer."""
    measured = first_picture(problem.operator, problem.measurement)
    stages = plans(params)
    total = math.ceil(total_steps(stages["matched."]) / CHUNK)
    y = torch.linspace(-LINE_REACH, LINE_REACH, POINTS)
    x = torch.linspace(-JUDGED, JUDGED, POINTS)
    exact = soft_threshold(y)
    near = y.abs() <= JUDGED
    if state is None:
        seed = int(torch.randint(2**31, (1,), generator=rng))
    else:
        seed = int(state.tensors["seed"])
    both = trainers(params.start, seed)
    if params.start == "trained":
        # So that the record names the weights.
        shipped = LearnedProx(
            both["matched."].network,
            sigma=1.0,
            name="lpn-line",
            checksum=zoo.card("lpn-line").sha256,
        )
        problem.denoisers["lpn-line"] = shipped  # type: ignore[assignment]
    if state is not None:
        for prefix, trainer in both.items():
            trainer.load(state.tensors, prefix)

    def looked_at() -> tuple[Tensors, Numbers]:
        matched, prior = curve(_mean(both["matched."]), y)
        squared, other = curve(_mean(both["squared."]), y)
        tensors = {
            "prox": torch.stack([y, matched, squared, exact]),
            "learned": torch.stack(
                [x, prior_at(x, matched, prior), prior_at(x, squared, other), x.abs()]
            ),
        }
        errors = {
            "error": float((matched - exact)[near].abs().max()),
            "error_squared": float((squared - exact)[near].abs().max()),
        }
        return tensors, errors

    def kept() -> Tensors:
        held: Tensors = {"seed": torch.tensor(seed)}
        for prefix, trainer in both.items():
            held |= trainer.tensors(prefix)
        return held

    def picture(f: Tensor, params: Params) -> Tensor:
        return shrunk(measured, f.to(measured), params.threshold * problem.sigma)

    def first() -> Tensors:
        tensors, _ = looked_at()
        return kept() | tensors | {"x": picture(tensors["prox"][1], params)}

    def step(k: int, at: Tensors, params: Params) -> tuple[Tensors, Numbers]:
        last = 0
        for j in range(k * CHUNK, min((k + 1) * CHUNK, total_steps(stages["matched."]))):
            batch, last = line_batch(j, seed), j
            for prefix, trainer in both.items():
                trainer.step(j, batch, stages[prefix])
        tensors, numbers = looked_at()
        due = (k + 1) % REDRAWN == 0 or k + 1 == total
        tensors["x"] = picture(tensors["prox"][1], params) if due else at["x"]
        stage, _ = stage_at(stages["matched."], last)
        numbers["gamma"] = stage.gamma
        return kept() | tensors, numbers

    yield from stepped(params, state, total=total, first=first, step=step)


def _mean(trainer: Trainer) -> ConvexLine:
    """A copy with the running mean of the weights, as it would be kept."""
    network = deepcopy(trainer.network)
    assert isinstance(network, ConvexLine)
    network.load_state_dict(trainer.mean)
    return network


METHOD = Method(
    title="A prior learned on the line",
    bench="restoration",
    summary="Watch a network become soft-thresholding, and its twin fail to.",
    source="Fang, Buchanan, Sulam 2024",
    url="https://arxiv.org/abs/2310.14344",
    params=Params,
    races=False,
    solve=solve,
    presets=(
        PresetSpec(
            "watch",
            "Watch it learn",
            {"steps": 1800},
            "From nothing, in a minute.",
            55.0,
            scales=False,
        ),
        PresetSpec(
            "full",
            "All the way",
            {"steps": 6000},
            "The whole training of the network that ships; takes minutes.",
            240.0,
            scales=False,
        ),
        PresetSpec(
            "trained",
            "The trained network",
            {"start": "trained", "steps": 60},
            "What ships, at once.",
            5.0,
            scales=False,
        ),
    ),
    panels=(
        PanelSpec(
            name="prox",
            title="Denoiser",
            kind="plot",
            x_title="noisy number",
            series=(
                SeriesSpec("matched", "Matched"),
                SeriesSpec("squared", "Twin (L2)"),
                SeriesSpec("exact", "Exact"),
            ),
            help="What each network makes of a noisy number. Proximal matching bends into the "
            "exact curve; squared error arrives at the average instead.",
        ),
        PanelSpec(
            name="learned",
            title="Prior",
            kind="plot",
            x_title="number",
            series=(
                SeriesSpec("prior", "Matched"),
                SeriesSpec("prior_squared", "Twin (L2)"),
                SeriesSpec("absolute", "Exact"),
            ),
            help="The prior that is hidden in each network; the exact one is the absolute value.",
        ),
        PanelSpec(
            name="errors",
            title="Largest error",
            kind="curve",
            series=(SeriesSpec("error", "Matched"), SeriesSpec("error_squared", "Twin (L2)")),
            log_y=True,
            help="Farthest from the exact curve between -3 and 3.",
        ),
        PanelSpec(
            name="gamma",
            title="Gamma",
            kind="curve",
            series=(SeriesSpec("gamma", "Gamma"),),
            log_y=True,
            help="How near an answer must be to count as right: it goes down in stairs.",
        ),
    ),
    # Shrinking takes noise away, and nothing else; how much there is it has to know.
    fixed={"damage": "noise", "already_damaged": False},
    lead="prox",
    priors=("lpn-line",),
    order=52,
)

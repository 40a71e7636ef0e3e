"""Diffusion posterior sampling (DPS): a walk from noise, steered by the mismatch's gradient.

Source: H. Chung, J. Kim, M. T. McCann, M. L. Klasky, J. C. Ye, Diffusion Posterior Sampling
for General Noisy Inverse Problems, ICLR 2023, https://arxiv.org/abs/2209.14687.

After each ancestral step ``x_{t-1} -= zeta grad_{x_t} ||y - A(x_0(x_t))||``: the gradient of
the norm, not of its square, at the picture before the step, through the network.

Units. The norm is that of the centered residual, twice the one in [0, 1]. ``strength`` is
the paper's zeta for its pictures of 256 x 256 and its steps of one time each. A longer step
counts for the times that it spans, and the norm of a larger picture grows with the root of
its numbers, so that ``zeta = strength * times * sqrt(numbers / (3 * 256 * 256))``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, PresetSpec, SeriesSpec
from engine.method import Method, Settings, Solver, State, knob
from engine.operators import Operator
from engine.restoration.diffusion import (
    centered,
    clean,
    draw,
    grid,
    noise_of,
    noised,
    time_of,
    uncentered,
)
from engine.restoration.posterior import COST, PANELS, repeated, samples_knob, summarized
from engine.restoration.prior import Network, PriorName, load_prior, network_knob, prior_knob
from engine.restoration.priors import Prior
from engine.restoration.problem import Problem
from engine.restoration.reverse import reverse_step
from engine.restoration.start import first_picture
from engine.restoration.stepping import Numbers, Tensors, stepped

#: Numbers in a picture of the paper.
PAPER_NUMBERS = 3 * 256 * 256


class Params(Settings):
    """Knobs of DPS."""

    prior: PriorName = prior_knob()
    network: Network = network_knob()
    steps: int = knob(
        12,
        title="Steps",
        help="How many noise levels are walked down. Each one costs a pass through the network "
        "and one back; the paper takes a thousand.",
        ge=2,
        le=1000,
    )
    samples: int = samples_knob()
    strength: float = knob(
        1.0,
        title="Pull to the measurement",
        help="How far each step moves towards what was measured: too little ignores it, too "
        "much breaks the picture. The paper calls it zeta.",
        ge=0.01,
        le=100.0,
        scale="log",
        live=True,
    )
    clip: bool = knob(
        True,
        title="Keep between black and white",
        help="Cuts the clean picture at black and white before each step, as the paper does.",
        group="Details",
        folded=True,
    )


def dps_step(
    x: Tensor,
    y: Tensor,
    A: Operator,
    prior: Prior,
    abar: float,
    following: float,
    noise: Tensor,
    *,
    zeta: float,
    clip: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """One level: ``(x at the following level, x_0, ||A(x_0) - y||)``.

    ``x`` and ``x_0`` (B, C, H, W) are centered; ``y`` and the norms (B,) in [0, 1] units.
    Only the walk sees the clipped picture: a clipped number would have no gradient.

    Args:
        abar, following: of this level and the next; 1 ends the walk.
        noise: unit noise of the ancestral step.
        zeta: factor of the gradient of the centered norm.
    """
    with torch.enable_grad():
        at = x.detach().requires_grad_()
        x0 = clean(prior, at, abar, differentiable=True)
        distance = torch.linalg.vector_norm((A(uncentered(x0)) - y).flatten(1), dim=1)
        (slope,) = torch.autograd.grad(2.0 * distance.sum(), at)
    x0 = x0.detach()
    walked = x0.clamp(-1.0, 1.0) if clip else x0
    moved = reverse_step(x, walked, abar, following, noise)
    return moved.sub_(slope, alpha=zeta), x0, distance.detach()


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield the estimate after each level; ``level`` holds the noisy pictures."""
    A, y = problem.operator, problem.measurement
    prior = load_prior(problem, params.prior, params.network)
    levels = grid(params.steps, prior.sigma_max)
    total = len(levels) - 1
    times = (time_of(2.0 * prior.sigma_max) + 1) / total
    unit = times * math.sqrt(math.prod(A.shape_picture) / PAPER_NUMBERS)

    def first() -> Tensors:
        x0 = repeated(centered(first_picture(A, y)), params.samples)
        return {"level": noised(x0, levels[0], draw(x0, rng)), **summarized(x0, A)}

    def step(k: int, at: Tensors, params: Params) -> tuple[Tensors, Numbers]:
        x, x0, distance = dps_step(
            at["level"],
            y,
            A,
            prior,
            levels[k],
            levels[k + 1],
            draw(at["level"], rng),
            zeta=params.strength * unit,
            clip=params.clip,
        )
        if k + 1 == total:
            x0 = x
        return {"level": x, **summarized(x0, A)}, {
            "sigma": 0.5 * noise_of(levels[k]),
            "distance": float(distance.mean()),
        }

    yield from stepped(params, state, total=total, first=first, step=step, prior=prior)


METHOD = Method(
    title="DPS",
    bench="restoration",
    summary="Walks from noise to a picture, pulled to the measurement by a gradient.",
    source="Chung, Kim, McCann, Klasky, Ye 2023",
    url="https://arxiv.org/abs/2209.14687",
    params=Params,
    solve=solve,
    presets=(
        PresetSpec("fast", "Fast", {"steps": 12}, "Twelve levels: a glimpse.", 10.0),
        PresetSpec(
            "faithful",
            "Faithful",
            {"steps": 1000},
            "Every level that the prior knows, as in the paper.",
            350.0,
            least=14.0,
        ),
    ),
    panels=(
        *PANELS,
        PanelSpec(
            name="distance",
            title="Distance",
            kind="curve",
            series=(SeriesSpec("distance", "Norm of the residual"),),
            log_y=True,
            help="Distance to the measurement: the norm whose gradient steers the walk, at "
            "the clean picture of each step.",
        ),
        COST,
    ),
    priors=("photo-denoiser", "emoji-score", "fashion-score"),
    order=80,
)

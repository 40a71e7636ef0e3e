"""Pseudo-inverse guided diffusion (PiGDM): a walk from noise, steered by a likelihood.

Source: J. Song, A. Vahdat, M. Mardani, J. Kautz, Pseudoinverse-Guided Diffusion Models for
Inverse Problems, ICLR 2023, https://openreview.net/forum?id=9_gsMA8MRKQ.

At each level the clean picture is taken to be ``N(x_0(x_t), r_t^2)``. Then

    g = (d x_0 / d x_t)^T A^T (A A^T + sigma^2 / r_t^2)^-1 (y - A x_0)

is ``r_t^2`` times the gradient of ``log p(y | x_t)``: one vector-Jacobian product through
the network. For independent pixels of deviation ``d`` in centered units
``r_t^2 = d^2 sigma_t^2 / (d^2 + sigma_t^2)`` with ``sigma_t^2 = (1 - abar_t) / abar_t``,
which is the paper's ``1 - abar_t`` for its ``d = 1``. All of g is centered here: residual
and ``sigma`` are twice those in [0, 1].
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from engine.catalogue import PresetSpec
from engine.method import Method, Settings, Solver, State, knob
from engine.restoration.data_step import DataStep
from engine.restoration.diffusion import (
    centered,
    clean,
    draw,
    grid,
    noise_of,
    noised,
    uncentered,
)
from engine.restoration.posterior import COST, PANELS, repeated, samples_knob, summarized
from engine.restoration.prior import Network, PriorName, load_prior, network_knob, prior_knob
from engine.restoration.priors import Prior
from engine.restoration.problem import Problem, linear_only
from engine.restoration.reverse import reverse_step
from engine.restoration.start import first_picture
from engine.restoration.stepping import Numbers, Tensors, stepped

Guidance = Literal["posterior", "paper"]


class Params(Settings):
    """Knobs of PiGDM."""

    prior: PriorName = prior_knob()
    network: Network = network_knob()
    steps: int = knob(
        12,
        title="Steps",
        help="How many noise levels are walked down. Each one costs a pass through the network "
        "and one back; the paper takes 20 to 100.",
        ge=2,
        le=1000,
    )
    samples: int = samples_knob()
    deviation: float = knob(
        1.0,
        title="Contrast of pictures",
        help="Standard deviation of a pixel that the method reckons with, where black to white "
        "is 2: 1 in the paper, about 0.5 for photographs. Lower trusts the network more.",
        ge=0.01,
        le=2.0,
        live=True,
    )
    eta: float = knob(
        1.0,
        title="Fresh noise",
        help="How much of the noise is drawn anew at each step: 0 follows one path, 1 explores.",
        ge=0.0,
        le=1.0,
        step=0.05,
        live=True,
    )
    guidance: Guidance = knob(
        "posterior",
        title="Pull to the measurement",
        help="As statistics wants it, or the rule of thumb of the paper.",
        titles={"posterior": "As statistics wants it", "paper": "The paper's"},
        group="Details",
        folded=True,
    )


def spread_at(abar: float, deviation: float) -> float:
    """``r_t``: deviation of a clean pixel given its noisy one, centered units."""
    variance, noise = deviation**2, noise_of(abar) ** 2
    return math.sqrt(variance * noise / (variance + noise))


def pigdm_step(
    x: Tensor,
    data: DataStep,
    sigma: float,
    prior: Prior,
    abar: float,
    following: float,
    noise: Tensor,
    *,
    deviation: float = 1.0,
    eta: float = 1.0,
    guidance: Guidance = "posterior",
) -> tuple[Tensor, Tensor]:
    """One level: ``(x at the following level, guided x_0)``, centered like ``x`` (B, C, H, W).

    ``posterior`` moves the score by the gradient of ``log p(y | x_t)`` and steps from there;
    ``paper`` adds ``sqrt(abar_t) g`` to the step that the prior alone would take.

    Args:
        data: of the measurement in [0, 1] units, with noise of deviation ``sigma``.
        abar, following: of this level and the next; 1 ends the walk.
        noise: unit noise of the step.
        deviation: of a pixel, centered units.
        eta: how much of the noise is drawn anew.
    """
    spread = spread_at(abar, deviation)
    with torch.enable_grad():
        at = x.detach().requires_grad_()
        x0 = clean(prior, at, abar, differentiable=True)
        explained = x0.detach()
        with torch.no_grad():
            # A^T (A A^T + rho)^-1 (y - A z) is how far the data step moves z.
            z = uncentered(explained)
            pull = 2.0 * (data(z, (2.0 * sigma / spread) ** 2) - z)
        (g,) = torch.autograd.grad(x0, at, pull)
    guided = torch.add(explained, g, alpha=(1.0 - abar) / (math.sqrt(abar) * spread**2))
    if guidance == "posterior":
        moved = reverse_step(x, guided, abar, following, noise, eta)
    else:
        moved = reverse_step(x, explained, abar, following, noise, eta)
        moved = moved.add_(g, alpha=math.sqrt(abar))
    return moved, guided


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield the estimate after each level; ``level`` holds the noisy pictures."""
    A, y = problem.linear, problem.measurement
    prior = load_prior(problem, params.prior, params.network)
    levels = grid(params.steps, prior.sigma_max)
    total = len(levels) - 1
    data = DataStep(A, repeated(y, params.samples))

    def first() -> Tensors:
        x0 = repeated(centered(first_picture(A, y)), params.samples)
        return {"level": noised(x0, levels[0], draw(x0, rng)), **summarized(x0, A)}

    def step(k: int, at: Tensors, params: Params) -> tuple[Tensors, Numbers]:
        x, x0 = pigdm_step(
            at["level"],
            data,
            problem.sigma,
            prior,
            levels[k],
            levels[k + 1],
            draw(at["level"], rng),
            deviation=params.deviation,
            eta=params.eta,
            guidance=params.guidance,
        )
        if k + 1 == total:
            x0 = x
        return {"level": x, **summarized(x0, A)}, {"sigma": 0.5 * noise_of(levels[k])}

    yield from stepped(params, state, total=total, first=first, step=step, prior=prior)


METHOD = Method(
    title="PiGDM",
    bench="restoration",
    summary="Walks from noise to a picture, pulled to the measurement as statistics wants it.",
    source="Song, Vahdat, Mardani, Kautz 2023",
    url="https://openreview.net/forum?id=9_gsMA8MRKQ",
    params=Params,
    solve=solve,
    fits=linear_only,
    presets=(
        PresetSpec("fast", "Fast", {"steps": 12}, "Twelve levels.", 10.0),
        PresetSpec(
            "faithful",
            "Faithful",
            {"steps": 100, "guidance": "paper"},
            "A hundred levels and the paper's guidance.",
            85.0,
            least=2.0,
        ),
    ),
    panels=(*PANELS, COST),
    priors=("photo-denoiser", "emoji-score", "fashion-score"),
    order=85,
)

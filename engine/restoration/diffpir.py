"""DiffPIR: plug-and-play splitting inside a diffusion, quick and without gradients.

Source: Y. Zhu, K. Zhang, J. Liang, J. Cao, B. Wen, R. Timofte, L. Van Gool, Denoising
Diffusion Models for Plug-and-Play Image Restoration, CVPR Workshops 2023,
https://arxiv.org/abs/2305.08995.

At each noise level the prior's clean picture is brought to the measurement by
``argmin_x ||A x - y||^2 + rho_t ||x - x_0||^2`` with ``rho_t = weight sigma^2 / sigma_t^2``,
and then noised to the next level, partly with its own noise and partly with fresh one. All
of ``rho_t`` is in [0, 1] units here, so the paper's lambda is four times ``weight``.

Beyond the paper, off in its preset: ``mirrored`` samples come in pairs whose noise is
opposite. Each is what it would be alone, and what is odd in the noise leaves their mean.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from engine.catalogue import PresetSpec
from engine.method import Method, Settings, Solver, State, knob
from engine.restoration.data_step import DataStep
from engine.restoration.diffusion import centered, draw, grid, noise_of, noised, unscaled
from engine.restoration.posterior import COST, PANELS, pictured, repeated, samples_knob, summarized
from engine.restoration.prior import Network, PriorName, load_prior, network_knob, prior_knob
from engine.restoration.priors import Prior
from engine.restoration.problem import Problem, linear_only
from engine.restoration.reverse import renoised
from engine.restoration.start import first_picture
from engine.restoration.stepping import Numbers, Tensors, stepped


class Params(Settings):
    """Knobs of DiffPIR."""

    prior: PriorName = prior_knob()
    network: Network = network_knob()
    steps: int = knob(
        25, title="Steps", help="How many noise levels are walked down.", ge=2, le=1000
    )
    samples: int = samples_knob(default=2)
    mirrored: bool = knob(
        True,
        title="Mirrored noise",
        help="Draws samples in pairs of opposite noise, so that little of it is left in their "
        "average. Needs two samples or more.",
    )
    weight: float = knob(
        0.5,
        title="Trust in the prior",
        help="Higher is cleaner, lower keeps closer to the measurement. A quarter of the "
        "paper's lambda, whose units differ.",
        ge=0.05,
        le=20.0,
        scale="log",
        live=True,
    )
    fresh: float = knob(
        1.0,
        title="Fresh noise",
        help="The part of the noise that is drawn anew at each step: 0 follows one path, 1 "
        "forgets what was wrong in it. The paper calls it zeta, and has 0.3.",
        ge=0.0,
        le=1.0,
        step=0.05,
        live=True,
    )
    first: float = knob(
        0.3,
        title="First noise level",
        help="The strongest noise, as a fraction of black to white; never more than the prior "
        "knows. Higher forgets more of the damage, and needs more steps.",
        ge=0.05,
        le=100.0,
        scale="log",
        group="Schedule",
        folded=True,
    )


def noises(like: Tensor, rng: torch.Generator, mirrored: bool) -> Tensor:
    """Unit noise for samples ``like`` (n, C, H, W), of which 2k and 2k + 1 are ``mirrored``."""
    if not mirrored:
        return draw(like, rng)
    half = draw(like[::2], rng)
    return torch.stack((half, -half), 1).flatten(0, 1)[: like.shape[0]]


def diffpir_step(
    x: Tensor,
    data: DataStep,
    sigma: float,
    prior: Prior,
    abar: float,
    following: float,
    noise: Tensor,
    *,
    weight: float,
    fresh: float,
) -> tuple[Tensor, Tensor]:
    """One level: ``(x at the following level, clean picture)``.

    ``x`` (B, C, H, W) is centered, the clean picture is in [0, 1].

    Args:
        data: of the measurement in [0, 1] units, with noise of deviation ``sigma``.
        abar, following: of this level and the next; 1 ends the walk.
        noise: unit noise for the part that is drawn anew.
    """
    level = 0.5 * noise_of(abar)
    picture = prior(unscaled(x, math.sqrt(abar)), level)
    if following == 1.0:
        return centered(picture), picture
    picture = data(picture, weight * sigma**2 / level**2)
    kept, anew = (math.sqrt((1.0 - following) * part) for part in (1.0 - fresh, fresh))
    return renoised(x, centered(picture), abar, following, noise, kept, anew), picture


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield the estimate after each level; ``level`` holds the noisy pictures."""
    A, y = problem.linear, problem.measurement
    prior = load_prior(problem, params.prior, params.network)
    levels = grid(params.steps, min(prior.sigma_max, params.first), "quadratic")
    data = DataStep(A, repeated(y, params.samples))

    def first() -> Tensors:
        x0 = repeated(centered(first_picture(A, y)), params.samples)
        return {
            "level": noised(x0, levels[0], noises(x0, rng, params.mirrored)),
            **summarized(x0, A),
        }

    def step(k: int, at: Tensors, params: Params) -> tuple[Tensors, Numbers]:
        x, picture = diffpir_step(
            at["level"],
            data,
            problem.sigma,
            prior,
            levels[k],
            levels[k + 1],
            noises(at["level"], rng, params.mirrored),
            weight=params.weight,
            fresh=params.fresh,
        )
        return {"level": x, **pictured(picture, A)}, {"sigma": 0.5 * noise_of(levels[k])}

    yield from stepped(params, state, total=len(levels) - 1, first=first, step=step, prior=prior)


METHOD = Method(
    title="DiffPIR",
    bench="restoration",
    summary="Walks from noise to a picture, brought back to the measurement at every step.",
    source="Zhu, Zhang, Liang, Cao, Wen, Timofte, Van Gool 2023",
    url="https://arxiv.org/abs/2305.08995",
    params=Params,
    solve=solve,
    fits=linear_only,
    presets=(
        PresetSpec("fast", "Fast", {"steps": 25}, "Twenty-five levels, two samples.", 25.0),
        PresetSpec(
            "faithful",
            "Faithful",
            {
                "steps": 100,
                "samples": 1,
                "mirrored": False,
                "weight": 1.75,
                "fresh": 0.3,
                "first": 100.0,
            },
            "A hundred levels from the strongest noise on, as in the paper.",
            50.0,
        ),
    ),
    panels=(*PANELS, COST),
    priors=("photo-denoiser", "emoji-score", "fashion-score"),
    order=70,
)

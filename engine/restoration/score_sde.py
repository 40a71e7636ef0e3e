"""Score SDE: pictures out of noise, by running a diffusion backwards with its score.

Source: Y. Song, J. Sohl-Dickstein, D. Kingma, A. Kumar, S. Ermon, B. Poole, Score-Based
Generative Modeling through Stochastic Differential Equations, ICLR 2021,
https://arxiv.org/abs/2011.13456.

Every denoiser is the score of the three diffusions (``sde``), so every prior of this bench
serves. A predictor follows the reverse equation from noise to the picture, and a corrector
first lets x_t settle at each noise level (Langevin dynamics). The probability flow does the
same without chance, and tells how likely a picture is (``likelihood``). Restoring puts the
measurement back after every update (``replacement``).

The start is where the noise reaches what the prior knows: time 1 for formulas and for the
small networks (nearly), noise of 1.1 in [0, 1] units for the photo denoiser. There pictures
still show through, so a restoration begins at a first guess with that noise added.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from engine.catalogue import PresetSpec
from engine.method import BadInput, Method, Settings, Solver, State, knob
from engine.operators import Identity
from engine.restoration import likelihood
from engine.restoration.diffusion import centered, draw
from engine.restoration.guidance import classifier_for, guided, strength_knob, subject_knob
from engine.restoration.posterior import repeated, samples_knob
from engine.restoration.prior import (
    SMALL,
    Network,
    PriorName,
    fitting,
    load_prior,
    network_knob,
    prior_knob,
)
from engine.restoration.priors import Prior
from engine.restoration.problem import (
    UNTOUCHED,
    Problem,
    RestorationSettings,
    linear_only,
)
from engine.restoration.replacement import Replacement
from engine.restoration.score_flow import followed
from engine.restoration.score_panels import MADE, SCORE_PANELS, Showing, numbers
from engine.restoration.sde import (
    SDE,
    Family,
    Predictor,
    Score,
    Slope,
    Vector,
    as_vector,
    correct,
    estimate,
    flow_slope,
    predict,
    score_of,
    times,
)
from engine.restoration.start import first_picture
from engine.restoration.stepping import Numbers, Tensors, stepped

#: Noise ([0, 1] units) that drowns every picture: only from there is x_t white noise.
DROWNED = 5.0

#: ``condition(x, a, s, noise, before)``: x_t with what is known put back (``Replacement``).
Condition = Callable[[Tensor, float, float, Tensor | None, Tensor | None], Tensor]

_WALK = {"task": ["restore", "generate"]}


class Params(Settings):
    """Knobs of Score SDE."""

    task: Literal["restore", "generate", "likelihood"] = knob(
        "restore",
        title="What to do",
        help="Restore the damaged picture, make new ones out of nothing, or tell how likely "
        "the picture is.",
        titles={
            "restore": "Restore",
            "generate": "Make new pictures",
            "likelihood": "Judge a picture",
        },
    )
    prior: PriorName = prior_knob()
    network: Network = network_knob()
    family: Family = knob(
        "ve",
        title="Diffusion",
        help="How a picture turns into noise: noise is only added (VE), or the picture also "
        "fades so that the whole stays as strong (VP), or does so with less noise (sub-VP).",
        titles={"ve": "VE: noise grows", "vp": "VP: picture fades", "sub_vp": "Sub-VP"},
    )
    sampler: Literal["pc", "ode"] = knob(
        "pc",
        title="Sampler",
        help="Step by step with chance, or along the one smooth path that leads from this "
        "noise to its picture.",
        titles={"pc": "With chance", "ode": "Smooth path"},
        when={"task": ["generate"]},
    )
    steps: int = knob(
        24, title="Steps", help="How many noise levels are walked down.", ge=2, le=2000, when=_WALK
    )
    predictor: Predictor = knob(
        "ancestral",
        title="Predictor",
        help="The rule that steps from one noise level to the next. Ancestral bears few steps.",
        titles={
            "ancestral": "Ancestral",
            "reverse_diffusion": "Reverse diffusion",
            "euler_maruyama": "Euler-Maruyama",
            "none": "None: settle only",
        },
        when=_WALK,
        folded=True,
    )
    corrections: int = knob(
        0,
        title="Corrections",
        help="How often the picture settles at each noise level before the next step; each "
        "costs one more network pass.",
        ge=0,
        le=10,
        when=_WALK,
    )
    snr: float = knob(
        0.16,
        title="Size of a correction",
        help="Ratio of picture to noise in a correction; larger moves farther at once.",
        ge=0.01,
        le=1.0,
        scale="log",
        live=True,
        when=_WALK,
    )
    samples: int = samples_knob()
    subject: str = subject_knob(when=_WALK)
    guidance: float = strength_knob(when=_WALK)
    tolerance: float = knob(
        1e-5,
        title="Tolerance",
        help="Error allowed in each step of the smooth path; smaller is slower.",
        ge=1e-8,
        le=1e-2,
        scale="log",
        decimals=8,
        when={"task": ["generate", "likelihood"]},
        folded=True,
    )


def pc_step(
    sde: SDE,
    score: Score,
    x: Tensor,
    t: float,
    following: float,
    rng: torch.Generator,
    *,
    predictor: Predictor = "reverse_diffusion",
    corrections: int = 1,
    snr: float = 0.16,
    condition: Condition | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One noise level: corrections at time ``t`` first, then the step to ``following``.

    Args:
        x: (B, C, H, W) centered, at time ``t``.
        condition: puts back what is known, after every update.

    Returns:
        ``(x, its noise-free mean, E[x_0] before the step, the score there)``.
    """

    def known(x: Tensor, mean: Tensor, time: float, before: Tensor | None) -> tuple[Tensor, Tensor]:
        if condition is None:
            return x, mean
        a, s = sde.a(time), sde.s(time)
        if following == 0.0:
            # Only the mean that the run ends with is needed without noise.
            mean = condition(mean, a, s, None, before)
        return condition(x, a, s, draw(x, rng), before), mean

    mean = x
    for _ in range(corrections):
        moved, mean = correct(sde, x, score(x, t), t, following, draw(x, rng), snr)
        x, mean = known(moved, mean, t, x)
    slope = score(x, t)
    clean = estimate(sde, x, slope, t)
    if predictor != "none":
        moved, mean = predict(sde, x, slope, t, following, draw(x, rng), predictor)
        # The last step ends at no noise at all, where nothing could be put back.
        x, mean = known(moved, mean, following or t, None)
    return x, mean, clean, slope


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield x_t and the estimate behind it at each noise level."""
    if params.task == "likelihood":
        middle = _middle(problem) if params.prior == "auto" else None
        if middle is None:
            yield from _judged(problem, params, rng, state)
        else:
            judged = _judged(_cut(problem, middle), params, rng, state)
            yield from _placed(judged, problem.measurement, middle)
        return
    prior = load_prior(problem, params.prior, params.network)
    if params.task == "generate" and params.sampler == "ode":
        yield from _flowed(problem, params, prior, rng, state)
    else:
        yield from _walked(problem, params, prior, rng, state)


def _fits(params: Params, problem: RestorationSettings) -> None:
    if params.task == "restore":
        linear_only(params, problem)


def _walked(
    problem: Problem, params: Params, prior: Prior, rng: torch.Generator, state: State | None
) -> Solver:
    """Predictor and corrector, from noise or from a noisy first guess."""
    sde = SDE(params.family)
    if params.predictor == "none" and not params.corrections:
        raise BadInput("corrections: without a predictor at least 1 is needed", "corrections")
    restores = params.task == "restore"
    condition = None
    if restores:
        condition = Replacement(problem.linear, problem.measurement, problem.sigma)
    steered = _steered(problem, params, sde, score_of(prior, sde))
    points = times(sde, params.steps, sde.start(prior.sigma_max))
    showing = Showing(problem.operator, restores=restores)

    def first() -> Tensors:
        guess = _blank(problem, prior, params)
        if restores:
            guess = guess + centered(first_picture(problem.linear, problem.measurement))
        a, s = sde.a(points[0]), sde.s(points[0])
        x = a * guess + s * draw(guess, rng)
        return {"level": x, **showing(None, x, guess, a, s, 0.0)}

    def step(k: int, at: Tensors, params: Params) -> tuple[Tensors, Numbers]:
        t, following = points[k], points[k + 1]
        x, mean, clean, slope = pc_step(
            sde,
            steered(params),
            at["level"],
            t,
            following,
            rng,
            predictor=params.predictor,
            corrections=params.corrections,
            snr=params.snr,
            condition=condition,
        )
        if k + 1 == params.steps:
            x = clean = mean
        here = following or t
        done, since = (k + 1) / params.steps, k / params.steps
        shown = showing(at, x, clean, sde.a(here), sde.s(here), done, since)
        return {"level": x, **shown}, numbers(sde, slope, t)

    yield from stepped(
        params,
        state,
        total=params.steps,
        first=first,
        step=step,
        prior=prior,
        facts={"restores": restores},
    )


def _flowed(
    problem: Problem, params: Params, prior: Prior, rng: torch.Generator, state: State | None
) -> Solver:
    """The probability flow from noise to pictures."""
    sde = SDE(params.family)
    start = sde.start(prior.sigma_max)
    steered = _steered(problem, params, sde, score_of(prior, sde, dtype=torch.float32))
    like = _blank(problem, prior, params).double()
    yield from followed(
        params,
        state,
        sde=sde,
        prior=prior,
        showing=Showing(problem.operator, restores=False),
        like=like,
        begin=lambda: (as_vector(sde.s(start) * draw(like, rng)), {}),
        slope=lambda params, at: flow_slope(sde, steered(params), like),
        span=(start, sde.end),
        tol=params.tolerance,
    )


Middle = tuple[slice, slice]


def _middle(problem: Problem) -> Middle | None:
    """Rows and columns of the middle square that the small networks can judge, of a picture whose
    shorter side is theirs and whose longer one is not.
    """
    height, width = problem.operator.shape_in[1:]
    if min(height, width) != SMALL or height == width:
        return None
    top, left = (height - SMALL) // 2, (width - SMALL) // 2
    return slice(top, top + SMALL), slice(left, left + SMALL)


def _cut(problem: Problem, middle: Middle) -> Problem:
    """The problem of the middle alone."""
    picture = problem.measurement[..., *middle].contiguous()
    shape = (picture.shape[1], SMALL, SMALL)
    return dataclasses.replace(problem, operator=Identity(shape), measurement=picture, truth=None)


def _placed(solver: Solver, picture: Tensor, middle: Middle) -> Solver:
    """The states of a solver, whose ``x`` lies in the middle of the whole picture."""
    state = next(solver)
    while True:
        assert isinstance(state, State)
        x = state.tensors["x"]
        if x.shape[-2:] == (SMALL, SMALL):
            whole = picture.expand(-1, x.shape[1], -1, -1).to(x.dtype).clone()
            whole[..., *middle] = x
            state = dataclasses.replace(state, tensors={**state.tensors, "x": whole})
        events = yield state
        try:
            state = solver.send(events)
        except StopIteration:
            return


def _judged(problem: Problem, params: Params, rng: torch.Generator, state: State | None) -> Solver:
    """The probability flow from the picture to noise; each sample has a probe of its own.

    The picture is what was measured: ``UNTOUCHED`` lets nothing happen to it before.
    """
    prior = load_prior(problem, params.prior, params.network)
    if prior.sigma_max < DROWNED:
        height, width = problem.operator.shape_in[1:]
        longer = round(SMALL * max(height, width) / min(height, width))
        raise BadInput(
            "prior: how likely a picture is can only be told where noise drowns it, and the "
            f"network for pictures of this size knows noise up to {prior.sigma_max:g} only "
            f"(allowed: a working size of {longer} px, whose networks know more, or a formula as "
            "the prior)",
            "prior",
            {"problem.working_size": longer} if params.prior == "auto" else {},
        )
    sde = SDE(params.family)
    score = score_of(prior, sde, differentiable=True, dtype=torch.float32)
    like = _blank(problem, prior, params).double()
    picture = problem.measurement
    if like.shape[1] == 1:
        picture = picture.mean(1, keepdim=True)

    def begin() -> tuple[Vector, Tensors]:
        x = likelihood.dequantized(repeated(picture, params.samples), rng)
        signs = likelihood.probe(like.shape, rng).to(like.device)
        return likelihood.packed(x), {"signs": signs, "contrast": x.square().mean()}

    def slope(params: Params, at: Tensors) -> Slope:
        trace = likelihood.hutchinson(at["signs"])
        return likelihood.likelihood_slope(sde, score, trace, like)

    yield from followed(
        params,
        state,
        sde=sde,
        prior=prior,
        showing=Showing(problem.operator, restores=False),
        like=like,
        begin=begin,
        slope=slope,
        span=(sde.end, sde.start(prior.sigma_max)),
        tol=params.tolerance,
    )


def _blank(problem: Problem, prior: Prior, params: Params) -> Tensor:
    """Zeros shaped as the pictures of this run; a gray prior makes and judges gray ones."""
    channels, height, width = problem.operator.shape_in
    if params.task != "restore":
        channels = getattr(prior, "channels", channels)
    device = problem.measurement.device
    return torch.zeros(params.samples, channels, height, width, device=device)


def _steered(problem: Problem, params: Params, sde: SDE, score: Score) -> Callable[[Params], Score]:
    """The score under the knobs of the moment: steered to a class where one is named."""
    if not params.subject.strip():
        return lambda params: score
    name = fitting(problem) if params.prior == "auto" else params.prior
    classifier, index = classifier_for(name, params.subject, problem.device)
    return lambda params: guided(score, classifier, index, sde, params.guidance)


METHOD = Method(
    title="Score SDE",
    bench="restoration",
    summary="Lets pictures form out of noise, restores with them, and tells how likely one is.",
    source="Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole 2021",
    url="https://arxiv.org/abs/2011.13456",
    params=Params,
    solve=solve,
    fits=_fits,
    presets=(
        PresetSpec(
            "fast",
            "Fast",
            {"steps": 24, "corrections": 0},
            "Twenty-four noise levels without corrections.",
            12.0,
        ),
        PresetSpec(
            "small",
            "Small pictures",
            {"steps": 150, "corrections": 1, "samples": 4},
            "Four samples in 150 levels: for the networks of 32 × 32 pictures.",
            800.0,
            least=5.0,
        ),
        PresetSpec(
            "faithful",
            "Faithful",
            {"steps": 1000, "corrections": 1, "predictor": "reverse_diffusion", "snr": 0.16},
            "A thousand levels, each corrected once, as in the paper.",
            1400.0,
            least=10.0,
        ),
    ),
    panels=SCORE_PANELS,
    fixed=UNTOUCHED,
    fixed_when=MADE,
    answers_when={"task": ["restore"]},
    priors=("photo-denoiser", "emoji-score", "fashion-score"),
    order=60,
)

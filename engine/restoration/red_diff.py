"""RED-diff: a picture is optimized so that a diffusion model finds nothing to correct in it.

Source: M. Mardani, J. Song, J. Kautz, A. Vahdat, A Variational Perspective on Solving
Inverse Problems with Diffusion Models, ICLR 2024, https://arxiv.org/abs/2305.04391.

One Adam step on the picture ``mu`` per noise level, for the loss

    1 / (2 sigma^2) mean (y - A(mu))^2  +  w_t mean (eps_hat - eps) mu,

where ``eps`` is the noise that was added to ``mu``, ``eps_hat`` what the prior takes for it,
and ``(eps_hat - eps)`` counts as constant, so that nothing is differentiated through the
network. The first mean runs over what was measured, the second over the pixels.
``w_t = weight rule(sigma_t)``, with ``sigma_t = sqrt(1 - abar_t) / sqrt(abar_t)``.

Units. In the loss the picture is centered, the residual is centered too (twice that in [0, 1]),
and ``sigma`` is that of the measurement in units of ``REFERENCE``, a hundredth of black to white:
at that noise ``weight`` is the paper's lambda, which was published for no noise and a data
term without ``1 / sigma^2``; at another noise the paper's lambda is
``weight (sigma / REFERENCE)^2``. So one weight serves all strengths of noise.

Beyond the paper, off in its preset. ``descent = solved``: Adam scales pixel by pixel, which
leaves a blur as badly conditioned as it is and lets pixels drift that the measurement says
nothing of, so the gradient is multiplied by the inverse of the loss's own curvature, for a
damage that is not linear that of its linearization. ``mirrored``: the mean over ``eps`` and
``-eps`` in place of ``eps`` alone is the same gradient on average, without all that is odd in
the noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, PresetSpec, SeriesSpec
from engine.method import Method, Settings, Solver, State, knob
from engine.operators import LinearOperator, Operator, PhaseRetrieval
from engine.restoration.data_step import DataStep, LinearizedStep
from engine.restoration.diffusion import Spacing, draw, grid, noise_of, rms
from engine.restoration.posterior import COST
from engine.restoration.prior import Network, PriorName, load_prior, network_knob, prior_knob
from engine.restoration.priors import Denoiser
from engine.restoration.problem import Problem
from engine.restoration.start import first_picture
from engine.restoration.stepping import Numbers, Tensors, stepped

#: Noise of a measurement at which ``weight`` is the paper's lambda, in [0, 1] units.
REFERENCE = 0.01
#: Decay of Adam's means of gradients and of their squares, as in the paper.
BETAS = (0.9, 0.99)

#: Noise, in [0, 1] units, at which the rules ``linear`` and ``matched`` agree.
AGREED = 0.02

Rule = Literal["linear", "sqrt", "square", "log", "clipped", "power", "constant", "matched"]
#: What a person chooses; ``auto`` is ``matched`` where steps are solved, else ``linear``.
Choice = Literal["auto", Rule]
Order = Literal["descending", "random", "ascending"]
Descent = Literal["solved", "adam"]


class Params(Settings):
    """Knobs of RED-diff."""

    prior: PriorName = prior_knob()
    network: Network = network_knob()
    steps: int = knob(40, title="Steps", help="How often the picture is corrected.", ge=2, le=5000)
    weight: float = knob(
        0.1,
        title="Trust in the prior",
        help="Higher is cleaner, lower keeps closer to the measurement. It is the paper's lambda "
        "for noise of 0.01, and is adapted to other noise.",
        ge=0.001,
        le=100.0,
        scale="log",
        decimals=3,
        live=True,
    )
    descent: Descent = knob(
        "solved",
        title="How a step is taken",
        help="Solving for the measurement undoes blur that single pixels' steps cannot; the "
        "paper takes steps of Adam. A lost phase always takes those: it is far from linear.",
        titles={"solved": "Solved for the measurement", "adam": "Adam (the paper's)"},
    )
    part: float = knob(
        0.8,
        title="Part of the way",
        help="How much of the way to the solution one step goes; less averages more noise.",
        ge=0.01,
        le=1.0,
        live=True,
        when={"descent": ["solved"]},
    )
    rate: float = knob(
        0.1,
        title="Step size of Adam",
        help="How far a pixel may move in one step of Adam, on a scale where black to white is "
        "2. The paper calls it the learning rate.",
        ge=0.0005,
        le=1.0,
        scale="log",
        decimals=4,
        live=True,
    )
    mirrored: bool = knob(
        True,
        title="Mirrored noise",
        help="Adds every noise once more with the opposite sign: twice the network passes, and "
        "far less of the noise is left in the picture.",
    )
    cooling: float = knob(
        1.0,
        title="Last step size",
        help="What is left of the step size at the last step; 1 keeps it, as in the paper, less "
        "lets the picture come to rest.",
        ge=0.001,
        le=1.0,
        scale="log",
        decimals=3,
        group="Schedule",
        folded=True,
    )
    rule: Choice = knob(
        "auto",
        title="Weight of noise levels",
        help="How much each noise level counts. The paper found linear best for Adam; steps that "
        "are solved want what splitting methods do.",
        titles={
            "auto": "The one that fits the steps",
            "linear": "Linear in the noise (the paper's)",
            "sqrt": "Square root",
            "square": "Square",
            "log": "Logarithm",
            "clipped": "Linear, at most 1",
            "power": "Power 2/3",
            "constant": "All the same",
            "matched": "Matched to the measurement",
        },
        group="Schedule",
        folded=True,
    )
    spacing: Spacing = knob(
        "quadratic",
        title="Spacing of the levels",
        help="Evenly in the time of the diffusion, as in the paper, or in shorter steps towards "
        "the clean picture.",
        titles={"uniform": "Even (the paper's)", "quadratic": "Shorter towards the picture"},
        group="Schedule",
        folded=True,
    )
    order: Order = knob(
        "descending",
        title="Order of noise levels",
        help="From coarse to fine is how it is meant; the other orders show why.",
        titles={
            "descending": "From strong to weak",
            "random": "At random",
            "ascending": "From weak to strong",
        },
        group="Schedule",
        folded=True,
    )
    first: float = knob(
        0.2,
        title="First noise level",
        help="The strongest noise, as a fraction of black to white; never more than the prior "
        "knows.",
        ge=0.05,
        le=100.0,
        scale="log",
        group="Schedule",
        folded=True,
    )


def level_weight(rule: Rule, sigma: float, measured: float = 1.0) -> float:
    """What noise of deviation ``sigma`` (centered units) counts in the loss, before ``weight``.

    ``matched`` goes with ``1 / sigma``: with it the pull towards the denoised picture has the
    strength of half-quadratic splitting at that level, whose lambda is then four times
    ``weight``. Since the loss is of means, it alone must know how many numbers were measured
    for each number of the picture (``measured``).
    """
    match rule:
        case "linear":
            return sigma
        case "sqrt":
            return math.sqrt(sigma)
        case "square":
            return sigma**2
        case "log":
            return math.log1p(sigma)
        case "clipped":
            return min(sigma, 1.0)
        case "power":
            return math.pow(sigma, 2.0 / 3.0)
        case "constant":
            return 1.0
        case "matched":
            return 4.0 * AGREED**2 / (sigma * measured)


def unexplained_noise(
    prior: Denoiser, x: Tensor, sigma: float, eps: Tensor, mirrored: bool = False
) -> Tensor:
    """``eps_hat - eps`` for the noise ``eps`` of deviation ``sigma`` added to ``x``; [0, 1] units.

    As ``eps_hat = (x + sigma eps - D) / sigma`` with the denoised picture D, what remains
    is ``(x - D) / sigma``, whatever the process that the noise belongs to. ``mirrored``
    takes the mean over ``eps`` and ``-eps``.
    """
    clean = prior(torch.add(x, eps, alpha=sigma), sigma)
    if mirrored:
        clean = 0.5 * (clean + prior(torch.sub(x, eps, alpha=sigma), sigma))
    return (x - clean) / sigma


def data_gradient(A: Operator, y: Tensor) -> Callable[[Tensor], Tensor]:
    """Gradient of ``1/2 ||A(x) - y||^2`` by ``x`` (1, C, H, W); all in [0, 1] units.

    By the adjoint where A is linear, by autograd through A alone elsewhere.
    """
    if isinstance(A, LinearOperator):
        target = A.adjoint(y)
        return lambda x: A.gram(x) - target

    def gradient(x: Tensor) -> Tensor:
        with torch.enable_grad():
            at = x.detach().requires_grad_()
            loss = 0.5 * (A(at) - y).square().sum()
            (found,) = torch.autograd.grad(loss, at)
        return found

    return gradient


def loss_gradient(
    data: Tensor,
    unexplained: Tensor,
    weight: float,
    sigma: float,
    count: int,
) -> Tensor:
    """Gradient of the loss by ``mu``, times its number of pixels (Adam knows no scale).

    Args:
        data: ``data_gradient`` at the picture.
        unexplained: ``unexplained_noise``, of the same shape.
        weight: ``w_t``.
        sigma: noise of the measurement in [0, 1] units.
        count: how many numbers were measured.
    """
    return torch.add(data_weight(data[0].numel(), count, sigma) * data, unexplained, alpha=weight)


def data_weight(pixels: int, count: int, sigma: float) -> float:
    """What ``data_gradient`` counts in ``loss_gradient``."""
    # Centered, the residual is twice as large and a step of mu half as far: a factor of 2.
    return 2.0 * pixels / count * (REFERENCE / sigma) ** 2


def adam(
    x: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, k: int, rate: float
) -> tuple[Tensor, Tensor, Tensor]:
    """``(x, mean, square)`` after step ``k`` (from 0) of Adam (Kingma and Ba 2015)."""
    first, second = BETAS
    mean = mean.lerp(gradient, 1.0 - first)
    square = (second * square).addcmul_(gradient, gradient, value=1.0 - second)
    # Both means begin at 0, which these two make up for.
    scale, root = 1.0 - first ** (k + 1), math.sqrt(1.0 - second ** (k + 1))
    size = square.sqrt().add_(1e-8 * root)
    return x.addcdiv(mean, size, value=-rate * root / scale), mean, square


def exact_step(A: Operator, y: Tensor) -> DataStep | LinearizedStep | None:
    """What solves for a measurement; None for a phase, which is sought better by overshooting."""
    if isinstance(A, LinearOperator):
        return DataStep(A, y)
    return None if isinstance(A, PhaseRetrieval) else LinearizedStep(A, y)


def solved_step(
    step: DataStep | LinearizedStep,
    x: Tensor,
    unexplained: Tensor,
    sigma: float,
    curvature: float,
    part: float,
) -> Tensor:
    """``x - part H^-1 gradient``, H being the loss's curvature ``data_weight A^T A + w_t / sigma``.

    With the denoised picture ``x - sigma unexplained`` held the loss is a parabola, so the
    whole step is the solution of the problem that splitting methods solve.

    Args:
        sigma: of the noise of ``unexplained``, [0, 1] units.
        curvature: of the prior's part, as a multiple of ``A^T A``: ``w_t / sigma / data_weight``.
    """
    clean = torch.sub(x, unexplained, alpha=sigma)
    return torch.lerp(x, step(clean, curvature, start=x), part)


def level_order(count: int, order: Order, rng: torch.Generator) -> Tensor:
    """The indices of ``count`` levels, which are sorted from most noise to least, as visited."""
    if order == "random":
        return torch.randperm(count, generator=rng)
    levels = torch.arange(count)
    return levels.flip(0) if order == "ascending" else levels


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield the picture after each step; it is one estimate, never a sample.

    The state holds the picture, the levels' order, and Adam's ``mean`` and ``square`` where
    it takes the steps.
    """
    A, y = problem.operator, problem.measurement
    prior = load_prior(problem, params.prior, params.network)
    levels = grid(params.steps, min(prior.sigma_max, params.first), params.spacing)[:-1]
    noises, total = [noise_of(abar) for abar in levels], len(levels)
    order = level_order(total, params.order, rng) if state is None else state.tensors["order"]
    visited = order.tolist()
    toward, pixels = data_gradient(A, y), math.prod(A.shape_in)
    balance = data_weight(pixels, problem.count, problem.sigma)
    exact = exact_step(A, y) if params.descent == "solved" else None
    fitting: Rule = "linear" if exact is None else "matched"
    rule = fitting if params.rule == "auto" else params.rule

    def first() -> Tensors:
        x = first_picture(A, y)
        flat = torch.zeros_like(x)
        memory = {"mean": flat, "square": flat} if exact is None else {}
        return {"x": x, "order": order, **memory}

    def step(k: int, at: Tensors, params: Params) -> tuple[Tensors, Numbers]:
        x, noise = at["x"], noises[visited[k]]
        sigma = 0.5 * noise
        unexplained = unexplained_noise(prior, x, sigma, draw(x, rng), params.mirrored)
        weight = params.weight * level_weight(rule, noise, problem.count / pixels)
        data, cooled = toward(x), params.cooling ** (k / max(1, total - 1))
        if exact is not None:
            curvature = weight / (sigma * balance)
            moved = solved_step(exact, x, unexplained, sigma, curvature, params.part * cooled)
            memory = {}
        else:
            gradient = loss_gradient(data, unexplained, weight, problem.sigma, problem.count)
            # Centered, a step of the same gradient is twice as long.
            moved, mean, square = adam(
                x, gradient, at["mean"], at["square"], k, 0.5 * params.rate * cooled
            )
            memory = {"mean": mean, "square": square}
        return {"x": moved, "order": order, **memory}, {
            "sigma": sigma,
            "prior_pull": weight * rms(unexplained),
            "data_pull": balance * rms(data),
        }

    yield from stepped(params, state, total=total, first=first, step=step, prior=prior)


METHOD = Method(
    title="RED-diff",
    bench="restoration",
    summary="Corrects one picture again and again until a diffusion model finds it natural.",
    source="Mardani, Song, Kautz, Vahdat 2024",
    url="https://arxiv.org/abs/2305.04391",
    params=Params,
    solve=solve,
    presets=(
        PresetSpec("fast", "Fast", {"steps": 40}, "Forty corrections, each solved.", 40.0),
        PresetSpec(
            "small",
            "Small pictures",
            {"steps": 50, "first": 25.0, "weight": 1.0, "cooling": 0.2},
            "From the strongest noise on: what is in a large hole is decided there.",
            50.0,
        ),
        PresetSpec(
            "faithful",
            "Faithful",
            {
                "steps": 1000,
                "weight": 0.25,
                "descent": "adam",
                "mirrored": False,
                "rule": "linear",
                "spacing": "uniform",
                "first": 100.0,
            },
            "A thousand steps of Adam from the strongest noise on, as in the paper.",
            480.0,
            least=6.0,
        ),
    ),
    panels=(
        PanelSpec(
            name="pulls",
            title="Prior against measurement",
            kind="curve",
            series=(
                SeriesSpec("prior_pull", "Prior"),
                SeriesSpec("data_pull", "Measurement"),
            ),
            log_y=True,
            help="How strongly each of the two moves the picture; neither should vanish.",
        ),
        PanelSpec(
            name="sigma",
            title="Noise level of the step",
            kind="curve",
            series=(SeriesSpec("sigma", "Sigma"),),
            log_y=True,
            help="How much noise the picture was given before the prior judged it.",
        ),
        COST,
    ),
    priors=("photo-denoiser", "emoji-score", "fashion-score"),
    order=40,
)

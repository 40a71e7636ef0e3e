"""What the prior thinks: the value that a learned prior gives a picture, as it is spoiled.

Source: Z. Fang, S. Buchanan, J. Sulam, What's in a Prior? Learned Proximal Networks for Inverse
Problems, ICLR 2024, https://arxiv.org/abs/2310.14344 (their study of noise, blur and mixtures).

A learned prox ``f = grad psi`` knows its prior exactly: where ``f(y) = x``,
``R(x) = <y, x> - 1/2 ||x||^2 - psi(y)``, and y minimizes the convex ``psi(y) - <x, y>``. R is about
``-sigma^2 log p`` up to one constant, so what is shown is ``(R(x) - R(x_0)) / sigma^2`` per number
of the picture: how much less likely the prior finds it than the untouched one, in nats. Where the
search for y has not arrived (the residual beside the value says so), the value is a lower bound.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from pydantic import AfterValidator
from torch import Tensor
from torch.nn import functional as F

from engine.catalogue import PanelSpec, PresetSpec, SeriesSpec
from engine.data.pictures import read_picture, resize
from engine.method import BadInput, Method, Settings, Solver, State, knob
from engine.models import zoo
from engine.models.pretrained_files import absolute
from engine.operators import Identity
from engine.operators.kernels import gaussian_kernel
from engine.restoration.diffusion import draw
from engine.restoration.learned_prox import (
    GaussianPotential,
    LearnedProx,
    LpnName,
    Search,
    fitting,
    load_prox,
    residual,
)
from engine.restoration.problem import UNTOUCHED, Problem
from engine.restoration.start import first_picture
from engine.restoration.stepping import Numbers, Tensors, stepped
from engine.restoration.wiener import photograph_prior

Change = Literal["noise", "blur", "blend"]
#: Steps of the search per yield, so that a run can be stopped in between.
PART_OF_SEARCH = 8
#: Noise that the prox of the Gaussian formula is made for.
FORMULA_SIGMA = 0.05


class Params(Settings):
    """Knobs of the prior's study."""

    prior: LpnName = knob(
        "auto",
        title="Prior",
        help="Whose opinion is asked; digits are gray and 28 × 28.",
        titles={
            "auto": "The one that fits the picture",
            "lpn-photos": "Photographs, any size",
            "lpn-digits": "Handwritten digits, 28 × 28",
            "gaussian": "Formula: smooth everywhere",
        },
    )
    change: Change = knob(
        "noise",
        title="Dial in",
        help="How the original picture is spoiled, from not at all to the most.",
        titles={"noise": "Noise", "blur": "Blur", "blend": "A blend with another picture"},
    )
    other: Annotated[str, AfterValidator(absolute)] = knob(
        "",
        title="Second picture",
        help="What the picture is blended with: any picture file, of which the middle is taken. "
        "Left empty, it is the picture's own mirror image.",
        kind="file",
        when={"change": ["blend"]},
    )
    noise: float = knob(
        0.3,
        title="Most noise",
        help="Standard deviation at the end of the dial, as a fraction of black to white.",
        ge=0.01,
        le=1.0,
        when={"change": ["noise"]},
    )
    blur: float = knob(
        4.0,
        title="Most blur",
        help="Width of the Gaussian at the end of the dial, in pixels of the small picture.",
        unit="px",
        ge=0.1,
        le=10.0,
        decimals=1,
        when={"change": ["blur"]},
    )
    steps: int = knob(
        13, title="Positions", help="How many positions of the dial are looked at.", ge=2, le=200
    )
    side: int = knob(
        96,
        title="Look at it this small",
        help="The longer side to which the picture is reduced first; the search for the value "
        "takes a hundred applications of the network at each position.",
        unit="px",
        ge=16,
        le=256,
        group="Effort",
    )
    search: int = knob(
        40,
        title="Search steps",
        help="How long the value is searched for; more makes the residual smaller.",
        ge=1,
        le=1000,
        group="Effort",
    )


def spoiled(picture: Tensor, change: Change, amount: float, other: Tensor) -> Tensor:
    """``picture`` (1, C, H, W) with noise of deviation ``amount``, blurred by ``amount`` pixels,
    or blended with another picture, which gets the weight ``amount``.

    ``other`` is that picture, or unit noise, of the same shape.
    """
    if change == "noise":
        return picture + amount * other
    if change == "blend":
        return torch.lerp(picture, other, amount)
    kernel = gaussian_kernel(amount, min(math.ceil(4 * amount), min(picture.shape[-2:]) - 1))
    line = (kernel.sum(0) / kernel.sum()).to(picture)
    radius, channels = len(line) // 2, picture.shape[1]
    x = F.pad(picture, (radius,) * 4, mode="reflect")
    x = F.conv2d(x, line.reshape(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(x, line.reshape(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


def value(
    prox: LearnedProx, x: Tensor, *, start: Tensor | None = None, steps: int = 40, tol: float = 1e-3
) -> tuple[Tensor, Tensor, Tensor]:
    """``R(x) / sigma^2`` (B,) in nats up to one constant, the residual of the search, and its y.

    Args:
        x: pictures (B, C, H, W).
        start: where the search begins; ``x`` if None.
    """
    y, psi, left = prox.invert(x, start=start, steps=steps, tol=tol)
    return prox.prior(y, x, psi) / prox.sigma**2, left, y


def original(problem: Problem, side: int) -> Tensor:
    """The picture (1, 3, h, w) that is spoiled: what was given, made small."""
    picture = problem.operator.crop(first_picture(problem.operator, problem.measurement))
    height, width = picture.shape[-2:]
    if max(height, width) <= side:
        return picture
    scale = side / max(height, width)
    return resize(picture, max(8, round(height * scale)), max(8, round(width * scale)))


def second(path: str, picture: Tensor) -> Tensor:
    """What ``picture`` (1, C, H, W) is blended with: the middle of a file, of the same shape, or
    where none is named its mirror image.

    Raises:
        BadInput: (field ``other``) the file is no picture.
    """
    if not path:
        return picture.flip(-1)
    try:
        found = read_picture(path).tensor()
    except BadInput as error:
        raise BadInput(f"other: {error}", "other") from error
    height, width = picture.shape[-2:]
    scale = min(found.shape[-2] / height, found.shape[-1] / width)
    tall, wide = round(height * scale), round(width * scale)
    top, left = (found.shape[-2] - tall) // 2, (found.shape[-1] - wide) // 2
    found = resize(found[..., top : top + tall, left : left + wide], height, width)
    return found.mean(1, keepdim=True) if picture.shape[1] == 1 else found


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield after each part of the search at each position of the dial; ``x`` is the present
    picture, enlarged again.
    """
    picture = original(problem, params.side)
    prox = _prox(problem, params.prior, picture)
    # A prior of gray pictures has no opinion on colors, not even on those of colored noise.
    picture = picture.mean(1, keepdim=True) if prox.gray else picture
    ends = {"noise": params.noise, "blur": params.blur, "blend": 1.0}
    dial = torch.linspace(0.0, ends[params.change], params.steps)
    parts = -(-params.search // PART_OF_SEARCH)
    another = second(params.other, picture) if params.change == "blend" else None

    def shown(x: Tensor) -> Tensor:
        _, height, width = problem.operator.shape_picture
        large = x if x.shape[-2:] == (height, width) else F.interpolate(x, (height, width))
        return problem.operator.extend(large.expand(1, 3, -1, -1).contiguous())

    def first() -> Tensors:
        lines = torch.stack([dial, torch.full_like(dial, math.inf)])
        search = prox.begin(picture, picture)
        other = draw(picture, rng) if another is None else another.contiguous()
        # As runs of before kept it, which can be gone on with.
        kept = {"noise": other, "opinion": lines, "zero": search.psi[0]}
        return {"x": shown(picture), **kept, **search._asdict()}

    def step(k: int, at: Tensors, params: Params) -> tuple[Tensors, Numbers]:
        position, part = divmod(k, parts)
        x = spoiled(picture, params.change, float(dial[position]), at["noise"])
        search = Search(*(at[name] for name in Search._fields))
        if part == 0 and position > 0:
            # The y of the position before is near: what f takes away grows with the dial.
            search = prox.begin(search.y, x)
        search = prox.onward(x, search, PART_OF_SEARCH)
        nats = (prox.prior(search.y, x, search.psi) / prox.sigma**2)[0]
        zero = nats if position == 0 else at["zero"]
        each = float(nats - zero) / x.numel()
        lines = at["opinion"].clone()
        lines[1, position] = each
        numbers = {
            "dial": float(dial[position]),
            "prior": each,
            "inversion": float(residual(search, x)[0]),
        }
        picture_now = shown(x) if part == 0 else at["x"]
        kept = {"noise": at["noise"], "opinion": lines, "zero": zero}
        return {"x": picture_now, **kept, **search._asdict()}, numbers

    total = params.steps * parts
    facts = {"restores": False}
    yield from stepped(params, state, total=total, first=first, step=step, facts=facts)


def _prox(problem: Problem, name: str, picture: Tensor) -> LearnedProx:
    if name == "auto":
        name = fitting(problem, picture)
    if name != "gaussian":
        return load_prox(problem, name, zoo.card(name).arguments["channels"])
    shape = (picture.shape[1], picture.shape[2], picture.shape[3])
    prior = photograph_prior(picture, Identity(shape), FORMULA_SIGMA)
    return LearnedProx(GaussianPotential(prior, FORMULA_SIGMA), sigma=FORMULA_SIGMA)


METHOD = Method(
    title="What the prior thinks",
    bench="restoration",
    summary="Spoil a picture little by little and read how unlikely a learned prior finds it.",
    source="Fang, Buchanan, Sulam 2024",
    url="https://arxiv.org/abs/2310.14344",
    params=Params,
    races=False,
    solve=solve,
    presets=(
        PresetSpec("noise", "Noise", {"change": "noise"}, "More and more grain.", 10.0, least=3.0),
        PresetSpec("blur", "Blur", {"change": "blur"}, "Softer and softer.", 5.0, least=1.0),
        PresetSpec(
            "blend",
            "Two pictures in one",
            {"change": "blend"},
            "Slides from the picture to a second one, or to its mirror image. In between it has "
            "less detail than either, which this prior can find more likely.",
            5.0,
            least=3.0,
        ),
    ),
    panels=(
        PanelSpec(
            name="estimate",
            title="Judged now",
            kind="image",
            help="The picture as it is spoiled at this position of the dial, as small as it is "
            "looked at.",
        ),
        PanelSpec(
            name="damaged",
            title="Untouched",
            kind="image",
            help="The picture at the beginning of the dial; the others are compared with it.",
        ),
        PanelSpec(
            name="opinion",
            title="How unlikely",
            kind="plot",
            x_title="dial",
            series=(SeriesSpec("prior", "Prior's value", "nats"),),
            help="How much less likely than the untouched picture the prior finds this one, in "
            "nats per number of the picture; higher is less likely.",
        ),
        PanelSpec(
            name="inversion",
            title="Left of the search",
            kind="curve",
            series=(SeriesSpec("inversion", "Residual"),),
            log_y=True,
            reference=1e-3,
            help="The value is found by a search; where this stays far above the line, the true "
            "value is higher than the one shown.",
        ),
    ),
    # The picture is judged as it was given.
    fixed=UNTOUCHED,
    lead="estimate",
    priors=("lpn-photos", "lpn-digits"),
    order=51,
)

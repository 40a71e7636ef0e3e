"""Plug-and-play: a denoiser is the prior, the damage is undone around it.

Source: K. Zhang, Y. Li, W. Zuo, L. Zhang, L. Van Gool, R. Timofte, Plug-and-Play Image
Restoration With Deep Denoiser Prior, IEEE TPAMI 2022 (DPIR), https://arxiv.org/abs/2008.13751.

Half-quadratic splitting with noise levels ``sigma_k`` that fall geometrically:
``x = argmin 1/2 ||A x - y||^2 + rho_k/2 ||x - z||^2`` with
``rho_k = weight * sigma^2 / sigma_k^2``, then ``z = denoise(x, sigma_k)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, PresetSpec, SeriesSpec
from engine.messages import UserEvent
from engine.method import Method, Settings, Solver, State, knob, tuned
from engine.models.tiling import starts
from engine.operators import LinearOperator
from engine.restoration.data_step import DataStep
from engine.restoration.posterior import COST
from engine.restoration.prior import (
    TRAINED,
    Network,
    PriorName,
    load_prior,
    network_knob,
    prior_knob,
)
from engine.restoration.priors import Denoiser
from engine.restoration.problem import Problem, linear_only
from engine.restoration.start import first_picture
from engine.restoration.tuning import chosen, restored

#: Where the noise levels begin, as in the paper.
FIRST_SIGMA = 49.0 / 255.0
#: Pixels that neighboring tiles share; each keeps its half.
OVERLAP = 96
#: Relative residual to which the data step is solved where it is iterative.
DATA_TOLERANCE = 1e-4


def noise_levels(steps: int, first: float, last: float) -> list[float]:
    """``steps`` levels from ``first`` down to ``last``, equal in ratio; one level is ``last``."""
    if steps == 1:
        return [last]
    first = max(first, last)
    return [first * (last / first) ** (k / (steps - 1)) for k in range(steps)]


def denoised(denoiser: Denoiser, x: Tensor, sigma: float, turn: int = 0) -> Tensor:
    """``denoiser(x, sigma)`` in the ``turn``-th of the eight orientations of a picture.

    A network errs a little differently in each; taken in turn, step by step, the errors
    average out at no cost.
    """
    quarter, mirrored = turn % 4, turn // 4 % 2 == 1
    seen = torch.rot90(x, quarter, (-2, -1))
    seen = seen.flip(-1) if mirrored else seen
    clean = denoiser(seen.contiguous(), sigma)
    clean = clean.flip(-1) if mirrored else clean
    return torch.rot90(clean, -quarter, (-2, -1)).contiguous()


@dataclass
class Iterate:
    """``z`` is the estimate, ``x`` the picture that explains the measurement best near it."""

    z: Tensor
    x: Tensor


def plug_and_play_steps(
    y: Tensor,
    A: LinearOperator,
    sigma: float,
    denoiser: Denoiser,
    *,
    steps: int = 8,
    weight: float = 0.23,
    first: float = FIRST_SIGMA,
    last: float | None = None,
    turned: bool = False,
    tol: float = DATA_TOLERANCE,
) -> Iterator[Iterate]:
    """The iterates of half-quadratic splitting; the last ``z`` is the result.

    Args:
        y: measurement ``A x + sigma noise``.
        denoiser: ``denoiser(x, sigma)``: a network or an exact prior.
        weight: trust in the prior.
        first, last: noise levels of the first and last step; ``last`` is ``sigma`` if None.
        turned: show the denoiser another orientation at every step.
        tol: of the data step where it is iterative.
    """
    data = DataStep(A, y)
    z = first_picture(A, y)
    x = z
    for k, level in enumerate(noise_levels(steps, first, sigma if last is None else last)):
        x = data(z, weight * sigma**2 / level**2, start=x, tol=tol)
        z = denoised(denoiser, x, level, k if turned else 0)
        yield Iterate(z, x)


@dataclass(frozen=True)
class Tile:
    """A part of the picture: what the denoiser sees, and the core of it that is kept."""

    seen: tuple[slice, slice]
    kept: tuple[slice, slice]
    core: tuple[slice, slice]

    def write(self, clean: Tensor, into: Tensor) -> None:
        """Put the core of what the denoiser made of this part where it belongs."""
        into[..., self.kept[0], self.kept[1]] = clean[..., self.core[0], self.core[1]]


def tiles(height: int, width: int, side: int) -> list[Tile]:
    """Tiles of ``side`` pixels whose kept cores cover the picture exactly once."""
    found = []
    for rows, kept_rows, core_rows in _spans(height, side):
        for columns, kept_columns, core_columns in _spans(width, side):
            found.append(
                Tile((rows, columns), (kept_rows, kept_columns), (core_rows, core_columns))
            )
    return found


def _spans(length: int, side: int) -> list[tuple[slice, slice, slice]]:
    firsts = starts(length, side, OVERLAP)
    ends = [min(first + side, length) for first in firsts]
    # Neighbors part in the middle of what they share.
    edges = [0, *((a + b) // 2 for a, b in zip(firsts[1:], ends, strict=False)), length]
    return [
        (slice(first, end), slice(low, high), slice(low - first, high - first))
        for first, end, low, high in zip(firsts, ends, edges, edges[1:], strict=False)
    ]


class Params(Settings):
    """Knobs of plug-and-play."""

    prior: PriorName = prior_knob()
    network: Network = network_knob()
    steps: int = knob(
        8,
        title="Steps",
        help="How often the picture is denoised and brought back to the measurement. 8 do "
        "for most damages; holes and very little noise deserve 24 or more.",
        ge=1,
        le=2000,
    )
    weight: float = knob(
        0.23,
        title="Trust in the prior",
        help="Higher is cleaner, lower keeps closer to the measurement. The field calls it "
        "lambda; 0.23 is the value of the paper.",
        ge=0.01,
        le=10.0,
        scale="log",
        live=True,
    )
    first: float = knob(
        round(FIRST_SIGMA, 4),
        title="First noise level",
        help="How strongly the first step smooths, as a fraction of black to white; 0.192 is "
        "49 of 255. Higher forgets more of the damage, and needs more steps.",
        ge=0.01,
        le=1.0,
        decimals=3,
        group="Effort",
        folded=True,
    )
    last: float = knob(
        1.0,
        title="Last noise level",
        help="How finely the last step smooths, in multiples of the measurement's noise.",
        unit="×",
        ge=0.01,
        le=10.0,
        scale="log",
        group="Effort",
        folded=True,
    )
    turned: bool = knob(
        True,
        title="Turn the picture between steps",
        help="Shows the network the picture in another orientation at every step, so that its "
        "small mistakes average out. Costs nothing.",
        when={"prior": ["auto", *TRAINED]},
        group="Effort",
        folded=True,
    )
    tile: int = knob(
        832,
        title="Tile",
        help="Larger pictures are denoised in overlapping tiles of this side: less memory, "
        "and the run can be stopped sooner.",
        unit="px",
        ge=256,
        le=4096,
        step=64,
        group="Effort",
        folded=True,
    )


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield the estimate after every denoised picture, or tile of one.

    The state's ``x`` is the estimate; ``data`` the picture that the denoiser is given.
    """
    params = restored(params, state)
    denoiser = load_prior(problem, params.prior, params.network)
    data = DataStep(problem.linear, problem.measurement)
    levels = noise_levels(params.steps, params.first, params.last * problem.sigma)
    _, height, width = problem.operator.shape_in
    # The Gaussian prior is one formula for the whole picture, and a person's own network knows
    # one size; neither that nor the formulas are asked about turned pictures.
    whole = params.prior in ("gaussian", "pretrained")
    turning = params.turned and params.prior in ("auto", *TRAINED)
    parts = tiles(height, width, max(height, width) if whole else params.tile)
    total = len(levels) * len(parts)
    if state is None:
        step, x = 0, first_picture(problem.linear, problem.measurement).clone()
        explained = x
    else:
        step, x, explained = state.step, state.tensors["x"], state.tensors["data"]
    while True:
        level = levels[min(step // len(parts), len(levels) - 1)]
        scalars = {"live": chosen(params), "curves": {"sigma": level, **cost(step)}}
        events: tuple[UserEvent, ...] = yield State(
            step, total, {"x": x, "data": explained}, scalars
        )
        params = tuned(params, events)
        if step >= total:
            return
        k, part = divmod(step, len(parts))
        if part == 0:
            rho = params.weight * problem.sigma**2 / levels[k] ** 2
            explained = data(x, rho, start=explained, tol=DATA_TOLERANCE)
            x = x.clone()
        seen = explained[..., parts[part].seen[0], parts[part].seen[1]]
        turn = k if turning else 0
        parts[part].write(denoised(denoiser, seen, levels[k], turn), x)
        step += 1


def cost(passes: int) -> dict[str, float]:
    """The numbers of the network's passes: one per denoised picture or tile, none backward."""
    return {"calls": float(passes), "backwards": 0.0}


METHOD = Method(
    title="Plug-and-play",
    bench="restoration",
    summary="A trained denoiser knows how pictures look; the damage is undone around it.",
    source="Zhang, Li, Zuo, Zhang, Van Gool, Timofte 2022",
    url="https://arxiv.org/abs/2008.13751",
    params=Params,
    solve=solve,
    fits=linear_only,
    presets=(
        PresetSpec("fast", "Fast", {"steps": 8}, "Eight steps, as in the paper.", 5.0),
        PresetSpec(
            "faithful",
            "Faithful",
            {"steps": 24},
            "Three times as many: for holes, strong blur and little noise.",
            15.0,
        ),
    ),
    panels=(
        PanelSpec(
            name="sigma",
            title="Noise level of the step",
            kind="curve",
            series=(SeriesSpec("sigma", "Denoiser sigma"),),
            log_y=True,
            help="How strongly the denoiser smooths; it falls to the noise of the measurement.",
        ),
        COST,
    ),
    priors=("photo-denoiser",),
    order=30,
)

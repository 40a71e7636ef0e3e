"""Total variation: the picture of least contrast that explains the measurement.

Source: L. Rudin, S. Osher, E. Fatemi, Nonlinear total variation based noise removal
algorithms, Physica D 1992, solved as in A. Chambolle and T. Pock, A first-order
primal-dual algorithm for convex problems with applications to imaging, JMIV 2011.

``min_x 1/2 ||A x - y||^2 + weight * sum_pixels |gradient x|``, where the length of the
gradient joins both directions and all colors. The duality gap bounds how far the objective
is above its minimum, so the run can stop by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, PresetSpec, SeriesSpec
from engine.messages import UserEvent
from engine.method import Method, Settings, Solver, State, knob, tuned
from engine.operators import Convolution, Identity, LinearOperator
from engine.restoration.data_step import DataStep
from engine.restoration.problem import Problem, linear_only
from engine.restoration.start import first_picture
from engine.restoration.tuning import chosen, restored

#: ``||gradient||^2`` is below 8 in two dimensions.
GRADIENT_NORM2 = 8.0
#: Surely contains every solution; the gap needs some bound on the pictures.
BOX = (-0.5, 1.5)
#: Steps per yield, for pictures of up to so many measured pixels.
STRIDE = 5
STRIDE_PIXELS = 1_000_000


def gradient(x: Tensor) -> Tensor:
    """Forward differences (B, C, 2, H, W) downward and to the right, 0 at the last edge."""
    p = x.new_zeros(*x.shape[:2], 2, *x.shape[2:])
    torch.sub(x[..., 1:, :], x[..., :-1, :], out=p[:, :, 0, :-1, :])
    torch.sub(x[..., 1:], x[..., :-1], out=p[:, :, 1, :, :-1])
    return p


def gradient_adjoint(p: Tensor) -> Tensor:
    """The transpose of ``gradient``: minus the divergence of ``p`` (B, C, 2, H, W)."""
    down, right = p[:, :, 0, :-1, :], p[:, :, 1, :, :-1]
    x = p.new_zeros(*p.shape[:2], *p.shape[3:])
    x[..., 1:, :] += down
    x[..., :-1, :] -= down
    x[..., 1:] += right
    x[..., :-1] -= right
    return x


def lengths(p: Tensor) -> Tensor:
    """Length (B, 1, 1, H, W) of the gradient over colors and directions."""
    return p.square().sum(dim=(1, 2), keepdim=True).sqrt()


def total_variation_of(x: Tensor) -> float:
    """The penalty itself, without its weight."""
    return float(lengths(gradient(x)).sum(dtype=torch.float64))


@dataclass
class Iterate:
    """Complete state: the picture ``x``, the dual field ``p`` (B, C, 2, H, W), the steps."""

    x: Tensor
    p: Tensor
    primal_step: float
    dual_step: float


class TotalVariation:
    """The saddle-point problem of one measurement.

    Args:
        y, A: measurement (1, c, h, w) and operator.
        weight: of the variation, above 0.
        reach: how far a pixel typically moves; balances the primal against the dual step and
            changes only the speed. If None, what was found quickest: accelerated steps
            shrink by themselves and may begin large.
    """

    def __init__(
        self, y: Tensor, A: LinearOperator, weight: float, reach: float | None = None
    ) -> None:
        if weight <= 0:
            raise ValueError(f"weight is {weight}; it must be above 0")
        self.y, self.A, self.weight = y, A, weight
        self.reach = reach or (0.5 if isinstance(A, Identity) else 0.05)
        self._data = DataStep(A, y)

    def start(self, x: Tensor | None = None, p: Tensor | None = None) -> Iterate:
        """Before the first step: a first picture, or ``x`` and ``p`` of an earlier run."""
        x = first_picture(self.A, self.y).clone() if x is None else x
        p = x.new_zeros(1, x.shape[1], 2, *x.shape[2:]) if p is None else self._within(p.clone())
        scale = self.reach / self.weight
        norm = GRADIENT_NORM2**0.5
        return Iterate(x, p, scale / norm, 1.0 / (scale * norm))

    def step(self, at: Iterate) -> Iterate:
        """One primal and one dual step; accelerated where the data term is strongly convex."""
        x = self._primal(at)
        theta, primal, dual = 1.0, at.primal_step, at.dual_step
        if isinstance(self.A, Identity):
            theta = 1.0 / (1.0 + 2.0 * primal) ** 0.5
            primal, dual = primal * theta, dual / theta
        ahead = torch.lerp(at.x, x, 1.0 + theta)
        p = self._within(gradient(ahead).mul_(dual).add_(at.p))
        return Iterate(x, p, primal, dual)

    def _primal(self, at: Iterate) -> Tensor:
        rho = 1.0 / at.primal_step
        pull = gradient_adjoint(at.p)
        wrapped = self._data.wrapped
        if wrapped is None:
            return self._data(at.x - pull / rho, rho)
        # One gradient step in the metric of the wrapped blur (Condat 2013): it majorizes the
        # data term, so this converges like the exact step at a fraction of its cost.
        slope = self.A.adjoint(self.A(at.x) - self.y) + pull
        return at.x - wrapped(slope, rho)

    def _within(self, p: Tensor) -> Tensor:
        return p.div_((lengths(p) / self.weight).clamp_min_(1.0))

    def primal(self, x: Tensor) -> float:
        """The objective at ``x``."""
        fit = 0.5 * float((self.A(x) - self.y).square().sum(dtype=torch.float64))
        return fit + self.weight * total_variation_of(x)

    def gap(self, at: Iterate) -> tuple[float, float]:
        """Objective, and by how much at most it exceeds the minimum (over ``BOX``).

        For denoising the bound needs no box: there ``1/2 ||x - solution||^2 <= gap``.
        """
        pull = gradient_adjoint(at.p)
        value = self.primal(at.x)
        if isinstance(self.A, Identity):
            dual = _dot(pull, self.y) - 0.5 * _dot(pull, pull)
            return value, value - dual
        residual = self.A(at.x) - self.y
        slope = self.A.adjoint(residual) + pull
        low, high = BOX
        slack = 0.5 * (high - low) * float(slope.abs().sum(dtype=torch.float64))
        slack -= 0.5 * (low + high) * float(slope.sum(dtype=torch.float64))
        dual = -0.5 * _dot(residual, residual) - _dot(residual, self.y) - slack
        return value, value - dual


def total_variation_steps(
    y: Tensor, A: LinearOperator, weight: float, steps: int = 300
) -> Iterator[Iterate]:
    """The iterates of Chambolle and Pock."""
    system = TotalVariation(y, A, weight)
    at = system.start()
    for _ in range(steps):
        at = system.step(at)
        yield at


def _dot(u: Tensor, v: Tensor) -> float:
    return float((u * v).sum(dtype=torch.float64))


class Params(Settings):
    """Knobs of total variation."""

    trust: float = knob(
        1.0,
        title="Trust in the prior",
        help="Higher paints larger flat areas, lower keeps more texture and more noise. 1 "
        "suits the noise that you stated. The field calls it the regularization weight.",
        ge=0.01,
        le=100.0,
        scale="log",
        live=True,
    )
    steps: int = knob(
        120,
        title="Most steps",
        help="The run ends earlier once the answer is proved to be good enough.",
        ge=1,
        le=5000,
        group="Effort",
    )
    tolerance: float = knob(
        0.0005,
        title="Stop when within",
        help="The duality gap, as a share of the objective: the answer is proved to be no "
        "further above the best possible one than this.",
        ge=1e-5,
        le=1.0,
        scale="log",
        decimals=5,
        group="Effort",
    )


def automatic_weight(A: LinearOperator, sigma: float) -> float:
    """A weight that suits the noise level, found on photographs.

    Noise that is seen directly needs a weight near its own size. Behind a blur the signal
    hardly reaches the fine details, so far less is right, and less than in proportion.
    """
    if isinstance(A, Identity):
        return 1.05 * sigma
    if isinstance(A, Convolution):
        return sigma * min(1.05, 0.07 * math.exp(0.65 * math.log(sigma / 0.01)))
    return 0.3 * sigma


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield the estimate after every few steps, with the duality gap."""
    params = restored(params, state)
    y, A = problem.measurement, problem.linear
    automatic = automatic_weight(A, problem.sigma)
    system = TotalVariation(y, A, params.trust * automatic)
    if state is None:
        step, at = 0, system.start()
    else:
        step, at = (
            state.step,
            Iterate(state.tensors["x"], state.tensors["p"], **state.scalars["steps"]),
        )
    # A large picture yields after every step, so that it can be stopped in time.
    stride = STRIDE if y.shape[-2] * y.shape[-1] <= STRIDE_PIXELS else 1
    while True:
        objective, gap = system.gap(at)
        share = gap / max(abs(objective), 1e-12)
        settled = share <= params.tolerance and step > 0
        scalars = {
            "live": chosen(params),
            "steps": {"primal_step": at.primal_step, "dual_step": at.dual_step},
            "curves": {"gap": max(share, 1e-9)},
        }
        total = step if settled else params.steps
        events: tuple[UserEvent, ...] = yield State(step, total, {"x": at.x, "p": at.p}, scalars)
        fresh = tuned(params, events)
        if fresh.trust != params.trust:
            system = TotalVariation(y, A, fresh.trust * automatic)
            at, settled = system.start(at.x, at.p * (fresh.trust / params.trust)), False
        params = fresh
        if settled or step >= params.steps:
            return
        for _ in range(min(stride, params.steps - step)):
            at, step = system.step(at), step + 1


METHOD = Method(
    title="Total variation",
    bench="restoration",
    summary="Explains the measurement with as few edges as possible: crisp, a little painted.",
    source="Rudin, Osher, Fatemi 1992; Chambolle, Pock 2011",
    url="https://doi.org/10.1007/s10851-010-0251-1",
    params=Params,
    solve=solve,
    fits=linear_only,
    presets=(
        PresetSpec("standard", "Standard", {}, "Suits the noise that you stated.", 5.0),
        PresetSpec(
            "fast", "Fast", {"steps": 30, "tolerance": 0.005}, "Near enough to look at.", 2.0
        ),
        PresetSpec(
            "exact",
            "Proved",
            {"steps": 3000, "tolerance": 0.0001},
            "Goes on until the answer is proved to a ten-thousandth; takes minutes.",
            100.0,
            least=1.5,
        ),
    ),
    panels=(
        PanelSpec(
            name="gap",
            title="To the best answer",
            kind="curve",
            series=(SeriesSpec("gap", "Duality gap"),),
            log_y=True,
            help="Distance to the best answer: a proved bound of how far the objective is "
            "above its minimum, as a share of it.",
        ),
    ),
    order=20,
)

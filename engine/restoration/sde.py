"""The three diffusions of score-based models, and the samplers that run them backwards.

Source: Y. Song, J. Sohl-Dickstein, D. Kingma, A. Kumar, S. Ermon, B. Poole, Score-Based
Generative Modeling through Stochastic Differential Equations, ICLR 2021,
https://arxiv.org/abs/2011.13456.

A picture x_0 is noised by ``dx = f(t) x dt + g(t) dw``, so that ``x_t = a(t) x_0 + s(t) n``
with white noise n. Given the score of x_t, the reverse equation
``dx = (f x - g^2 score) dt + g dw`` makes pictures of noise, and so does the ordinary
``dx = (f x - g^2 score / 2) dt``, which has the same marginals. Everything here is in
centered units, pictures of (B, C, H, W) in [-1, 1].

Any denoiser of white noise is the score of all three by a change of variables: ``x_t / a`` is
the picture with noise of deviation ``s / a``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.restoration.priors import Prior

Family = Literal["ve", "vp", "sub_vp"]
Predictor = Literal["reverse_diffusion", "ancestral", "euler_maruyama", "none"]
#: ``score(x, t)``: gradient of the log density of x_t at ``x``, shaped as ``x``.
Score = Callable[[Tensor, float], Tensor]


@dataclass(frozen=True)
class SDE:
    """One of the three: ``ve`` only adds noise, ``vp`` and ``sub_vp`` also fade the picture.

    Attributes:
        family: which.
        low, high: noise at time 0 and 1 of ``ve``, centered.
        slow, fast: beta at time 0 and 1 of ``vp`` and ``sub_vp``.
    """

    family: Family = "ve"
    low: float = 0.01
    high: float = 50.0
    slow: float = 0.1
    fast: float = 20.0

    @property
    def end(self) -> float:
        """The time near 0 at which the reverse run stops: below it the score is too steep."""
        return 1e-5 if self.family == "ve" else 1e-3

    def beta(self, t: float) -> float:
        """The rate at which ``vp`` and ``sub_vp`` fade the picture."""
        return self.slow + t * (self.fast - self.slow)

    def faded(self, t: float) -> float:
        """The integral of ``beta`` from 0 to ``t``; 0 for ``ve``."""
        if self.family == "ve":
            return 0.0
        return self.slow * t + 0.5 * (self.fast - self.slow) * t * t

    def a(self, t: float) -> float:
        """What is left of the picture."""
        return math.exp(-0.5 * self.faded(t))

    def s(self, t: float) -> float:
        """Deviation of the noise in x_t."""
        if self.family == "ve":
            return self.low * math.pow(self.high / self.low, t)
        gone = -math.expm1(-self.faded(t))
        return math.sqrt(gone) if self.family == "vp" else gone

    def drift(self, t: float) -> float:
        """f(t), which multiplies x."""
        return 0.0 if self.family == "ve" else -0.5 * self.beta(t)

    def diffusion(self, t: float) -> float:
        """g(t) squared."""
        if self.family == "ve":
            return 2.0 * self.s(t) ** 2 * math.log(self.high / self.low)
        rate = self.beta(t)
        return rate if self.family == "vp" else -rate * math.expm1(-2.0 * self.faded(t))

    def noise(self, t: float) -> float:
        """``s / a``: the noise of ``x_t / a``, which is what a denoiser is told."""
        return self.s(t) / self.a(t)

    def time_of(self, noise: float) -> float:
        """The time at which ``noise(t)`` is ``noise``; between 0 and 1 where it never is."""
        if self.family == "ve":
            t = math.log(max(noise, 1e-300) / self.low) / math.log(self.high / self.low)
            return min(max(t, 0.0), 1.0)
        if math.isinf(noise):
            return 1.0
        # noise^2 is e^B - 1 for vp, and noise is 2 sinh(B / 2) for sub-vp.
        grown = math.log1p(noise**2) if self.family == "vp" else 2.0 * math.asinh(0.5 * noise)
        slope = self.fast - self.slow
        t = (math.sqrt(self.slow**2 + 2.0 * slope * grown) - self.slow) / slope
        return min(t, 1.0)

    def start(self, sigma_max: float) -> float:
        """Where a reverse run begins: at 1, or where the noise reaches what a prior knows.

        ``sigma_max`` is the prior's, in [0, 1] units.
        """
        return self.time_of(2.0 * sigma_max)

    def discretized(self, t: float, following: float) -> tuple[float, float]:
        """The forward step from ``following`` to ``t``: drift added per x, variance added.

        It is exact for all three; the steps that the paper writes down agree with it to first
        order in their length. There is no noise at all at time 0.
        """
        kept = self.a(t) / self.a(following)
        before = self.s(following) if following > 0 else 0.0
        return kept - 1.0, self.s(t) ** 2 - (kept * before) ** 2


def score_of(
    prior: Prior, sde: SDE, *, differentiable: bool = False, dtype: torch.dtype | None = None
) -> Score:
    """The score of every x_t from a denoiser: ``(a D(x_t / a, s / a) - x_t) / s^2``.

    With ``differentiable``, autograd flows from the result to ``x``. The prior is fed
    ``dtype``, the number type of ``x`` if that is None.
    """
    denoise = prior.differentiable if differentiable else prior

    def score(x: Tensor, t: float) -> Tensor:
        a, s = sde.a(t), sde.s(t)
        # With the clean picture c in [0, 1] it is (2 a c - (x + a)) / s^2.
        shifted = x + a
        clean = denoise((shifted * (0.5 / a)).to(dtype or x.dtype), 0.5 * s / a)
        return (2.0 * a / s**2 * clean.to(x.dtype)).sub(shifted, alpha=1.0 / s**2)

    return score


def estimate(sde: SDE, x: Tensor, score: Tensor, t: float) -> Tensor:
    """``E[x_0 | x_t = x]`` from the score at ``x`` (Tweedie)."""
    return torch.add(x, score, alpha=sde.s(t) ** 2) * (1.0 / sde.a(t))


def times(sde: SDE, count: int, start: float = 1.0) -> list[float]:
    """``count`` times from ``start`` down to ``sde.end`` in equal steps, and then 0."""
    return [*np.linspace(start, sde.end, count).tolist(), 0.0]


def predict(
    sde: SDE,
    x: Tensor,
    score: Tensor,
    t: float,
    following: float,
    noise: Tensor,
    predictor: Predictor = "reverse_diffusion",
) -> tuple[Tensor, Tensor]:
    """One step of the reverse equation from ``t`` to ``following``: ``(x, its noise-free mean)``.

    Args:
        x, score: (B, C, H, W) at time ``t``.
        noise: unit noise shaped as ``x``.
        predictor: ``reverse_diffusion`` mirrors the forward step, ``ancestral`` draws from
            its posterior (of DDPM's two variances the smaller), ``euler_maruyama`` is the
            plain rule, ``none`` stands still.
    """
    if predictor == "none":
        return x, x
    if predictor == "euler_maruyama":
        dt = t - following
        drift, variance = sde.drift(t) * dt, sde.diffusion(t) * dt
    else:
        drift, variance = sde.discretized(t, following)
    if predictor == "ancestral":
        mean = torch.add(x, score, alpha=variance) * (1.0 / (1.0 + drift))
        left = sde.s(following) if following > 0 else 0.0
        variance *= (left / sde.s(t)) ** 2
    else:
        mean = torch.add((1.0 - drift) * x, score, alpha=variance)
    return torch.add(mean, noise, alpha=math.sqrt(variance)), mean


def correct(
    sde: SDE, x: Tensor, score: Tensor, t: float, following: float, noise: Tensor, snr: float
) -> tuple[Tensor, Tensor]:
    """One step of Langevin dynamics at time ``t``: ``(x, its noise-free mean)``.

    Its length follows from the ratio ``snr`` of the norms of the score's and the noise's
    part, averaged over the batch.
    """
    norms = [fmean(torch.linalg.vector_norm(v.flatten(1), dim=1).tolist()) for v in (score, noise)]
    scale = 1.0 - sde.discretized(t, following)[1] if sde.family == "vp" else 1.0
    length = 2.0 * max(scale, 0.0) * (snr * norms[1] / max(norms[0], 1e-30)) ** 2
    mean = torch.add(x, score, alpha=length)
    return torch.add(mean, noise, alpha=math.sqrt(2.0 * length)), mean


def flow(sde: SDE, x: Tensor, score: Tensor, t: float) -> Tensor:
    """``dx/dt`` of the probability-flow equation."""
    return sde.drift(t) * x - 0.5 * sde.diffusion(t) * score


Vector = NDArray[np.float64]
Slope = Callable[[float, Vector], Vector]


@dataclass(frozen=True)
class OdeState:
    """Where an adaptive solution stands: time, vector, slope there, next step to try.

    Before the first step there is no ``slope``, and the step chooses its own length.
    """

    t: float
    y: Vector
    slope: Vector | None = None
    length: float = 0.0


def ode_step(slope: Slope, at: OdeState, bound: float, tol: float = 1e-5) -> OdeState:
    """One accepted step of the Runge-Kutta pair of Dormand and Prince towards ``bound``.

    Relative and absolute tolerance are ``tol``; SciPy's ``RK45`` judges the step. The next
    step follows from the returned state alone, so a solution can be kept and gone on with.

    Raises:
        ArithmeticError: the step would be shorter than numbers resolve.
    """
    # Only here: listing the methods must not wait for SciPy.
    from scipy.integrate import RK45

    pending = [] if at.slope is None else [at.slope]

    def counted(t: float, y: Vector) -> Vector:
        # The solver begins with the slope at its start, which is known already.
        return pending.pop() if pending else slope(t, y)

    first = min(at.length, abs(bound - at.t)) or None
    solver = RK45(counted, at.t, at.y, bound, first_step=first, rtol=tol, atol=tol)
    trouble = solver.step()
    if solver.status == "failed":
        raise ArithmeticError(f"the flow cannot be followed at time {solver.t:g}: {trouble}")
    return OdeState(float(solver.t), solver.y, solver.f, float(solver.h_abs))


def ode_solve(slope: Slope, y: Vector, start: float, bound: float, tol: float = 1e-5) -> Vector:
    """``ode_step`` from ``start`` to ``bound``."""
    at = OdeState(start, y)
    while at.t != bound:
        at = ode_step(slope, at, bound, tol)
    return at.y


def flow_slope(sde: SDE, score: Score, like: Tensor) -> Slope:
    """The probability flow on float64 vectors, for pictures shaped and placed as ``like``.

    The state stays float64: in float32 a step at tolerance 1e-5 may never be accepted.
    """

    def slope(t: float, y: Vector) -> Vector:
        x = as_pictures(y, like)
        return as_vector(flow(sde, x, score(x, t), t))

    return slope


def as_pictures(y: Vector, like: Tensor) -> Tensor:
    """A vector as float64 pictures shaped and placed as ``like``."""
    return torch.from_numpy(np.array(y)).reshape(like.shape).to(like.device)


def as_vector(x: Tensor) -> Vector:
    """Pictures as one float64 vector on the CPU."""
    vector: Vector = x.detach().cpu().double().reshape(-1).numpy()
    return vector

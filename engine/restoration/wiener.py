"""Wiener filter: the exact answer if pictures were Gaussian with a known spectrum.

Source: N. Wiener, Extrapolation, Interpolation, and Smoothing of Stationary Time Series,
1949. The posterior mean solves ``(A^T A + sigma^2 C^-1) (x - m) = A^T (y - A m)``. Where
A and C share a basis that is one division per frequency; everywhere else (missing pixels,
low resolution, lost color, real borders) preconditioned conjugate gradients reach it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.catalogue import PanelSpec, PresetSpec, SeriesSpec
from engine.messages import UserEvent
from engine.method import Method, Settings, Solver, State, knob, tuned
from engine.operators import Convolution, Downsample, Grayscale, LinearOperator, Mask
from engine.restoration.basis import forward, frequencies
from engine.restoration.priors import COLOR_AXES, COLOR_SHARES, GaussianPrior
from engine.restoration.problem import Problem, linear_only
from engine.restoration.start import first_picture
from engine.restoration.tuning import chosen, restored


@dataclass
class Iterate:
    """One step of the conjugate gradients, complete: the next step follows from it alone.

    ``x`` is the estimate, ``residual`` and ``direction`` belong to the linear system,
    ``energy`` (0-d) is the preconditioned residual's, ``error`` the relative residual.
    """

    x: Tensor
    residual: Tensor
    direction: Tensor
    energy: Tensor
    error: Tensor


class WienerSystem:
    """The normal equations of one measurement ``y`` (1, c, h, w) under one Gaussian prior.

    ``sigma`` is the noise, above 0; ``trust`` multiplies the prior's weight (1 is Bayes).
    """

    def __init__(
        self, y: Tensor, A: LinearOperator, sigma: float, prior: GaussianPrior, trust: float = 1.0
    ) -> None:
        self.y, self.A, self.prior = y, A, prior
        self._penalty = trust * sigma**2 / prior.spectrum
        self._inverse = 1.0 / (spectral_gain(A, prior) + self._penalty)
        self._mean = prior.mean.expand(A.shape_in)[None]

    def start(self, x: Tensor | None = None) -> Iterate:
        """Before the first step: at ``x``, or as near to the solution as one filter reaches."""
        target = self.A.adjoint(self.y - self.A(self._mean))
        offset = self._guess(target) if x is None else x - self._mean
        residual = target - self._normal(offset)
        direction = self.prior.filter(residual, self._inverse)
        error = (_dot(residual, residual) / _dot(target, target).clamp_min(1e-30)).sqrt()
        return Iterate(offset + self._mean, residual, direction, _dot(residual, direction), error)

    def _guess(self, target: Tensor) -> Tensor:
        if isinstance(self.A, Mask | Downsample):
            return first_picture(self.A, self.y) - self._mean
        if isinstance(self.A, Grayscale):
            return self._from_gray()
        return self.prior.filter(target, self._inverse)

    def _from_gray(self) -> Tensor:
        """The solution itself: every frequency is a 3-vector of which one mixture was seen."""
        prior, mixture = self.prior, _mixture(self.A, self.y)
        along = torch.einsum("ij,j->i", prior.axes, mixture)[:, None, None]
        signal = prior.spectrum * along
        total = (signal * along).sum(0) + (self._penalty * prior.spectrum)[0]
        seen = forward(self.y - self.A(self._mean), prior.basis)
        return prior.synthesize(seen * prior.half(signal / total))

    def step(self, at: Iterate) -> Iterate:
        """One step of preconditioned conjugate gradients."""
        if float(at.energy) <= 0.0:
            return at
        moved = self._normal(at.direction)
        length = (at.energy / _dot(at.direction, moved)).to(at.x.dtype)
        x = at.x + length * at.direction
        residual = at.residual - length * moved
        toward = self.prior.filter(residual, self._inverse)
        energy = _dot(residual, toward)
        direction = toward + (energy / at.energy).to(x.dtype) * at.direction
        shrunk = (_dot(residual, residual) / _dot(at.residual, at.residual)).sqrt()
        return Iterate(x, residual, direction, energy, at.error * shrunk)

    def _normal(self, offset: Tensor) -> Tensor:
        return self.A.adjoint(self.A(offset)) + self.prior.filter(offset, self._penalty)


def wiener_steps(
    y: Tensor,
    A: LinearOperator,
    sigma: float,
    prior: GaussianPrior,
    *,
    trust: float = 1.0,
    steps: int = 200,
    tol: float = 1e-5,
) -> Iterator[Iterate]:
    """The iterates on the way to the posterior mean, until the relative residual is ``tol``."""
    system = WienerSystem(y, A, sigma, prior, trust)
    at = system.start()
    yield at
    for _ in range(steps):
        if float(at.error) <= tol:
            return
        at = system.step(at)
        yield at


def wiener(
    y: Tensor,
    A: LinearOperator,
    sigma: float,
    prior: GaussianPrior,
    *,
    trust: float = 1.0,
    steps: int = 200,
    tol: float = 1e-5,
) -> Tensor:
    """Posterior mean of the picture behind ``y = A x + sigma noise``, shaped ``A.shape_in``."""
    iterates = wiener_steps(y, A, sigma, prior, trust=trust, steps=steps, tol=tol)
    return deque(iterates, maxlen=1).pop().x


def spectral_gain(A: LinearOperator, prior: GaussianPrior) -> Tensor:
    """``A^T A`` in the prior's basis: exact where it is diagonal there, else its mean level.

    Broadcasts to the prior's spectrum. Only speed depends on how good it is.
    """
    like = prior.spectrum
    if isinstance(A, Convolution):
        if prior.basis == "fourier":
            return (A.spectrum.abs() ** 2).to(like)
        vertical, horizontal = frequencies(prior.size, prior.basis)
        return _response(A.kernel, vertical, horizontal).to(like)
    probe = torch.randint(0, 2, (1, *A.shape_in), generator=torch.Generator().manual_seed(0))
    signs = (2 * probe - 1).to(like)
    level = A(signs).square().sum() / signs.numel()
    return level.reshape(1, 1, 1).clamp_min(1e-6)


def _response(kernel: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    """Squared frequency response of a kernel, averaged over mirrored directions."""
    rows = torch.arange(kernel.shape[0], dtype=torch.float64) - kernel.shape[0] // 2
    columns = torch.arange(kernel.shape[1], dtype=torch.float64) - kernel.shape[1] // 2
    across = torch.exp(-2j * torch.pi * (columns[:, None] * horizontal))
    total = torch.zeros(vertical.shape[0], horizontal.shape[1], dtype=torch.float64)
    for sign in (1, -1):
        down = torch.exp(-2j * torch.pi * sign * (vertical * rows))
        total += 0.5 * (down @ kernel.to(torch.complex128) @ across).abs() ** 2
    return total


def photograph_prior(
    y: Tensor, A: LinearOperator, sigma: float, slope: float = 2.0, known: Tensor | None = None
) -> GaussianPrior:
    """A power-law prior whose mean and color variances are taken from the measurement.

    ``known`` (c, h, w) marks the measured numbers where some are missing. A measurement
    of one channel leaves the colors to what photographs have on average.
    """
    channels = A.shape_in[0]
    values = y[0].flatten(1)
    if known is not None:
        values = values[:, known.reshape(values.shape).all(0)]
    mean = values.mean(1)
    apart = values - mean[:, None]
    variance = (apart @ apart.T) / max(1, values.shape[1])
    variance = variance - sigma**2 * torch.eye(len(mean)).to(variance)
    if len(mean) < channels:
        axes, shares = COLOR_AXES.to(y), COLOR_SHARES.to(y)
        variance = variance.clamp_min(1e-4) * 3.0 * (axes.T * shares) @ axes
        mean = mean.expand(channels)
    values_of, vectors = torch.linalg.eigh(variance.double())
    variance = (vectors * values_of.clamp_min(1e-5)) @ vectors.T
    return GaussianPrior.power_law(
        A.shape_in, variance.to(y), slope=slope, mean=mean[:, None, None]
    )


def _mixture(A: LinearOperator, like: Tensor) -> Tensor:
    """Weights (3,) with which a pixel's colors make its gray."""
    colors = torch.eye(3).to(like)[..., None, None].expand(3, *A.shape_in)
    return A(colors)[:, 0, 0, 0]


def _dot(u: Tensor, v: Tensor) -> Tensor:
    return (u * v).sum(dtype=torch.float64)


class Params(Settings):
    """Knobs of the Wiener filter."""

    trust: float = knob(
        1.0,
        title="Trust in the prior",
        help="Higher is smoother, lower keeps more detail and more noise. 1 is the value "
        "that statistics asks for.",
        ge=0.01,
        le=100.0,
        scale="log",
        live=True,
    )
    slope: float = knob(
        2.5,
        title="Smoothness of pictures",
        help="How fast the strength of details falls with their fineness; the exponent of "
        "the power spectrum. Photographs lie between 2 and 3.",
        ge=0.5,
        le=5.0,
        step=0.1,
        decimals=1,
        group="Prior",
    )
    steps: int = knob(
        60,
        title="Most steps",
        help="The run ends earlier when the answer no longer changes; few damages need more.",
        ge=1,
        le=1000,
        group="Effort",
        folded=True,
    )
    tolerance: float = knob(
        3e-5,
        title="Stop when settled to",
        help="Relative residual of the linear system at which the answer counts as reached.",
        ge=1e-6,
        le=0.1,
        scale="log",
        decimals=6,
        group="Effort",
        folded=True,
    )


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield the estimate after every step of the conjugate gradients."""
    params = restored(params, state)
    y, A = problem.measurement, problem.linear
    prior = photograph_prior(y, A, problem.sigma, params.slope, problem.known)
    system = WienerSystem(y, A, problem.sigma, prior, params.trust)
    if state is None:
        step, at = 0, system.start()
    else:
        step, at = state.step, Iterate(**state.tensors)
    while True:
        settled = float(at.error) <= params.tolerance
        total = step if settled else params.steps
        scalars = {"live": chosen(params), "curves": {"settled": float(at.error)}}
        events: tuple[UserEvent, ...] = yield State(step, total, dict(vars(at)), scalars)
        fresh = tuned(params, events)
        if fresh.trust != params.trust:
            system = WienerSystem(y, A, problem.sigma, prior, fresh.trust)
            at, settled = system.start(at.x), False
        params = fresh
        if settled or step >= params.steps:
            return
        at, step = system.step(at), step + 1


METHOD = Method(
    title="Wiener filter",
    bench="restoration",
    summary="The classic: one smooth prior for all pictures, solved exactly in a moment.",
    source="Wiener 1949",
    url="https://en.wikipedia.org/wiki/Wiener_filter",
    params=Params,
    solve=solve,
    fits=linear_only,
    presets=(
        PresetSpec("standard", "Standard", {}, "What statistics asks for.", 4.0),
        PresetSpec("sharp", "Sharper", {"trust": 0.2}, "More detail, more noise left in it.", 6.0),
    ),
    panels=(
        PanelSpec(
            name="settled",
            title="Left to solve",
            kind="curve",
            series=(SeriesSpec("settled", "Relative residual"),),
            log_y=True,
            help="How far the linear equations are from being solved, as a share of their "
            "right side.",
        ),
    ),
    order=10,
)

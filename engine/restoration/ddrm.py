"""DDRM: denoise each coefficient as far as the measurement has not done so already.

Source: B. Kawar, M. Elad, S. Ermon, J. Song, Denoising Diffusion Restoration Models,
NeurIPS 2022, https://arxiv.org/abs/2201.11793.

In the singular basis of ``A = U S V^T`` a measurement is ``y_i / s_i``: the coefficient of
the picture with noise of deviation ``tau_i = sigma / s_i``. The walk goes down noise levels
``sigma_t`` of ``x_t = x_0 + sigma_t noise``. With the prior's picture ``x_0`` and unit noise
``n``, a coefficient at the following level ``sigma_t`` is

    not measured:        x_0 + k (x_{t+1} - x_0) sigma_t / sigma_{t+1} + eta sigma_t n
    tau_i > sigma_t:     x_0 + k (y_i / s_i - x_0) sigma_t / tau_i     + eta sigma_t n
    tau_i <= sigma_t:    (1 - eta_b) x_0 + eta_b y_i / s_i + sqrt(sigma_t^2 - eta_b^2 tau_i^2) n

with ``k = sqrt(1 - eta^2)``. All of it is in [0, 1] units, where the noise of the
measurement, the levels and the prior's sigma are the same thing.

The paper's levels are evenly spaced in time; the fast preset spaces them quadratically, which
has more of them where the second rule hands over to the third. Neither draws from the exact
posterior: ``tests/science/test_ddrm.py`` states where the rules are exact and how far they
are off elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.catalogue import PresetSpec
from engine.method import BadInput, Method, Settings, Solver, State, knob
from engine.operators import SVD, Convolution, LinearOperator
from engine.restoration.data_step import DataStep
from engine.restoration.diffusion import Spacing, draw, grid, noise_of, schedule
from engine.restoration.posterior import COST, PANELS, pictured, repeated, samples_knob
from engine.restoration.prior import Network, PriorName, load_prior, network_knob, prior_knob
from engine.restoration.problem import Problem, linear_only
from engine.restoration.start import first_picture
from engine.restoration.stepping import Numbers, Tensors, stepped

#: Singular values below this part of the largest count as zero: nothing was measured there.
SMALLEST = 1e-6
#: How far pixels are from a blurred picture, for the plain picture beyond the frame.
CONTRAST = 0.2


class Params(Settings):
    """Knobs of DDRM."""

    prior: PriorName = prior_knob()
    network: Network = network_knob()
    steps: int = knob(
        20, title="Steps", help="How many noise levels are walked down.", ge=2, le=1000
    )
    spacing: Spacing = knob(
        "quadratic",
        title="Spacing of the levels",
        help="Evenly, as in the paper, or with shorter steps towards the picture, which is "
        "more exact.",
        titles={"uniform": "Even", "quadratic": "Shorter at the end"},
    )
    samples: int = samples_knob()
    eta: float = knob(
        0.85,
        title="Fresh noise",
        help="The part of the noise that is drawn anew where the measurement says little: 0 "
        "follows one path, 1 explores. The paper calls it eta.",
        ge=0.0,
        le=1.0,
        step=0.05,
        live=True,
    )
    trust: float = knob(
        1.0,
        title="Trust in the measurement",
        help="How much of the measurement is used where it is cleaner than the picture on its "
        "way: all of it at 1. The paper calls it eta b.",
        ge=0.0,
        le=1.0,
        step=0.05,
        live=True,
    )


def ladder(count: int, sigma_max: float, spacing: Spacing = "quadratic") -> list[float]:
    """``count + 1`` noise levels in [0, 1] units, down to the weakest one and then to 0.

    Unlike ``diffusion.grid`` it takes the weakest level along, as the paper does: from
    there the last step has next to nothing left to smooth.
    """
    levels = [0.5 * noise_of(abar) for abar in grid(count - 1, sigma_max, spacing)[:-1]]
    weakest = 0.5 * noise_of(schedule()[0])
    return [*(level for level in levels if level > weakest), weakest, 0.0]


@dataclass(frozen=True)
class Spectral:
    """A measurement in the singular basis of its operator, in [0, 1] units.

    Attributes:
        svd: of the operator.
        y: ``U^T y``, (B, ...), of noise deviation ``sigma``.
        s: singular values, which broadcast to ``y``.
        sigma: above 0.
        tau: ``sigma / s``.
        gain, inverse, measured: ``s``, ``1 / s``, and 1 where a coefficient was measured at
            all, else 0; complex where ``y`` is, which spares many conversions.
    """

    svd: SVD
    y: Tensor
    s: Tensor
    sigma: float
    tau: Tensor
    gain: Tensor
    inverse: Tensor
    measured: Tensor

    @classmethod
    def of(cls, A: LinearOperator, y: Tensor, sigma: float) -> Spectral:
        """``y`` (B, c, h, w) of an operator that has an ``svd``."""
        if A.svd is None:
            raise ValueError("this operator has no singular value decomposition")
        s, seen = A.svd.singular.like(y), A.svd.uh(y)
        inverse = 1.0 / s.clamp_min(1e-30)
        kinds = (v.to(seen.dtype) for v in (s, inverse, s > SMALLEST * s.max()))
        return cls(A.svd, seen, s, sigma, sigma * inverse, *kinds)

    def start(self, x: Tensor, level: float, noise: Tensor) -> Tensor:
        """The first ``x_t`` (B, C, H, W) at the noise ``level``, around ``x``, where it has to
        say something: measured coefficients that are cleaner begin at the measurement.
        """
        begin = x + level * noise
        white = self.svd.vh(noise)
        at = self.y * self.inverse + _root(level**2 - self.tau * self.tau) * white
        change = torch.where(self.tau <= level, at - self.svd.vh(begin), 0.0)
        return begin + self.svd.v(self.measured * change)


def ddrm_step(
    x: Tensor,
    x0: Tensor,
    data: Spectral,
    level: float,
    following: float,
    noise: Tensor,
    *,
    eta: float = 0.85,
    trust: float = 1.0,
) -> Tensor:
    """From noise ``level`` to the ``following``, lower one; all (B, C, H, W) in [0, 1] units.

    Args:
        x: at ``level``.
        x0: what the prior makes of it, ``prior(x, level)``.
        noise: unit noise, as large as ``x``.
        eta, trust: the paper's eta and eta b.
    """
    kept = math.sqrt(1.0 - eta**2)
    part = kept * following / level
    unseen = ((1.0 - part) * x0).add_(x, alpha=part).add_(noise, alpha=eta * following)
    svd, tau = data.svd, data.tau
    clean, white, now = svd.vh(x0), svd.vh(noise), svd.vh(unseen)
    noisier, spread = tau > following, trust * tau
    # The factor of y - s x_0: small singular values do no harm in it, as in y / s they would.
    pull = (trust * data.inverse).masked_fill_(noisier, kept * following / data.sigma)
    fresh = _root(following**2 - spread * spread).masked_fill_(noisier, eta * following)
    ruled = clean + pull * (data.y - data.gain * clean) + fresh * white
    return unseen + svd.v(data.measured * (ruled - now))


def _root(x: Tensor) -> Tensor:
    return x.clamp_min(0.0).sqrt()


def wrapped(A: LinearOperator, y: Tensor, sigma: float) -> tuple[LinearOperator, Tensor]:
    """An operator with an ``svd``, and its measurement, for ``A`` and ``y`` (1, c, h, w).

    What a camera sees of a blur is the inner part of one that wraps around a slightly larger
    picture. Its outer part was never measured. Here it is taken from the blur of a plain
    least-squares picture, so that the whole is smooth where it wraps around: a jump there
    would count as detail that the blur cannot have left, and be sharpened into stripes.
    Operators with an ``svd`` stay as they are.

    Raises:
        BadInput: the operator has none, and is not a blur.
    """
    if A.svd is not None:
        return A, y
    if not isinstance(A, Convolution):
        raise BadInput(
            "problem.damage: DDRM needs a damage whose singular values are known (allowed: "
            "noise, blur, motion, missing, low_resolution, lost_color)",
            "problem.damage",
        )
    plain = DataStep(A, y)(first_picture(A, y), (sigma / CONTRAST) ** 2)
    whole = Convolution(A.shape_in, A.kernel, "periodic")
    foretold = whole(plain)
    A.crop(foretold).copy_(y)
    return whole, foretold


def solve(
    problem: Problem, params: Params, rng: torch.Generator, state: State | None = None
) -> Solver:
    """Yield the prior's picture after each level; ``level`` holds the noisy pictures."""
    A, y, sigma = problem.linear, problem.measurement, problem.sigma
    prior = load_prior(problem, params.prior, params.network)
    levels = ladder(params.steps, prior.sigma_max, params.spacing)
    data = Spectral.of(*wrapped(A, y, sigma), sigma)

    def first() -> Tensors:
        x = repeated(first_picture(A, y), params.samples)
        return {"level": data.start(x, levels[0], draw(x, rng)), **pictured(x, A)}

    def step(k: int, at: Tensors, params: Params) -> tuple[Tensors, Numbers]:
        x, level, following = at["level"], levels[k], levels[k + 1]
        x0 = prior(x, level)
        x = ddrm_step(
            x,
            x0,
            data,
            level,
            following,
            draw(x, rng),
            eta=params.eta,
            trust=params.trust,
        )
        shown = x if following == 0.0 else x0
        return {"level": x, **pictured(shown, A)}, {"sigma": level}

    yield from stepped(params, state, total=len(levels) - 1, first=first, step=step, prior=prior)


METHOD = Method(
    title="DDRM",
    bench="restoration",
    summary="Draws what the measurement left open, frequency by frequency, in twenty steps.",
    source="Kawar, Elad, Ermon, Song 2022",
    url="https://arxiv.org/abs/2201.11793",
    params=Params,
    solve=solve,
    fits=linear_only,
    presets=(
        PresetSpec(
            "fast",
            "Fast",
            {"steps": 20, "spacing": "quadratic"},
            "Twenty levels, closer together towards the picture.",
            10.0,
        ),
        PresetSpec(
            "faithful",
            "Faithful",
            {"steps": 20, "spacing": "uniform", "eta": 0.85, "trust": 1.0},
            "The paper's values: twenty even levels.",
            10.0,
        ),
    ),
    panels=(*PANELS, COST),
    priors=("photo-denoiser", "emoji-score", "fashion-score"),
    order=90,
)

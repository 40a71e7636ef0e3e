"""The two priors whose answers are exact: a stationary Gaussian and a Gaussian mixture.

Both are called like a network denoiser, ``prior(x, sigma)``, and return the posterior
mean ``E[picture | picture + sigma * noise = x]``. Their score follows from it (Tweedie)
and every solver can be held against their closed forms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.operators.base import LinearOperator
from engine.restoration.basis import Basis, backward, forward, frequencies


class Denoiser(Protocol):
    """What a plug-and-play solver asks of a prior."""

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """The clean picture behind ``x`` (B, C, H, W), whose noise has deviation ``sigma``."""
        ...


class Prior(Denoiser, Protocol):
    """A denoiser whose costs are counted, and through which gradients can flow."""

    #: Strongest noise it knows, in [0, 1] units.
    sigma_max: float
    #: Forward passes so far, and backward passes through them.
    calls: int
    backwards: int

    def differentiable(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """As a call, with a result that is differentiable by ``x``."""
        ...


class Formula:
    """An exact prior with the interface of a trained one: its passes are counted."""

    sigma_max = math.inf

    def __init__(self, denoise: Denoiser) -> None:
        self.denoise = denoise
        self.calls = 0
        self.backwards = 0

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """The posterior mean, without gradients."""
        self.calls += 1
        with torch.no_grad():
            return self.denoise(x, sigma)

    def differentiable(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """The posterior mean; a backward pass through it is counted."""
        self.calls += 1
        with torch.enable_grad():
            clean = self.denoise(x, sigma)
        if clean.requires_grad:
            clean.register_hook(self._count)  # type: ignore[no-untyped-call]
        return clean

    def _count(self, gradient: Tensor) -> None:
        self.backwards += 1


#: Orthonormal color axes of photographs: brightness, blue against yellow, green against magenta.
COLOR_AXES = (
    torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 2.0, -1.0]])
    / torch.tensor([[3.0], [2.0], [6.0]]).sqrt()
)
#: Shares of the variance on those axes, typical of photographs.
COLOR_SHARES = torch.tensor([0.93, 0.06, 0.01])


@dataclass(frozen=True)
class GaussianPrior:
    """``N(mean, C)`` with ``C`` diagonal in color axes times a Fourier or cosine basis.

    Attributes:
        basis: ``fourier`` (pictures wrap around) or ``dct`` (pictures are mirrored).
        mean: ``(C, 1, 1)`` or ``(C, H, W)``.
        spectrum: ``(C, H, W)``: the variance of each orthonormal coefficient. In the Fourier
            basis all of ``fftfreq`` order, equal at opposite frequencies.
        axes: ``(C, C)`` orthonormal rows: the color axes that are independent.
    """

    basis: Basis
    mean: Tensor
    spectrum: Tensor
    axes: Tensor

    @classmethod
    def power_law(
        cls,
        shape: tuple[int, int, int],
        variance: Tensor,
        *,
        slope: float = 2.0,
        basis: Basis = "dct",
        mean: Tensor | None = None,
    ) -> GaussianPrior:
        """Spectrum ``1 / (f0^2 + f^2)^(slope/2)``, as photographs have it near slope 2.

        ``variance`` (C, C) is the covariance of the colors of a pixel; ``f0`` is one
        cycle per picture. ``mean`` (C, 1, 1) is mid-gray when left out.
        """
        channels, height, width = shape
        vertical, horizontal = frequencies((height, width), basis, variance.device)
        corner = 1.0 / max(height, width)
        shape_of_spectrum = (corner**2 + vertical**2 + horizontal**2) ** (-slope / 2)
        shape_of_spectrum = shape_of_spectrum / shape_of_spectrum.mean()
        values, vectors = torch.linalg.eigh(variance.double())
        floor = 1e-8 * float(values.max().clamp_min(1e-12))
        spectrum = values.clamp_min(floor)[:, None, None] * shape_of_spectrum
        if mean is None:
            mean = torch.full((channels, 1, 1), 0.5, device=variance.device)
        kind = variance.dtype
        return cls(basis, mean.to(kind), spectrum.to(kind), vectors.T.contiguous().to(kind))

    @classmethod
    def from_pictures(cls, pictures: Tensor, basis: Basis = "dct") -> GaussianPrior:
        """Learn mean color, color axes and spectrum from ``pictures`` (N, C, H, W).

        The spectrum is the mean power of the coefficients, floored at a millionth of its
        mean so that no coefficient is forbidden.
        """
        mean = pictures.mean(dim=(0, 2, 3))[:, None, None]
        centered = pictures - mean
        flat = centered.movedim(1, 0).flatten(1)
        _, vectors = torch.linalg.eigh((flat @ flat.T).double() / flat.shape[1])
        axes = vectors.T.contiguous().to(pictures.dtype)
        colors = torch.einsum("ij,njhw->nihw", axes, centered)
        if basis == "dct":
            power = forward(colors, basis).square()
        else:
            power = torch.fft.fft2(colors, norm="ortho").abs().square()
        spectrum = power.mean(0)
        return cls(basis, mean, spectrum.clamp_min(1e-6 * float(spectrum.mean())), axes)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.spectrum.shape[-2], self.spectrum.shape[-1]

    def analyze(self, x: Tensor) -> Tensor:
        """Orthonormal coefficients of ``x`` (B, C, H, W), without the mean removed."""
        return forward(torch.einsum("ij,bjhw->bihw", self.axes, x), self.basis)

    def synthesize(self, coefficients: Tensor) -> Tensor:
        """The picture with these coefficients: inverse and adjoint of ``analyze``."""
        colors = backward(coefficients, self.basis, self.size)
        return torch.einsum("ij,bihw->bjhw", self.axes, colors)

    def half(self, full: Tensor) -> Tensor:
        """A quantity per frequency (..., H, W), laid out as ``analyze`` lays out coefficients."""
        return full if self.basis == "dct" else full[..., : self.size[1] // 2 + 1]

    def filter(self, x: Tensor, gains: Tensor) -> Tensor:
        """Multiply each coefficient by its gain (..., C, H, W)."""
        return self.synthesize(self.analyze(x) * self.half(gains))

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """Posterior mean of the clean picture: a Wiener filter of white noise."""
        s2 = _per_picture(sigma, x) ** 2
        return self.mean + self.filter(x - self.mean, self.spectrum / (self.spectrum + s2))

    def score(self, x: Tensor, sigma: float | Tensor = 0.0) -> Tensor:
        """Gradient of ``log_density`` at ``x``."""
        s2 = _per_picture(sigma, x) ** 2
        return -self.filter(x - self.mean, 1.0 / (self.spectrum + s2))

    def log_density(self, x: Tensor, sigma: float = 0.0) -> Tensor:
        """Log density (B,) of a picture with noise of deviation ``sigma`` added."""
        colors = torch.einsum("ij,bjhw->bihw", self.axes, x - self.mean)
        if self.basis == "dct":
            power = forward(colors, self.basis).square()
        else:
            power = torch.fft.fft2(colors, norm="ortho").abs().square()
        total = self.spectrum + sigma**2
        return -0.5 * (power / total + (2 * math.pi * total).log()).sum(dim=(1, 2, 3))

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw ``count`` pictures (count, C, H, W); ``rng`` is a CPU generator."""
        shape = (count, *self.spectrum.shape)
        white = torch.randn(shape, generator=rng, dtype=self.spectrum.dtype)
        return self.mean + self.filter(white.to(self.spectrum.device), self.spectrum.sqrt())


@dataclass(frozen=True)
class MixturePrior:
    """``sum_k w_k N(m_k, C_k)`` in dimension d (2 to 64): exact under every linear operator.

    Attributes:
        weights: ``(K,)``, adding up to one.
        means: ``(K, d)``.
        covariances: ``(K, d, d)``, positive semidefinite.
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor

    def __post_init__(self) -> None:
        k, d = self.means.shape
        if self.weights.shape != (k,) or self.covariances.shape != (k, d, d):
            raise ValueError(
                f"weights {tuple(self.weights.shape)}, means {(k, d)} and covariances "
                f"{tuple(self.covariances.shape)} do not fit together"
            )
        values, vectors = torch.linalg.eigh(self.covariances)
        object.__setattr__(self, "_values", values.clamp_min(0.0))
        object.__setattr__(self, "_vectors", vectors)

    _values: Tensor = None  # type: ignore[assignment]
    _vectors: Tensor = None  # type: ignore[assignment]

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.means.shape[1]

    def _whitened(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates (B, K, d) in each component's axes, and their noisy variances."""
        centered = x[:, None, :] - self.means
        coordinates = torch.einsum("kde,bkd->bke", self._vectors, centered)
        return coordinates, self._values + sigma[:, None, None] ** 2

    def _log_joint(self, coordinates: Tensor, variances: Tensor) -> Tensor:
        terms = coordinates.square() / variances + (2 * math.pi * variances).log()
        return self.weights.log() - 0.5 * terms.sum(-1)

    def log_density(self, x: Tensor, sigma: float | Tensor = 0.0) -> Tensor:
        """Log density (B,) of ``x`` (B, ...) at noise ``sigma``, by log-sum-exp."""
        flat = x.flatten(1)
        return self._log_joint(*self._whitened(flat, _per_row(sigma, flat))).logsumexp(-1)

    def responsibilities(self, x: Tensor, sigma: float | Tensor = 0.0) -> Tensor:
        """Probability (B, K) that each component made ``x`` (B, ...)."""
        flat = x.flatten(1)
        return self._log_joint(*self._whitened(flat, _per_row(sigma, flat))).softmax(-1)

    def score(self, x: Tensor, sigma: float | Tensor = 0.0) -> Tensor:
        """Gradient of ``log_density`` at ``x`` (B, ...)."""
        flat = x.flatten(1)
        coordinates, variances = self._whitened(flat, _per_row(sigma, flat))
        shares = self._log_joint(coordinates, variances).softmax(-1)
        pulls = coordinates / variances * shares[..., None]
        return -torch.einsum("kde,bke->bd", self._vectors, pulls).reshape(x.shape)

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """Posterior mean of the clean vector, ``x + sigma^2 score(x, sigma)`` (Tweedie)."""
        s2 = _per_row(sigma, x.flatten(1)) ** 2
        return x + s2.reshape(-1, *[1] * (x.ndim - 1)) * self.score(x, sigma)

    def posterior(self, y: Tensor, matrix: Tensor, sigma: float) -> MixturePrior:
        """The exact posterior given ``y = matrix @ x + sigma * noise``: again a mixture.

        ``y`` is (m,), ``matrix`` (m, d). Each component is updated as a Gaussian and
        weighted by how well it had foretold ``y``.
        """
        unit = torch.eye(matrix.shape[0], dtype=y.dtype, device=y.device)
        cross = self.covariances @ matrix.T
        spread = matrix @ cross + sigma**2 * unit
        factor = torch.linalg.cholesky(spread)
        surprise = (y - self.means @ matrix.T)[..., None]
        gain = torch.cholesky_solve(cross.mT, factor).mT
        means = self.means + (gain @ surprise)[..., 0]
        covariances = self.covariances - gain @ cross.mT
        whitened = torch.linalg.solve_triangular(factor, surprise, upper=False)[..., 0]
        log_evidence = -0.5 * whitened.square().sum(-1) - factor.diagonal(
            dim1=-2, dim2=-1
        ).log().sum(-1)
        weights = (self.weights.log() + log_evidence).softmax(-1)
        return MixturePrior(weights, means, 0.5 * (covariances + covariances.mT))

    def mean(self) -> Tensor:
        """Mean vector (d,)."""
        return self.weights @ self.means

    def covariance(self) -> Tensor:
        """Covariance (d, d): within the components and between their means."""
        apart = self.means - self.mean()
        within = torch.einsum("k,kde->de", self.weights, self.covariances)
        return within + torch.einsum("k,kd,ke->de", self.weights, apart, apart)

    def sample(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw ``count`` vectors (count, d); ``rng`` is a CPU generator."""
        chosen = torch.multinomial(self.weights.cpu(), count, replacement=True, generator=rng)
        white = torch.randn(count, self.dimension, generator=rng, dtype=self.means.dtype)
        chosen, white = chosen.to(self.means.device), white.to(self.means.device)
        scaled = white * self._values[chosen].sqrt()
        return self.means[chosen] + torch.einsum("bde,be->bd", self._vectors[chosen], scaled)


def matrix_of(operator: LinearOperator, dtype: torch.dtype = torch.float64) -> Tensor:
    """The operator as a dense ``(outputs, inputs)`` matrix; for small pictures only."""
    count = math.prod(operator.shape_in)
    unit = torch.eye(count, dtype=dtype).reshape(count, *operator.shape_in)
    return operator(unit).reshape(count, -1).T.contiguous()


@dataclass(frozen=True)
class PatchDenoiser:
    """Lifts a prior of small patches to whole pictures, channel by channel.

    Overlapping patches are denoised on their own and averaged: cheap and good, but no
    longer the exact posterior mean of one density.
    """

    prior: MixturePrior
    size: int = 8
    stride: int = 4

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """Denoise ``x`` (B, C, H, W); the picture is mirrored to whole strides."""
        batch, channels, height, width = x.shape
        if min(height, width) < self.size:
            raise ValueError(f"a picture of {height} x {width} is smaller than a {self.size} patch")
        planes = x.reshape(batch * channels, 1, height, width)
        down, right = (-(height - self.size)) % self.stride, (-(width - self.size)) % self.stride
        planes = torch.nn.functional.pad(planes, (0, right, 0, down), mode="reflect")
        padded = planes.shape[-2:]
        patches = torch.nn.functional.unfold(planes, self.size, stride=self.stride)
        count = patches.shape[-1]
        rows = patches.mT.reshape(-1, self.size**2)
        levels = _per_row(sigma, x.flatten(1)).expand(batch)
        levels = levels.repeat_interleave(channels * count)
        clean = torch.cat(
            [
                self.prior(part, level)
                for part, level in zip(
                    torch.split(rows, 8192), torch.split(levels, 8192), strict=True
                )
            ]
        )
        patches = clean.reshape(-1, count, self.size**2).mT
        fold = torch.nn.functional.fold
        summed = fold(patches, padded, self.size, stride=self.stride)
        covered = fold(torch.ones_like(patches), padded, self.size, stride=self.stride)
        return (summed / covered)[..., :height, :width].reshape(x.shape)


def scale_mixture(
    size: int = 8, variance: float = 0.05, scales: Sequence[float] = (1e-3, 1e-2, 0.1, 0.5, 2.0)
) -> MixturePrior:
    """A mixture for ``size`` x ``size`` patches of photographs, without training.

    Every component has the power-law spectrum of photographs and the brightness of the
    patch free; they differ in contrast, from flat sky to strong texture (a Gaussian scale
    mixture, Wainwright and Simoncelli 2000).
    """
    length = size * size
    vertical, horizontal = frequencies((size, size), "dct")
    squared = (vertical**2 + horizontal**2).flatten()
    detail = torch.where(squared > 0, squared.clamp_min(1e-9) ** -1.5, torch.zeros(()))
    detail = detail / detail.sum() * length
    unit = torch.eye(length, dtype=torch.float64).reshape(length, 1, size, size)
    vectors = backward(unit, "dct", (size, size)).reshape(length, length).T
    brightness = (squared == 0) * (2.0 * variance * length)
    spectra = torch.stack([detail * variance * s + brightness for s in scales])
    covariances = torch.einsum("dj,kj,ej->kde", vectors, spectra, vectors)
    count = len(scales)
    return MixturePrior(
        torch.full((count,), 1.0 / count),
        torch.full((count, length), 0.5),
        covariances.float(),
    )


def _per_picture(sigma: float | Tensor, x: Tensor) -> Tensor:
    return torch.as_tensor(sigma, dtype=x.dtype, device=x.device).reshape(-1, 1, 1, 1)


def _per_row(sigma: float | Tensor, x: Tensor) -> Tensor:
    return torch.as_tensor(sigma, dtype=x.dtype, device=x.device).reshape(-1)
